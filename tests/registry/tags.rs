//! Tag lists of any length.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, SourceKind};

use super::{ask_with, options, refused, tags};
use crate::support::content::Image;
use crate::support::registry::{Fault, TestRegistry};

#[test]
fn tag_list_costs_one_request_and_is_sorted() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["b", "1.0.0", "a"]);
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1.0.0", "a", "b"]);
    assert_eq!(metadata.source, SourceKind::Registry);
    assert!(metadata.asked_at.is_some());
    let requests = registry.requests();
    assert_eq!(registry.paths(), ["GET /v2/org/app/tags/list"]);
    assert_eq!(requests[0].query, "n=1000");
    assert_eq!(requests[0].authorization, None);
    assert_eq!(
        requests[0].user_agent,
        concat!("kubectl-imgpolicy/", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn links_to_pages_are_followed_with_their_opaque_last_value() {
    let registry = TestRegistry::start();
    let names: Vec<String> = (0..2500).map(|n| format!("t{n:04}")).collect();
    registry.list("org/app", names.clone());
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), names);
    let queries: Vec<String> = registry.requests().into_iter().map(|r| r.query).collect();
    assert_eq!(
        queries,
        [
            "n=1000",
            "last=opaque%2B%3D1000&n=1000",
            "last=opaque%2B%3D2000&n=1000"
        ]
    );
}

#[test]
fn pages_smaller_than_requested_are_read_to_the_end() {
    let registry = TestRegistry::start();
    registry.list("org/app", (0..7).map(|n| n.to_string()));
    registry.page_size(2);
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(registry.requests().len(), 4);
}

#[test]
fn refused_page_size_is_left_out_in_the_next_request() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["a"]);
    registry.fault("/tags/list", Fault::Status(400)).times(1);
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["a"]);
    assert_eq!(registry.requests()[1].query, "");
}

#[test]
fn invalid_tag_names_are_counted_and_never_candidates() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["ok", "not ok", ".hidden", "\u{1b}[31mred"]);
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["ok"]);
    assert_eq!(metadata.illegal_tags, 3);
}

#[test]
fn null_tag_list_is_empty() {
    let registry = TestRegistry::start();
    registry.fault(
        "/tags/list",
        Fault::Body(r#"{"name":"org/app","tags":null}"#),
    );
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), [""; 0]);
}

#[test]
fn unknown_repository_is_not_found() {
    let registry = TestRegistry::start();
    let message = refused(options(), &registry, FetchFailureKind::NotFound);
    assert!(
        message.contains("NAME_UNKNOWN no such repository"),
        "{message}"
    );
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn links_that_form_a_loop_are_refused() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["a", "b"]);
    let link = "</v2/org/app/tags/list?n=1000>; rel=\"next\"".to_owned();
    registry.fault("/tags/list", Fault::Link(link));
    let message = refused(options(), &registry, FetchFailureKind::Registry);
    assert!(message.contains("form a loop"), "{message}");
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn link_with_another_host_or_scheme_is_requested_from_the_host_that_responded() {
    let (registry, other) = (TestRegistry::start(), TestRegistry::start());
    registry.list("org/app", ["a", "b"]);
    other.list("org/app", ["c"]);
    let next = "/v2/org/app/tags/list?last=opaque%2B%3D1";
    for link in [
        format!("<{}{next}>; rel=next", other.url()),
        format!("<//{}{next}>", other.host()),
        format!("<https://{}{next}>; rel=next", registry.host()),
        format!("<http://me:secret@registry.internal{next}>; rel=next"),
    ] {
        registry.heal();
        registry.forget();
        registry
            .fault("/tags/list", Fault::Link(link.clone()))
            .times(1);
        let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
        assert_eq!(tags(&metadata), ["a", "b"], "{link}");
        let asked = registry.requests();
        assert_eq!(asked[1].query, "last=opaque%2B%3D1", "{link}");
    }
    assert_eq!(other.requests(), []);
}

#[test]
fn invalid_link_is_not_the_end_of_the_list() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["a"]);
    for (link, part) in [
        ("/v2/org/app/tags/list?last=a".to_owned(), "cannot be read"),
        ("<mailto:me>; rel=next".to_owned(), "cannot be read"),
        (format!("</{}>", "a".repeat(5000)), "longer than 4096 bytes"),
    ] {
        registry.heal();
        registry.fault("/tags/list", Fault::Link(link.clone()));
        let message = refused(options(), &registry, FetchFailureKind::Registry);
        assert!(message.contains(part), "{link}: {message}");
    }
}

#[test]
fn failure_contains_the_page_that_the_registry_refused() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["a", "b", "c"]);
    registry.page_size(1);
    registry.fault("last=opaque%2B%3D2", Fault::Status(400));
    let message = refused(options(), &registry, FetchFailureKind::Registry);
    assert!(message.contains("HTTP 400 to page 3,"), "{message}");
    assert!(!message.contains("try again"), "{message}");
    assert_eq!(registry.requests().len(), 3);
}

#[test]
fn requests_for_one_repository_do_not_affect_another() {
    let registry = TestRegistry::start();
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry.list("org/other", ["x"]);
    let metadata = ask_with(options(), &registry.image("org/other"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["x"]);
    assert_eq!(registry.count("org/app"), 0);
}
