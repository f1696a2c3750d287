//! Nexus: Basic authentication, HEAD of a manifest is answered with 404, and the link to
//! the next page has a path that only its main port serves.

use super::*;

fn start() -> TestRegistry {
    let registry = TestRegistry::start();
    fill(&[&registry]);
    registry.require(Access::Basic("me", "right"));
    registry.open(PUBLIC);
    registry.fault("HEAD /v2/", Fault::Status(404));
    registry
}

#[test]
fn nexus_is_scanned_although_it_answers_each_head_with_404() {
    let registry = start();
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    // The tag list and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [2]));
    // The tag list, and for each tag the index, one manifest and its config.
    let by_time = scan(options(), (PUBLIC, "glob:*"), [&registry]);
    assert_eq!(by_time, (NEWEST.to_owned(), [10]));
    // A followed tag: HEAD, then GET.
    let followed = scan(options(), (PUBLIC, "digest:1.2.0"), [&registry]);
    assert_eq!(followed.0, NEWEST);
    assert_eq!(registry.count("HEAD "), 1, "{:?}", registry.paths());
}

#[test]
fn nexus_gets_the_password_for_the_private_repository_only() {
    let registry = start();
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [1]));
    let (_config, options) = login(&registry);
    let private = scan(options.clone(), (PRIVATE, "semver:^1"), [&registry]);
    // One more for the challenge.
    assert_eq!(private, (NEWEST.to_owned(), [3]));
    let public = scan(options, (PUBLIC, "semver:^1"), [&registry]);
    assert_eq!(public, (NEWEST.to_owned(), [2]));
    assert!(!has_credentials(&registry));
}

#[test]
fn nexus_pages_are_read_although_their_links_lead_to_another_path() {
    let registry = start();
    registry.page_size(1);
    registry.link_below("/repository/docker-hosted");
    let paged = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    // Three pages, of which the second is first requested at the path in the link, and
    // the elected manifest.
    assert_eq!(paged, (NEWEST.to_owned(), [5]));
    assert_eq!(registry.count("/repository/"), 1, "{:?}", registry.paths());
}
