//! Registries that are down, slow, broken or hostile: each gets a reason in limited
//! time and memory, and the other registries are not affected.

use std::time::{Duration, Instant};

use kubectl_imgpolicy::image::{Fact, FetchFailure, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions, RegistrySetupError};

use super::{ask_with, block_on, created, failure, image, name, options, refused, tags};
use crate::support::content::{Image, Index};
use crate::support::registry::{Access, Fault, TestRegistry};

fn with_tags() -> TestRegistry {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    registry
}

/// A loopback port without a listener; another test could take a free port.
const DEAD_HOST: &str = "127.0.0.1:1";

#[test]
fn server_errors_are_registry_failures_with_their_status() {
    for (status, kind) in [
        (500, FetchFailureKind::ServerError),
        (501, FetchFailureKind::ServerError),
        (418, FetchFailureKind::Registry),
    ] {
        let registry = with_tags();
        registry.fault("/tags/list", Fault::Status(status));
        let message = refused(options(), &registry, kind);
        assert!(message.contains(&format!("HTTP {status}")), "{message}");
        assert_eq!(registry.requests().len(), 1, "{status}");
    }
}

#[test]
fn temporary_errors_are_retried_a_few_times() {
    for (fault, kind) in [
        (Fault::Status(502), FetchFailureKind::ServerError),
        (Fault::Status(503), FetchFailureKind::ServerError),
        (Fault::Status(504), FetchFailureKind::ServerError),
        (Fault::Reset, FetchFailureKind::Registry),
    ] {
        let registry = with_tags();
        registry.fault("/tags/list", fault.clone()).times(2);
        let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
        assert_eq!(tags(&metadata), ["1"], "{fault:?}");
        assert_eq!(registry.requests().len(), 3);
        registry.forget();
        registry.fault("/tags/list", fault);
        refused(options(), &registry, kind);
        assert_eq!(registry.requests().len(), 3);
    }
}

#[test]
fn slow_pages_end_with_the_scan_timeout_and_other_repositories_are_not_affected() {
    let registry = with_tags();
    registry.list("org/slow", (0..100).map(|n| n.to_string()));
    registry.page_size(1);
    registry.fault("org/slow/tags", Fault::Slow(Duration::from_millis(100)));
    let options = RegistryOptions {
        scan_timeout: Duration::from_millis(450),
        ..options()
    };
    let registries = Registries::new(options).expect("options");
    let ask = async |repository: &str| {
        let mut metadata = RepositoryMetadata::default();
        let name = name(&registry.image(repository));
        let account = registries.user();
        registries
            .answer(account, &name, vec![Fact::Tags], &mut metadata)
            .await;
        metadata
    };
    let (slow, again, other) = block_on(async {
        let slow = ask("org/slow").await;
        let sent = registry.count("org/slow");
        assert!((2..=6).contains(&sent), "{sent}");
        let again = ask("org/slow").await;
        assert_eq!(registry.count("org/slow"), sent, "the time is spent");
        (slow, again, ask("org/app").await)
    });
    for metadata in [slow, again] {
        let failure = failure(&metadata.tags);
        assert_eq!(failure.kind, FetchFailureKind::ScanTimeout);
        let message = &failure.message;
        assert!(message.contains("longer than 450ms in total"), "{message}");
        assert!(message.contains("--scan-timeout"), "{message}");
    }
    assert_eq!(tags(&other), ["1"]);
}

