//! How many concurrent requests one host gets.

use std::time::{Duration, Instant, SystemTime};

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::RegistryOptions;

use super::{ask_with, created, failure, image, options, tags};
use crate::support::content::Image;
use crate::support::registry::tls::Authority;
use crate::support::registry::{Fault, TestRegistry};

const PAUSE: Duration = Duration::from_millis(20);

/// A registry with this many tags with different times.
fn with_tags(count: usize) -> (TestRegistry, Vec<String>) {
    let registry = TestRegistry::start();
    let names = fill(&registry, count);
    (registry, names)
}

fn fill(registry: &TestRegistry, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|n| format!("1.{n}")).collect();
    for (n, tag) in names.iter().enumerate() {
        let built = format!("2024-01-{:02}T{:02}:00:00Z", 1 + n / 24 % 28, n % 24);
        registry.push("org/app", tag, Image::built(&built).label(tag));
    }
    names
}

fn ask_all(
    options: RegistryOptions,
    registry: &TestRegistry,
    names: &[String],
) -> RepositoryMetadata {
    let facts = created(names.iter().map(String::as_str));
    ask_with(options, &registry.image("org/app"), facts)
}

#[test]
fn a_host_that_keeps_up_gets_more_concurrent_requests() {
    let (registry, names) = with_tags(400);
    registry.fault("/v2/", Fault::Slow(Duration::from_millis(50)));
    let metadata = ask_all(options(), &registry, &names);
    assert!(image(&metadata, "1.399").created.value().is_some());
    assert_eq!(registry.requests().len(), 800);
    // 128, unless the machine is too busy to send that many in 50 ms.
    assert!(registry.peak() <= 128, "{}", registry.peak());
    assert!(registry.peak() > 32, "{}", registry.peak());
}

#[test]
fn a_host_never_gets_more_concurrent_requests_than_the_maximum() {
    for most in [1, 4, 20, 40] {
        let (registry, names) = with_tags(100);
        registry.fault("/v2/", Fault::Slow(PAUSE / 4));
        let mut options = options();
        options.max_connections = most;
        let metadata = ask_all(options, &registry, &names);
        assert!(image(&metadata, "1.99").created.value().is_some());
        let peak = registry.peak();
        assert!(
            (most.div_ceil(2)..=most).contains(&peak),
            "{peak} of {most}"
        );
    }
}

#[test]
fn a_host_that_complains_gets_fewer_requests_and_all_tags_are_read() {
    let (calm, names) = with_tags(300);
    let (busy, _) = with_tags(300);
    let expected = ask_all(options(), &calm, &names);
    busy.fault("/v2/", Fault::Crowded(12, PAUSE));
    let metadata = ask_all(options(), &busy, &names);
    for tag in &names {
        let created = image(&metadata, tag).created.value();
        assert!(created.is_some(), "{tag}");
        assert_eq!(created, image(&expected, tag).created.value(), "{tag}");
    }
    // Far below 128. Some requests of the first two rounds are refused, and a few more on
    // a busy machine.
    assert!(busy.peak() <= 32, "{}", busy.peak());
    let refused = busy.requests().len() - 600;
    assert!((1..=64).contains(&refused), "{refused}");
}

#[test]
fn a_host_that_queues_requests_gets_no_more_of_them() {
    let (calm, names) = with_tags(200);
    let (queue, _) = with_tags(200);
    let expected = ask_all(options(), &calm, &names);
    queue.workers(4, Duration::from_millis(5));
    let metadata = ask_all(options(), &queue, &names);
    assert_eq!(metadata.images, expected.images);
    assert_eq!(queue.requests().len(), 400);
    assert!(queue.peak() <= 64, "{}", queue.peak());
}

#[test]
fn a_host_that_resets_connections_gets_fewer_requests_and_is_not_given_up() {
    let authority = Authority::new();
    for tls in [false, true] {
        let crowded = if tls {
            TestRegistry::start_tls(&authority.certify("127.0.0.1").without_http2())
        } else {
            TestRegistry::start()
        };
        let names = fill(&crowded, 300);
        crowded.fault("/v2/", Fault::Slow(PAUSE));
        crowded.crowd(40);
        let mut options = options();
        options.extra_ca = vec![authority.pem().into_bytes()];
        let metadata = ask_all(options, &crowded, &names);
        for tag in &names {
            let created = &image(&metadata, tag).created;
            assert!(created.value().is_some(), "tls {tls}, {tag}: {created:?}");
        }
        // One request checks whether the loopback host uses TLS.
        assert_eq!(crowded.requests().len(), 600 + usize::from(tls));
        assert!(crowded.resets() > 0);
        assert!(crowded.peak() <= 40, "{}", crowded.peak());
    }
}

#[test]
fn above_a_rate_limit_all_tags_are_read_and_retry_after_is_honoured() {
    let (calm, names) = with_tags(100);
    let (limited, _) = with_tags(100);
    let expected = ask_all(options(), &calm, &names);
    limited.limit(80);
    let started = Instant::now();
    let metadata = ask_all(options(), &limited, &names);
    for tag in &names {
        let created = image(&metadata, tag).created.value();
        assert!(created.is_some(), "{tag}");
        assert_eq!(created, image(&expected, tag).created.value(), "{tag}");
    }
    let (refused, impatient) = limited.refused();
    assert_eq!(limited.requests().len() - refused, 200);
    assert!(refused > 0);
    assert_eq!(impatient, 0);
    // 80 at once, and 80 per second: one and a half seconds.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
}

#[test]
fn retry_after_with_a_time_is_waited_for() {
    let (registry, _) = with_tags(1);
    // Whole seconds, so between one and two.
    let when = httpdate::fmt_http_date(soon(2));
    registry
        .fault("/tags/list", Fault::RetryWhen(429, when))
        .times(1);
    let started = Instant::now();
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1.0"]);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[test]
fn retry_after_with_a_time_too_far_away_fails_at_once() {
    let (registry, _) = with_tags(1);
    let when = httpdate::fmt_http_date(soon(3600));
    registry.fault("/tags/list", Fault::RetryWhen(429, when));
    let started = Instant::now();
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, FetchFailureKind::RateLimited, "{failure}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(registry.requests().len(), 1);
}

#[expect(clippy::disallowed_methods, reason = "a registry names a time to come")]
fn soon(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}
