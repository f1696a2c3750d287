//! Warm runs: what an earlier run cached is not requested again.

use std::time::Duration;

use super::{automated, with_manifest};
use crate::support::content::Image;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::{Fault, TestRegistry};

const LIST: &str = "GET /v2/org/app/tags/list";
const RUN: [&str; 5] = ["status", "-f", "web.yaml", "-o", "json"];

/// A repository of builds, the last one newest, and a workload that runs the first.
fn builds(count: usize) -> (TestRegistry, TestEnvironment) {
    let registry = TestRegistry::start();
    for build in 0..count {
        let built = format!("2024-01-{:02}T{:02}:00:00Z", 1 + build / 24, build % 24);
        let image = Image::built(&built).label(&build.to_string());
        registry.push("org/app", &format!("dev-{build:03}"), image);
    }
    let manifest = automated("glob:dev-*", &registry.image("org/app:dev-000"));
    let environment = with_manifest(&manifest);
    (registry, environment)
}

fn run(environment: &TestEnvironment, more: &[&str]) -> Outcome {
    environment.run(RUN.iter().chain(more)).expect(0)
}

/// The items without the time of their requests.
fn decisions(outcome: &Outcome) -> Vec<serde_json::Value> {
    let mut items = outcome.items();
    for item in &mut items {
        for field in ["askedAt", "source"] {
            item["facts"][field] = serde_json::Value::Null;
        }
    }
    items
}

#[test]
fn warm_status_requests_the_list_and_confirms_the_elected_and_running_tags() {
    let (registry, environment) = builds(30);
    let cold = run(&environment, &[]);
    assert_eq!(registry.requests().len(), 1 + 2 * 30);
    registry.forget();
    let warm = run(&environment, &["-v"]);
    let mut paths = registry.paths();
    paths.sort();
    assert_eq!(
        paths,
        [
            LIST,
            "HEAD /v2/org/app/manifests/dev-000",
            "HEAD /v2/org/app/manifests/dev-029"
        ]
    );
    assert_eq!(decisions(&cold), decisions(&warm));
    assert_eq!(cold.items()[0]["latest"], registry.image("org/app:dev-029"));
    // The list, each tag and each image; the confirmation adds nothing.
    assert!(
        warm.stderr.contains("cache: 61 of 61 found"),
        "{}",
        warm.stderr
    );
}

#[test]
fn new_tag_costs_only_its_own_requests() {
    let (registry, environment) = builds(10);
    run(&environment, &[]);
    registry.push("org/app", "dev-new", Image::built("2024-06-01T00:00:00Z"));
    registry.forget();
    let items = run(&environment, &[]).items();
    assert_eq!(items[0]["latest"], registry.image("org/app:dev-new"));
    // The list, the new tag's manifest and config, and a HEAD of the running tag.
    assert_eq!(registry.requests().len(), 4, "{:?}", registry.paths());
}

#[test]
fn moved_tag_is_evaluated_with_its_new_image() {
    let (registry, environment) = builds(10);
    run(&environment, &[]);
    // The newest tag now serves the oldest image.
    registry.push("org/app", "dev-009", Image::built("2023-01-01T00:00:00Z"));
    let items = run(&environment, &[]).items();
    assert_eq!(items[0]["latest"], registry.image("org/app:dev-008"));
}

#[test]
fn run_ends_when_a_tag_cannot_be_confirmed() {
    let platform = ["--platform", "linux/amd64"];
    for (tag, status, more, latest, reason) in [
        // The elected tag is gone: the next one is elected.
        ("dev-009", 404, &[][..], Some("dev-008"), "newer-image"),
        // The tag is unavailable, so whether it is the newest is unknown.
        ("dev-009", 500, &[], None, "registry-error"),
        // The running tag is gone, so its platforms are unknown.
        ("dev-000", 404, &platform, Some("dev-009"), "newer-image"),
    ] {
        let (registry, environment) = builds(10);
        run(&environment, more);
        registry.fault(&format!("/manifests/{tag}"), Fault::Status(status));
        let item = &run(&environment, more).items()[0];
        assert_eq!(item["reason"], reason, "{tag} {status}: {item:#}");
        let latest = latest.map(|tag| registry.image(&format!("org/app:{tag}")));
        assert_eq!(item["latest"].as_str(), latest.as_deref(), "{item:#}");
    }
}

#[test]
fn offline_sends_no_requests_and_decides_the_same() {
    let (registry, environment) = builds(10);
    let online = run(&environment, &[]);
    registry.forget();
    let offline = run(&environment, &["--offline"]);
    assert_eq!(registry.paths(), [""; 0]);
    assert_eq!(decisions(&online), decisions(&offline));
    let (then, now) = (&online.items()[0]["facts"], &offline.items()[0]["facts"]);
    assert_eq!(now["source"], "cache");
    assert_eq!(
        now["askedAt"], then["askedAt"],
        "the time is that of the request"
    );
}

#[test]
fn offline_without_a_cache_is_reported_in_the_row() {
    let (registry, environment) = builds(1);
    let items = run(&environment, &["--offline"]).items();
    assert_eq!(items[0]["reason"], "registry-unreachable");
    let message = items[0]["message"].as_str().expect("a message");
    assert!(
        message.contains("--offline contacts no registry"),
        "{message}"
    );
    assert_eq!(registry.paths(), [""; 0]);
}