#[test]
fn pause_that_the_registry_asks_for_does_not_count_towards_the_scan_timeout() {
    let registry = with_tags();
    let fault = Fault::RetryAfter(429, 1);
    registry.fault("/tags/list", fault).times(1);
    let options = RegistryOptions {
        scan_timeout: Duration::from_millis(900),
        ..options()
    };
    let metadata = ask_with(options, &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
}

#[test]
fn a_rate_limited_request_waits_and_is_repeated() {
    let registry = with_tags();
    registry
        .fault("/tags/list", Fault::RetryAfter(429, 1))
        .times(1);
    let started = Instant::now();
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_long_rate_limit_fails_at_once_and_ends_all_requests() {
    let registry = TestRegistry::start();
    registry.fault("/manifests/", Fault::RetryAfter(429, 3600));
    let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let started = Instant::now();
    let facts = created(names.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert!(started.elapsed() < Duration::from_secs(5));
    for tag in &names {
        let failure = failure(&image(&metadata, tag).created);
        assert_eq!(failure.kind, FetchFailureKind::RateLimited, "{failure}");
    }
    let last = failure(&image(&metadata, "199").created);
    assert!(last.message.contains("try again in 3600 s"), "{last}");
    assert!(
        registry.requests().len() <= 32,
        "{}",
        registry.requests().len()
    );
}

#[test]
fn a_dead_host_is_given_up_after_one_failure() {
    let registries = Registries::new(options()).expect("options");
    let started = Instant::now();
    block_on(async {
        for n in 0..300 {
            let mut metadata = RepositoryMetadata::default();
            let name = name(&format!("{DEAD_HOST}/org/app{n}"));
            registries
                .answer(registries.user(), &name, vec![Fact::Tags], &mut metadata)
                .await;
            let failure = failure(&metadata.tags);
            assert_eq!(failure.kind, FetchFailureKind::Unreachable);
            assert!(failure.message.contains("cannot be reached"), "{failure}");
        }
    });
    assert!(started.elapsed() < Duration::from_secs(5));
    // One over https, one over plain HTTP; the others fail without a request.
    assert_eq!(registries.statistics().requests, 2);
}

#[test]
fn a_name_that_does_not_resolve_is_unreachable() {
    let metadata = ask_with(options(), "registry.invalid/org/app", vec![Fact::Tags]);
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, FetchFailureKind::Unreachable);
    assert!(failure.message.contains("registry.invalid"), "{failure}");
}

#[test]
fn a_slow_registry_is_given_up_after_two_time_outs() {
    let registry = TestRegistry::start();
    registry.fault("/v2/", Fault::Slow(Duration::from_secs(20)));
    let mut options = options();
    options.request_timeout = Some(Duration::from_millis(300));
    options.max_connections = 1;
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let started = Instant::now();
    let facts = created(names.iter().map(String::as_str));
    let metadata = ask_with(options, &registry.image("org/app"), facts);
    assert!(started.elapsed() < Duration::from_secs(5));
    for tag in &names {
        let failure = failure(&image(&metadata, tag).created);
        assert_eq!(failure.kind, FetchFailureKind::Unreachable);
        assert!(
            failure.message.contains("did not answer within 300ms"),
            "{failure}"
        );
    }
    assert_eq!(registry.requests().len(), 2);
}

#[test]
fn endless_bodies_are_not_read_to_the_end() {
    for (fault, most) in [
        (Fault::Endless, 33 * 1024 * 1024),
        (Fault::Announced(100 * 1024 * 1024), 0),
        (Fault::GzipBomb(100 * 1024 * 1024), 33 * 1024 * 1024),
    ] {
        let registry = with_tags();
        registry.fault("/tags/list", fault.clone());
        let registries = Registries::new(options()).expect("options");
        let mut metadata = RepositoryMetadata::default();
        let name = name(&registry.image("org/app"));
        block_on(registries.answer(registries.user(), &name, vec![Fact::Tags], &mut metadata));
        let failure = failure(&metadata.tags);
        assert_eq!(failure.kind, FetchFailureKind::Registry, "{fault:?}");
        assert!(
            failure.message.contains("larger than 33554432 bytes"),
            "{failure}"
        );
        assert!(
            registries.statistics().bytes <= most,
            "{fault:?} {:?}",
            registries.statistics()
        );
        assert_eq!(registry.requests().len(), 1, "repeated");
    }
}

#[test]
fn a_config_is_read_only_up_to_the_size_in_its_manifest() {
    let registry = TestRegistry::start();
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry.fault("/blobs/", Fault::Endless);
    let registries = Registries::new(options()).expect("options");
    let mut metadata = RepositoryMetadata::default();
    let name = name(&registry.image("org/app"));
    block_on(registries.answer(registries.user(), &name, created(["1"]), &mut metadata));
    assert_eq!(
        failure(&image(&metadata, "1").created).kind,
        FetchFailureKind::Registry
    );
    assert!(registries.statistics().bytes < 1024 * 1024);
}

/// The part of a path that names the kind of a request, and whether its size is known
/// in advance.
const QUESTIONS: [(&str, bool); 5] = [
    ("GET /token", false),
    ("GET /v2/org/app/tags/list", false),
    ("GET /v2/org/app/manifests/1", false),
    ("GET /v2/org/app/manifests/sha256:", true),
    ("GET /v2/org/app/blobs/", true),
];

/// Requests all of these for an index, and returns this page for one of them that many
/// times.
fn past_a_page(question: &str, page: Fault, times: usize) -> (RepositoryMetadata, TestRegistry) {
    let registry = TestRegistry::start();
    let images =
        ["linux/amd64", "linux/arm64"].map(|p| Image::built("2024-01-01T00:00:00Z").platform(p));
    registry.push("org/app", "1", Index::of(images));
    registry.require(Access::Token);
    registry.fault(question, page).times(times);
    let mut facts = created(["1"]);
    facts.push(Fact::Tags);
    let mut options = options();
    options.request_timeout = Some(Duration::from_secs(10));
    let metadata = ask_with(options, &registry.image("org/app"), facts);
    (metadata, registry)
}

fn failure_of<'m>(question: &str, metadata: &'m RepositoryMetadata) -> &'m FetchFailure {
    if question.ends_with("list") {
        failure(&metadata.tags)
    } else {
        failure(&image(metadata, "1").created)
    }
}

