//! A failing registry affects only its own rows, in bounded time and memory.

use std::time::Duration;

use super::{automated, text, with_manifest};
use crate::support::program::Outcome;
use crate::support::registry::{Fault, TestRegistry};

/// The most memory a run may take, in KiB.
const MEMORY: u64 = 100 * 1024;

/// Runs one `status` on a faulty and a healthy registry; returns the faulty row's
/// reason and message.
fn beside_a_healthy_one(faulty: &str, more: &[&str]) -> (String, String, Outcome) {
    let healthy = TestRegistry::start();
    healthy.tag("org/app", ["1.0.0", "1.0.1"]);
    let bad = automated("semver:~1.0", faulty).replace("name: web", "name: bad");
    let good = automated("semver:~1.0", &healthy.image("org/app:1.0.0"));
    let environment = with_manifest(&format!("{bad}---\n{good}"));
    let args = ["status", "-f", "web.yaml", "-o", "json"];
    let outcome = environment.run(args.iter().chain(more)).expect(0);
    let items = outcome.items();
    assert_eq!(text(&items[0]["workload"], "name"), "bad");
    assert_eq!(text(&items[0], "outcome"), "unknown", "{outcome:#?}");
    assert!(items[0]["latest"].is_null());
    assert_eq!(text(&items[1], "outcome"), "update", "{outcome:#?}");
    assert_eq!(text(&items[1], "latest"), healthy.image("org/app:1.0.1"));
    assert_eq!(outcome.json()["summary"]["undecided"], 1);
    if let Some(peak) = outcome.peak {
        assert!(peak < MEMORY, "{peak} KiB");
    }
    let field_of = |field| text(&items[0], field).to_owned();
    (field_of("reason"), field_of("message"), outcome)
}

/// A registry with this fault in its tag lists.
fn faulty(fault: Fault) -> TestRegistry {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry.fault("/tags/list", fault);
    registry
}

#[test]
fn each_fault_has_its_reason_and_names_its_registry() {
    let other = TestRegistry::start();
    other.tag("org/app", ["9.9.9"]);
    let elsewhere = format!("<{}/v2/org/app/tags/list>; rel=\"next\"", other.url());
    let same = "</v2/org/app/tags/list?n=1>; rel=\"next\"".to_owned();
    for (fault, expected) in [
        (Fault::Status(401), "unauthorized"),
        (Fault::Status(403), "unauthorized"),
        (Fault::Status(404), "image-not-found"),
        (Fault::RetryAfter(429, 3600), "rate-limited"),
        (Fault::Status(500), "registry-error"),
        (
            Fault::Body("<html>welcome to the hotel</html>"),
            "registry-error",
        ),
        (Fault::Body("{\"tags\": [1, 2]}"), "registry-error"),
        (Fault::Link(same), "registry-error"),
        (Fault::Link(elsewhere), "registry-error"),
        (Fault::Announced(100 << 20), "registry-error"),
        (Fault::Endless, "registry-error"),
        (Fault::GzipBomb(100 << 20), "registry-error"),
    ] {
        let what = format!("{fault:?}");
        let registry = faulty(fault);
        let (reason, message, outcome) =
            beside_a_healthy_one(&registry.image("org/app:1.0.0"), &[]);
        assert_eq!(reason, expected, "{what}: {message}");
        assert!(message.contains(&registry.host()), "{what}: {message}");
        assert!(
            outcome.took < Duration::from_secs(15),
            "{what}: {outcome:#?}"
        );
    }
    assert_eq!(other.paths(), [""; 0], "another host was contacted");
}

#[test]
fn stopped_registry_is_unreachable() {
    let registry = TestRegistry::start();
    let image = registry.image("org/app:1.0.0");
    drop(registry);
    let (reason, message, outcome) = beside_a_healthy_one(&image, &[]);
    assert_eq!(reason, "registry-unreachable", "{message}");
    assert!(outcome.took < Duration::from_secs(10), "{outcome:#?}");
}

#[test]
fn slow_registry_is_skipped_after_the_timeout() {
    let registry = faulty(Fault::Slow(Duration::from_secs(60)));
    let image = registry.image("org/app:1.0.0");
    let (reason, message, outcome) = beside_a_healthy_one(&image, &["--request-timeout", "300ms"]);
    assert_eq!(reason, "registry-unreachable", "{message}");
    assert!(message.contains("300"), "{message}");
    assert!(outcome.took < Duration::from_secs(10), "{outcome:#?}");
}

