use std::time::Duration;

use super::*;
use crate::controller::metrics::figures::{RunCounts, RunGauges};
use crate::evaluator::Outcome;
use crate::policy::State;
use crate::registry::CacheBackend;

/// Of each metric, one sample at least.
fn facts() -> MetricsFacts {
    let mut counts = RunCounts::default();
    let at = "2026-11-30T15:00:00Z".parse().expect("a time");
    counts.add_scan("docker.io", ScanResult::Answered, at);
    counts.add_scan(
        "docker.io",
        ScanResult::RateLimited,
        at + Duration::from_secs(9),
    );
    counts.add_scan("down.example:5000", ScanResult::Unreachable, at);
    counts.add_scan_duration(Duration::from_millis(300));
    counts.add_scan_duration(Duration::from_secs(400));
    counts.add_update(UpdateResult::Written);
    counts.add_failed_rollout();
    MetricsFacts {
        is_leader: true,
        is_synced: true,
        figures: RunFigures {
            counts,
            gauges: RunGauges {
                containers: [((State::Automated, Outcome::Keep), 7)].into(),
                waiting: [(WaitCause::Canary, 2)].into(),
                breakers: [(BreakerKind::Image, 1)].into(),
            },
        },
        answers: [
            (("registry-1.docker.io".to_owned(), Some(429)), 3),
            (("down.example:5000".to_owned(), None), 1),
        ]
        .into(),
        cache: CacheStatistics {
            backend: Some(CacheBackend::Memcached),
            hits: 5,
            misses: 4,
            puts: 4,
        },
    }
}

/// The lines of a metric.
fn samples(text: &str, name: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{', '_']))
    });
    lines.map(str::to_owned).collect()
}

#[test]
fn facts_become_text() {
    let text = metrics_text(facts());
    for (name, expected) in [
        ("imgpolicy_leader", vec!["imgpolicy_leader 1"]),
        (
            "imgpolicy_containers",
            vec!["imgpolicy_containers{state=\"automated\",outcome=\"keep\"} 7"],
        ),
        (
            "imgpolicy_scans_total",
            vec![
                "imgpolicy_scans_total{host=\"docker.io\",result=\"answered\"} 1",
                "imgpolicy_scans_total{host=\"docker.io\",result=\"refused\"} 0",
                "imgpolicy_scans_total{host=\"docker.io\",result=\"unreachable\"} 0",
                "imgpolicy_scans_total{host=\"docker.io\",result=\"rate-limited\"} 1",
                "imgpolicy_scans_total{host=\"down.example:5000\",result=\"answered\"} 0",
                "imgpolicy_scans_total{host=\"down.example:5000\",result=\"refused\"} 0",
                "imgpolicy_scans_total{host=\"down.example:5000\",result=\"unreachable\"} 1",
                "imgpolicy_scans_total{host=\"down.example:5000\",result=\"rate-limited\"} 0",
            ],
        ),
        (
            // The failed scan after it does not count, and neither does a host without an answer.
            "imgpolicy_last_successful_scan_timestamp_seconds",
            vec!["imgpolicy_last_successful_scan_timestamp_seconds{host=\"docker.io\"} 1796050800"],
        ),
        (
            "imgpolicy_registry_requests_total",
            vec![
                "imgpolicy_registry_requests_total{host=\"down.example:5000\",code=\"none\"} 1",
                "imgpolicy_registry_requests_total{host=\"registry-1.docker.io\",code=\"429\"} 3",
            ],
        ),
        (
            "imgpolicy_updates_waiting",
            vec![
                "imgpolicy_updates_waiting{cause=\"in-progress\"} 0",
                "imgpolicy_updates_waiting{cause=\"window\"} 0",
                "imgpolicy_updates_waiting{cause=\"breaker\"} 0",
                "imgpolicy_updates_waiting{cause=\"canary\"} 2",
                "imgpolicy_updates_waiting{cause=\"rollouts\"} 0",
                "imgpolicy_updates_waiting{cause=\"rate\"} 0",
            ],
        ),
        (
            "imgpolicy_rollouts_failed_total",
            vec!["imgpolicy_rollouts_failed_total 1"],
        ),
        (
            "imgpolicy_cache_requests_total",
            vec![
                "imgpolicy_cache_requests_total{backend=\"memcached\",result=\"hit\"} 5",
                "imgpolicy_cache_requests_total{backend=\"memcached\",result=\"miss\"} 4",
            ],
        ),
        ("imgpolicy_watch_synced", vec!["imgpolicy_watch_synced 1"]),
    ] {
        assert_eq!(samples(&text, name), expected);
    }
    let durations = samples(&text, "imgpolicy_scan_duration_seconds");
    for line in [
        "imgpolicy_scan_duration_seconds_sum 400.3",
        "imgpolicy_scan_duration_seconds_count 2",
        "imgpolicy_scan_duration_seconds_bucket{le=\"0.25\"} 0",
        "imgpolicy_scan_duration_seconds_bucket{le=\"0.5\"} 1",
        "imgpolicy_scan_duration_seconds_bucket{le=\"300.0\"} 1",
        "imgpolicy_scan_duration_seconds_bucket{le=\"+Inf\"} 2",
    ] {
        assert!(
            durations.iter().any(|found| found == line),
            "{line}: {text}"
        );
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn standby_does_not_repeat_what_it_decided_as_the_leader() {
    let text = metrics_text(MetricsFacts {
        is_leader: false,
        ..facts()
    });
    assert_eq!(samples(&text, "imgpolicy_leader"), ["imgpolicy_leader 0"]);
    assert_eq!(samples(&text, "imgpolicy_containers").len(), 0);
    for name in ["imgpolicy_updates_waiting", "imgpolicy_breaker_open"] {
        let samples = samples(&text, name);
        assert!(samples.len() >= 3, "{text}");
        assert!(samples.iter().all(|line| line.ends_with(" 0")), "{text}");
    }
    // What it has done as the leader is still counted.
    let written = "imgpolicy_updates_total{result=\"written\"} 1";
    assert!(text.lines().any(|line| line == written), "{text}");
}

#[test]
fn cache_that_is_off_has_no_requests() {
    let text = metrics_text(MetricsFacts {
        cache: CacheStatistics {
            misses: 3,
            ..CacheStatistics::default()
        },
        ..facts()
    });
    assert_eq!(samples(&text, "imgpolicy_cache_requests_total").len(), 0);
}

#[test]
fn label_with_special_characters_is_quoted() {
    let mut facts = facts();
    facts.answers = [(("a\"b\\c\nd".to_owned(), None), 1)].into();
    let text = metrics_text(facts);
    let line = "imgpolicy_registry_requests_total{host=\"a\\\"b\\\\c\\nd\",code=\"none\"} 1";
    assert!(text.lines().any(|found| found == line), "{text}");
}