#[test]
fn the_length_of_an_error_page_does_not_matter() {
    use FetchFailureKind::{NoConfig, NotFound, Registry, ServerError, Unauthorized};
    for (question, _) in QUESTIONS {
        for length in [0, 5_000, 50_000, usize::MAX] {
            // These are retried.
            for status in [429, 502, 503, 504] {
                let (metadata, registry) = past_a_page(question, Fault::Page(status, length), 1);
                assert_eq!(tags(&metadata), ["1"]);
                let created = image(&metadata, "1").created.value();
                assert!(created.is_some(), "{question} {status} {length}");
                // With a 401 and a token.
                assert_eq!(registry.requests().len(), 7);
            }
            for (status, kind) in [
                (401, Unauthorized),
                (403, Unauthorized),
                (404, NotFound),
                (500, ServerError),
            ] {
                let kind = match kind {
                    NotFound | ServerError if question.ends_with("token") => Registry,
                    NotFound if question.contains("/blobs/") => NoConfig,
                    kind => kind,
                };
                let page = Fault::Page(status, length);
                let (metadata, _) = past_a_page(question, page, usize::MAX);
                let failure = failure_of(question, &metadata);
                let what = format!("{question} {status} {length}: {failure}");
                assert_eq!(failure.kind, kind, "{what}");
                assert!(!failure.message.contains("larger than"), "{what}");
            }
        }
    }
}

#[test]
fn a_slow_error_page_is_not_waited_for() {
    for (question, _) in QUESTIONS {
        let (metadata, _) = past_a_page(question, Fault::Stalled(503), 1);
        assert_eq!(tags(&metadata), ["1"]);
        let created = image(&metadata, "1").created.value();
        assert!(created.is_some(), "{question}");
    }
}

#[test]
fn a_body_may_not_be_longer_than_its_descriptor_says() {
    for (question, sized) in QUESTIONS {
        let (metadata, _) = past_a_page(question, Fault::Page(200, 5_000), 1);
        let failure = failure_of(question, &metadata);
        assert_eq!(failure.kind, FetchFailureKind::Registry);
        let is_too_large = failure.message.contains("larger than");
        assert_eq!(is_too_large, sized, "{failure}");
    }
}