#[test]
fn wait_for_a_busy_registry_is_limited_by_a_flag() {
    let registry = faulty(Fault::Status(429));
    let image = registry.image("org/app:1.0.0");
    let (reason, message, outcome) = beside_a_healthy_one(&image, &["--max-wait", "1s"]);
    assert_eq!(reason, "rate-limited", "{message}");
    assert!(outcome.took < Duration::from_secs(5), "{outcome:#?}");
}

#[test]
fn short_retry_delay_is_waited_for() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry
        .fault("/tags/list", Fault::RetryAfter(429, 1))
        .times(1);
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    let item = environment
        .run(["status", "-f", "web.yaml", "-o", "json"])
        .expect(0)
        .item();
    assert_eq!(text(&item, "outcome"), "update");
}

/// Only Linux has more loopback addresses than 127.0.0.1.
#[cfg(target_os = "linux")]
#[test]
fn many_dead_hosts_cost_only_seconds() {
    let dead: Vec<String> = (1..=300)
        .map(|n| {
            let image = format!("127.7.{}.{}:9/org/app:1.0.0", n / 200, n % 200 + 1);
            automated("semver:*", &image).replace("name: web", &format!("name: w{n}"))
        })
        .collect();
    let environment = with_manifest(&dead.join("---\n"));
    let outcome = environment
        .run(["status", "-f", "web.yaml", "-o", "json"])
        .expect(0);
    assert_eq!(outcome.json()["summary"]["undecided"], 300);
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
}

#[test]
fn slow_registry_delays_the_other_rows_only_for_the_scan_timeout() {
    let slow = TestRegistry::start();
    slow.list("org/app", (0..500).map(|n| format!("1.0.{n}")));
    slow.page_size(1);
    slow.fault("/tags/list", Fault::Slow(Duration::from_millis(200)));
    let image = slow.image("org/app:1.0.0");
    let (reason, message, outcome) = beside_a_healthy_one(&image, &["--scan-timeout", "1s"]);
    assert_eq!(reason, "scan-timeout");
    assert!(message.contains("longer than 1s in total"), "{message}");
    assert!(outcome.took < Duration::from_secs(20), "{:?}", outcome.took);
}

/// An index with this many entries, as short as possible.
fn index_with(entries: usize) -> &'static str {
    let entry = format!(r#"{{"digest":"sha256:{}"}}"#, "a".repeat(64));
    let entries = vec![entry; entries].join(",");
    format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#).leak()
}

#[test]
fn large_indexes_are_read_in_bounded_memory_and_reject_only_their_tags() {
    // The first ones are below the limit in bytes, the others are above it.
    for (entries, tags) in [(48_000, 3), (100_000, 60)] {
        let registry = TestRegistry::start();
        registry.tag("org/app", ["1.0.0"]);
        registry.list("org/app", (0..tags).map(|n| format!("large-{n}")));
        registry.fault("/manifests/large-", Fault::Body(index_with(entries)));
        let environment = with_manifest(&automated("glob:*", &registry.image("org/app:1.0.0")));
        let args = ["status", "-f", "web.yaml", "-o", "json"];
        let outcome = environment.run(args).expect(0);
        assert_eq!(
            text(&outcome.item(), "reason"),
            "up-to-date",
            "{outcome:#?}"
        );
        assert!(registry.count("/manifests/large-") >= tags);
        if let Some(peak) = outcome.peak {
            assert!(peak < MEMORY, "{entries} entries: {peak} KiB");
        }
    }
}

#[test]
fn very_long_tag_list_is_read_in_bounded_time_and_memory() {
    let registry = TestRegistry::start();
    registry.list(
        "org/app",
        (0..200_000).map(|n| format!("1.{}.{}", n / 1000, n % 1000)),
    );
    registry.tag("org/app", ["1.199.999"]);
    let environment = with_manifest(&automated("semver:*", &registry.image("org/app:1.0.0")));
    let outcome = environment
        .run([
            "status",
            "-f",
            "web.yaml",
            "-o",
            "json",
            "--platform",
            "linux/amd64",
        ])
        .expect(0);
    assert_eq!(
        text(&outcome.item(), "latest"),
        registry.image("org/app:1.199.999")
    );
    assert!(outcome.took < Duration::from_secs(30), "{:?}", outcome.took);
    if let Some(peak) = outcome.peak {
        assert!(peak < MEMORY, "{peak} KiB");
    }
}