#[test]
fn tags_without_dates_are_listed_with_an_error() {
    let (registry, environment) = builds(3);
    let image = registry.image("org/app");
    // The list is cached, but no dates are.
    let list = ["test", &image, "--policy", "semver:*"];
    environment.run(list);
    let outcome = environment.run(["images", &image, "--offline"]).expect(1);
    assert!(outcome.stdout.contains("dev-002"), "{outcome:#?}");
    let line = outcome.stderr.lines().last().expect("a line");
    assert!(
        line.starts_with("error: ") && line.contains("--offline"),
        "{line}"
    );
}

#[test]
fn offline_with_cache_off_is_a_usage_error() {
    let (_registry, environment) = builds(1);
    let more = ["--offline", "--cache", "off"];
    let outcome = environment.run(RUN.iter().chain(&more)).expect(2);
    let line = "error: --offline decides from the cache, and --cache off disables it";
    assert_eq!(outcome.stderr.trim_end(), line);
}

#[test]
fn without_a_cache_every_run_is_cold() {
    let (registry, environment) = builds(3);
    for _ in 0..2 {
        registry.forget();
        run(&environment, &["--cache", "off"]);
        assert_eq!(registry.requests().len(), 7);
    }
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn version_policy_costs_one_request_warm_or_cold() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let environment = with_manifest(&automated("semver:*", &registry.image("org/app:1.0.1")));
    for _ in 0..2 {
        registry.forget();
        run(&environment, &[]);
        assert_eq!(registry.paths(), [LIST]);
    }
}

#[test]
fn warm_version_update_is_confirmed_by_head_requests() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let environment = with_manifest(&automated("semver:*", &registry.image("org/app:1.0.0")));
    let heads = ["1.0.0", "1.0.1"].map(|tag| format!("HEAD /v2/org/app/manifests/{tag}"));
    for (flags, cold, warm) in [
        (&[][..], 5, &heads[..]),
        (&["--platform", "linux/amd64"], 3, &heads[1..]),
    ] {
        let cache = environment.home().join(format!("cache-{cold}"));
        let cache = cache.display().to_string();
        let flags = [flags, &["--cache", &cache]].concat();
        registry.forget();
        run(&environment, &flags);
        assert_eq!(registry.requests().len(), cold, "{flags:?}");
        registry.forget();
        run(&environment, &flags);
        let mut paths = registry.paths();
        paths.sort();
        let expected: Vec<&str> = std::iter::once(LIST)
            .chain(warm.iter().map(String::as_str))
            .collect();
        assert_eq!(paths, expected, "{flags:?}");
    }
}

#[test]
fn killed_scan_keeps_what_it_cached_and_damages_nothing() {
    let (registry, environment) = builds(40);
    registry.fault("/blobs/", Fault::Slow(Duration::from_millis(300)));
    let running = environment
        .program(RUN.iter().chain(&["--max-connections", "4"]))
        .start();
    let half = std::time::Instant::now();
    while registry.count("/blobs/") < 20 {
        assert!(half.elapsed().as_secs() < 30, "{:?}", registry.paths());
        std::thread::sleep(Duration::from_millis(20));
    }
    running.kill();
    registry.heal();
    registry.forget();
    let items = run(&environment, &[]).items();
    assert_eq!(items[0]["latest"], registry.image("org/app:dev-039"));
    let dated = registry.count("/blobs/");
    assert!(dated < 40, "{dated}: nothing was kept");
}

#[test]
fn eight_concurrent_runs_on_one_cache_decide_the_same() {
    let (registry, environment) = builds(20);
    let environment = &environment;
    // Eight runs at once need time on a small machine.
    let patient = || {
        environment
            .program(RUN)
            .within(Duration::from_secs(90))
            .run()
            .expect(0)
    };
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(patient)).collect();
        runs.into_iter()
            .map(|run| run.join().expect("a run"))
            .collect()
    });
    for outcome in &outcomes {
        assert_eq!(decisions(outcome), decisions(&outcomes[0]));
        assert_eq!(outcome.stderr, outcomes[0].stderr, "no warning");
    }
    registry.forget();
    run(environment, &[]);
    assert_eq!(registry.requests().len(), 3, "{:?}", registry.paths());
}

#[cfg(unix)]
#[test]
fn full_disk_disables_only_the_cache() {
    use std::path::Path;
    use std::process::Command;

    // No file may exceed 8 KiB, which is less than the cache needs.
    let (registry, environment) = builds(20);
    let program = env!("CARGO_BIN_EXE_kubectl-imgpolicy");
    let limited = |home: &Path| {
        let script = format!(
            "ulimit -f 8; trap '' XFSZ; exec '{program}' {}",
            RUN.join(" ")
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .env_clear()
            .env("HOME", home)
            .current_dir(home)
            .output();
        output.expect("a shell")
    };
    for _ in 0..2 {
        let output = limited(environment.home());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
        assert_eq!(
            list["items"][0]["latest"],
            registry.image("org/app:dev-019")
        );
        assert_eq!(stderr.matches("warning: ").count(), 1, "{stderr}");
    }
}