#[test]
fn a_malformed_tag_list_is_reported_without_quoting_it() {
    for body in [
        "<html>hunter2</html>",
        "{\"tags\":[1]}",
        "{\"tags\":[\"a\"",
        "[]",
        "",
    ] {
        let registry = with_tags();
        registry.fault("/tags/list", Fault::Body(body));
        let message = refused(options(), &registry, FetchFailureKind::Registry);
        assert!(message.contains("malformed"), "{body}: {message}");
        assert!(message.contains("text/html"), "{body}: {message}");
    }
}

#[test]
fn endless_redirects_are_refused() {
    let registry = TestRegistry::start();
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry.fault("/manifests/", Fault::Redirect(registry.url()));
    let metadata = ask_with(options(), &registry.image("org/app"), created(["1"]));
    let failure = failure(&image(&metadata, "1").created);
    assert_eq!(failure.kind, FetchFailureKind::Registry);
    assert!(
        failure.message.contains("more than 5 redirects"),
        "{failure}"
    );
    assert_eq!(registry.requests().len(), 6);
}

#[test]
fn redirects_to_another_host_are_followed_for_content() {
    let (registry, storage) = (TestRegistry::start(), TestRegistry::start());
    for registry in [&registry, &storage] {
        registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    }
    registry.fault("/manifests/", Fault::Redirect(storage.url()));
    registry.fault("/blobs/", Fault::Redirect(storage.url()));
    let mut facts = created(["1"]);
    facts.push(Fact::Digest(
        "1".parse::<kubectl_imgpolicy::image::Tag>()
            .expect("tag")
            .into(),
    ));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert!(
        image(&metadata, "1").created.value().is_some(),
        "{metadata:?}"
    );
    assert_eq!(storage.requests().len(), 2);
}

#[test]
fn a_bad_registry_affects_only_its_own_repositories() {
    let (good, slow) = (with_tags(), with_tags());
    slow.fault("/v2/", Fault::Slow(Duration::from_secs(20)));
    let mut options = options();
    options.request_timeout = Some(Duration::from_millis(500));
    let registries = Registries::new(options).expect("options");
    let mut results = <[RepositoryMetadata; 3]>::default();
    let [a, b, c] = &mut results;
    let names = [
        name(&good.image("org/app")),
        name(&slow.image("org/app")),
        name(&format!("{DEAD_HOST}/org/app")),
    ];
    block_on(async {
        tokio::join!(
            registries.answer(registries.user(), &names[0], vec![Fact::Tags], a),
            registries.answer(registries.user(), &names[1], vec![Fact::Tags], b),
            registries.answer(registries.user(), &names[2], vec![Fact::Tags], c),
        )
    });
    assert_eq!(tags(&results[0]), ["1"]);
    for bad in &results[1..] {
        assert_eq!(failure(&bad.tags).kind, FetchFailureKind::Unreachable);
    }
}

#[test]
fn invalid_options_are_rejected_at_the_start() {
    let bad_host = |host: &str| RegistryOptions {
        insecure_registries: vec![host.to_owned()],
        ..options()
    };
    for host in [
        "http://registry.lan",
        "registry.lan/path",
        "",
        "a b",
        "user@host",
    ] {
        assert!(
            matches!(
                Registries::new(bad_host(host)),
                Err(RegistrySetupError::InsecureRegistry(_))
            ),
            "{host}"
        );
    }
    assert!(Registries::new(bad_host("registry.lan:5000")).is_ok());
    let no_certificate = RegistryOptions {
        extra_ca: vec![b"not a certificate".to_vec()],
        ..options()
    };
    assert!(matches!(
        Registries::new(no_certificate),
        Err(RegistrySetupError::CertificateAuthority { position: 1 })
    ));
}
