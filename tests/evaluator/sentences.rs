//! Every reason with the message that a user reads.

use std::collections::BTreeSet;

use kubectl_imgpolicy::evaluator::Reason;
use kubectl_imgpolicy::image::FetchFailureKind;
use serde_json::json;

use crate::support::oracle::{built, digest, image};
use crate::support::scenario::Scenario;

fn follow(policy: &str, running: &str) -> Scenario {
    Scenario::following(policy, &format!("org/app{running}"))
}

fn semver() -> Scenario {
    follow("semver:~1.0", ":1.0.0")
}

fn with_range(range: &str) -> Scenario {
    follow(&format!("semver:{range}"), ":1.0.0")
}

/// Scenarios with their outcomes, reasons and messages.
fn cases() -> Vec<(Scenario, &'static str)> {
    vec![
        (
            semver().tags(&["1.0.0", "1.0.1"]),
            "update newer-image: 1.0.1 is the highest of 2 tags that match semver:~1.0",
        ),
        (
            follow("glob:*", ":a")
                .image("a", built("2026-01-01"))
                .image("b", built("2026-01-02")),
            "update newer-image: b is the newest of 2 tags that match glob:*",
        ),
        (
            follow("numerical:desc", ":7").tags(&["5", "6", "7"]),
            "update newer-image: 5 is the smallest of 3 tags that match numerical:desc",
        ),
        (
            follow("digest:stable", ":stable").image("stable", image()),
            "update newer-image: stable serves sha256:0101010",
        ),
        (
            follow(&format!("digest:{}", digest(1)), ":1.0").image("1.0", image()),
            "update newer-image: sha256:0101010 is pinned",
        ),
        (
            semver().tags(&["1.0.0"]),
            "keep up-to-date: the running 1.0.0 is the only tag that matches semver:~1.0",
        ),
        (
            semver().tags(&["0.9.0", "1.0.0"]),
            "keep up-to-date: the running 1.0.0 is the only tag that matches semver:~1.0",
        ),
        (
            Scenario::deployment().container("app", "org/app:1"),
            "keep manual: not automated",
        ),
        (
            semver()
                .annotation("fluxcd.io/automated", "false")
                .tags(&["1.0.0", "1.0.1"]),
            "keep manual: not automated; 1.0.1 is the highest of 2 tags that match semver:~1.0",
        ),
        (
            semver()
                .annotation("fluxcd.io/locked", "true")
                .annotation("fluxcd.io/locked_user", "ann")
                .annotation("fluxcd.io/locked_msg", "freeze")
                .tags(&["1.0.0"]),
            "keep locked: locked by ann: freeze; the running 1.0.0 is the only tag that matches \
             semver:~1.0",
        ),
        (
            semver().annotation("fluxcd.io/ignore", "true"),
            "keep ignored: ignored",
        ),
        (
            semver().tags(&["1.0.0-rc.1"]),
            "keep no-matching-tag: the only tag does not match semver:~1.0",
        ),
        (
            follow("semver:~1.0", ":1.2.0").tags(&["1.0.0", "1.0.1", "1.2.0"]),
            "keep downgrade: 1.0.1 is the highest of 2 tags that match semver:~1.0, and lower \
             than the running 1.2.0",
        ),
        (
            follow("alphabetical:desc", ":a").tags(&["b", "c"]),
            "keep downgrade: b is the smallest of 2 tags that match alphabetical:desc, and \
             greater than the running a",
        ),
        (
            follow("semver:~1.0", ":1.0.0-slim").tags(&["1.0.1"]),
            "keep variant-change: 1.0.1 is the only tag that matches semver:~1.0, but it \
             is not the variant slim, unlike the running 1.0.0-slim; to stay on that variant, set \
             imgpolicy.dev/filter-tags to ^(?P<v>.*)-slim$ and imgpolicy.dev/extract to $v for \
             this container",
        ),
        (
            Scenario::helm_release(json!({"app": {"image": {"repository": "org/app"}}}))
                .annotation("fluxcd.io/automated", "true")
                .annotation("fluxcd.io/tag.app", "semver:~1.0")
                .tags(&["1.0.0", "1.0.1"]),
            "keep chart-tag: 1.0.1 is the highest of 2 tags that match semver:~1.0, but the \
             chart's own tag applies, and the plugin does not know it; use --image, or pin one tag",
        ),
        (
            with_range(">=2").tags(&["1.0.0", "1.0.1", "latest"]),
            "keep no-matching-tag: none of 3 tags matches semver:>=2",
        ),
        (
            with_range(">=2").tags(&["1.0.0", "2.0.1-rc.1", "2.1.0-alpine"]),
            "keep no-matching-tag: none of 3 tags matches semver:>=2; 2 would, but are \
             pre-releases, as are all tags with a suffix: to include them, add -0 to the range, \
             as in >=1.0.0-0",
        ),
        (
            with_range(">=2").tags(&["1.0.0", "2", "3"]),
            "keep no-matching-tag: none of 3 tags matches semver:>=2; 2 are versions of fewer \
             than three numbers, which count only if the running tag has as many",
        ),
        (
            semver()
                .annotation("imgpolicy.dev/filter-tags.app", "^v")
                .tags(&["1.0.0", "1.0.1"]),
            "keep no-matching-tag: none of 2 tags matches semver:~1.0; 2 do not match the tag \
             filter",
        ),
        (
            follow("glob:latest", ":1").tags(&["latest", "1"]),
            "keep no-matching-tag: none of 2 tags matches glob:latest; latest is never elected; \
             digest:latest follows it by digest",
        ),
        (
            follow("", ":1").tags(&["1", "2"]),
            "keep no-matching-tag: none of 2 tags matches the empty glob",
        ),
        (
            follow("glob:*", ":0").image("a", image()),
            "keep no-matching-tag: the only tag does not match glob:*; 1 does, but has no \
             usable creation time",
        ),
        (
            with_range("1.x.y").tags(&[]),
            "unknown invalid-policy: annotation fluxcd.io/tag.app: ",
        ),
        (
            follow("glob:*", ":a")
                .image("a", image())
                .image("b", built("2026-01-01")),
            "unknown no-creation-time: the running a has no usable creation time, so newer and \
             older tags cannot be distinguished; use semver: or numerical",
        ),
        (
            semver().settings(|s| s.exclude_images = vec!["*/app".to_owned()]),
            "keep excluded: docker.io/org/app matches --exclude-image */app",
        ),
        (
            Scenario::of(json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "deletionTimestamp": "2026-11-21T11:00:00Z"},
                "spec": {"template": {"spec": {}}}}))
            .annotation("fluxcd.io/automated", "true")
            .container("app", "org/app:1.0.0"),
            "keep being-deleted: the workload is being deleted",
        ),
        (
            semver()
                .tags(&["1.0.0", "1.0.1"])
                .annotation("imgpolicy.dev/freeze", "2026-11-21 launch"),
            "keep waiting-for-window: 1.0.1 is the highest of 2 tags that match semver:~1.0; updates \
             wait until 2026-11-22T00:00:00Z: frozen through 2026-11-21: launch (annotation \
             imgpolicy.dev/freeze)",
        ),
        (
            semver().tags(&["1.0.0", "1.0.1"]).annotation(
                "imgpolicy.dev/failed",
                r#"[{"container":"app","image":"org/app:1.0.1","at":"2026-11-21T11:00:00Z","cause":"gone"}]"#,
            ),
            "keep failed-before: 1.0.1 failed before, at 2026-11-21T11:00:00Z: gone; the running \
             1.0.0 is kept",
        ),
        (
            semver().tags_fail(FetchFailureKind::Registry),
            "unknown registry-error: the oracle fails: Registry",
        ),
        (
            semver().tags_fail(FetchFailureKind::Unreachable),
            "unknown registry-unreachable: the oracle fails: Unreachable",
        ),
        (
            semver().tags_fail(FetchFailureKind::RateLimited),
            "unknown rate-limited: the oracle fails: RateLimited",
        ),
        (
            semver().tags_fail(FetchFailureKind::ScanTimeout),
            "unknown scan-timeout: the oracle fails: ScanTimeout",
        ),
        (
            semver().tags_fail(FetchFailureKind::Unauthorized),
            "unknown unauthorized: the oracle fails: Unauthorized",
        ),
        (
            semver().tags_fail(FetchFailureKind::NotFound),
            "unknown image-not-found: the oracle fails: NotFound",
        ),
        (
            follow("semver:*", ":a b"),
            "unknown unparsable-image: org/app:a b: not a valid image reference: ",
        ),
        (
            with_range(">1.0.0")
                .nodes(&["linux/arm64"])
                .tags(&["1.0.0", "1.0.1"]),
            "unknown wrong-platform: 1.0.1 does not offer linux/arm64, on which the workload runs",
        ),
        (
            with_range(">1.0.0")
                .annotation("imgpolicy.dev/min-age", "3d")
                .image("1.0.1", built("2026-11-20").pushed("2026-11-20")),
            "unknown too-young: 1.0.1 does not reach the minimum age until 2026-11-23T00:00:00Z",
        ),
    ]
}

#[test]
fn every_reason_has_a_message_that_says_what_was_compared() {
    let mut seen = BTreeSet::new();
    for (scenario, sentence) in cases() {
        let judged = scenario.decide("app");
        let said = format!("{} {}: {}", judged.outcome, judged.reason, judged.message);
        // A parser's own words may change; ours precede them.
        let is_same = said == sentence || sentence.ends_with(": ") && said.starts_with(sentence);
        assert!(is_same, "said     {said}\nexpected {sentence}");
        seen.insert(judged.reason);
    }
    let missing: Vec<&Reason> = Reason::ALL.iter().filter(|r| !seen.contains(r)).collect();
    assert_eq!(missing, [&Reason::NewerImage; 0]);
}

#[test]
fn very_long_policy_is_cut_in_the_message() {
    let policy = format!("regex:^({})$", "a|".repeat(500));
    let judged = follow(&policy, ":1").tags(&["1", "2"]).decide("app");
    assert!(judged.message.len() < 200, "{}", judged.message);
    assert_eq!(
        judged.policy.as_ref().map(|p| p.filter.len()),
        Some(policy.len())
    );
}
