//! `update` and `rollback` of manifests, without a cluster.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{LOCKED, automated, deployment, root, with_manifest};
use crate::support::content::Image;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::{Fault, TestRegistry};

/// The images of the quick start: `org/my-app` has 1.0.0, 1.0.1 and others.
fn layout() -> String {
    root().join("docs/quickstart/images").display().to_string()
}

const IMAGE: &str = "docker.io/org/my-app:1.0.0";

fn run(environment: &TestEnvironment, words: &[&str]) -> Outcome {
    let layout = layout();
    environment.run(words.iter().copied().chain(["--oci-layout", &layout]))
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a file")
}

#[test]
fn file_is_updated_once_and_the_rest_is_unchanged() {
    let environment = TestEnvironment::new();
    let before = format!(
        "# The shop.\r\n{}# The end.",
        automated("semver:~1.0", IMAGE).replace("metadata:", "metadata: # who")
    );
    let file = environment.write("web.yaml", &before);
    let outcome = run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web image updated\n");
    insta::assert_snapshot!(outcome.stderr, @r#"
    deployment/web in web.yaml:2
      app   1.0.0   → 1.0.1   semver:~1.0
      annotations: fluxcd.io/build.number=1, fluxcd.io/tag.my-app=1.0.1, imgpolicy.dev/last-update (the record), kubernetes.io/change-cause="imgpolicy: app 1.0.0 -> 1.0.1"
    "#);
    let after = text(&file);
    assert!(
        after.contains("image: docker.io/org/my-app:1.0.1\n"),
        "{after}"
    );
    assert!(after.contains("imgpolicy.dev/last-update"), "{after}");
    assert!(after.starts_with("# The shop.\r\n"), "{after}");
    assert!(after.contains("metadata: # who\n"), "{after}");
    assert!(after.ends_with("# The end."), "{after}");

    let outcome = run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    assert_eq!(outcome.stdout, "");
    insta::assert_snapshot!(outcome.stderr, @"
    1 container: 1 automated
    nothing to update
    ");
    assert_eq!(text(&file), after);
}

#[test]
fn file_is_rolled_back_and_locked() {
    let environment = with_manifest(&automated("semver:~1.0", IMAGE));
    let file = environment.home().join("web.yaml");
    run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    let words = ["rollback", "-f", "web.yaml", "--yes", "-m", "login fails"];
    let outcome = run(&environment, &words).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web rolled back\n");
    let after = text(&file);
    assert!(after.contains(&format!("image: {IMAGE}\n")), "{after}");
    assert!(after.contains("login fails"), "{after}");
    let outcome = run(&environment, &words).expect(0);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.contains("already rolled back"),
        "{outcome:?}"
    );
    assert_eq!(text(&file), after);
}

#[test]
fn standard_input_is_passed_to_standard_output() {
    let environment = TestEnvironment::new();
    let layout = layout();
    let before = format!("{}# The end.", automated("semver:~1.0", IMAGE));
    let words = ["update", "-f", "-", "--oci-layout", &layout];
    let outcome = environment.program(words).stdin(before.clone()).run();
    let outcome = outcome.expect(0);
    assert!(outcome.stdout.contains("my-app:1.0.1\n"), "{outcome:?}");
    assert!(outcome.stdout.ends_with("# The end."), "{outcome:?}");
    let line = "deployment.apps/web image updated\n";
    assert!(outcome.stderr.contains(line), "{outcome:?}");
    // With nothing to update, the text is still passed on.
    let again = environment
        .program(words)
        .stdin(outcome.stdout.clone())
        .run();
    assert_eq!(again.expect(0).stdout, outcome.stdout);
    let dry = ["update", "-f", "-", "--oci-layout", &layout, "--dry-run"];
    let outcome = environment.program(dry).stdin(before.clone()).run();
    assert_eq!(
        outcome.expect(0).stdout,
        "deployment.apps/web image updated (dry run)\n"
    );
    let both = ["update", "-f", "-", "-o", "json"];
    let outcome = environment.program(both).stdin(before).run().expect(2);
    assert!(outcome.stderr.contains("standard output"), "{outcome:?}");
}

#[test]
fn nothing_is_written_without_confirmation() {
    let environment = with_manifest(&automated("semver:~1.0", IMAGE));
    let file = environment.home().join("web.yaml");
    let before = text(&file);
    let outcome = run(&environment, &["update", "-f", "web.yaml"]).expect(1);
    insta::assert_snapshot!(outcome.stderr, @r#"
    deployment/web in web.yaml:1
      app   1.0.0   → 1.0.1   semver:~1.0
      annotations: fluxcd.io/build.number=1, fluxcd.io/tag.my-app=1.0.1, imgpolicy.dev/last-update (the record), kubernetes.io/change-cause="imgpolicy: app 1.0.0 -> 1.0.1"
    error: refusing to change 1 workload without a terminal; pass --yes, or --dry-run to preview
    "#);
    run(&environment, &["update", "-f", "web.yaml", "--dry-run"]).expect(0);
    assert_eq!(text(&file), before);
}

#[test]
fn contradictory_arguments_are_a_usage_error() {
    let environment = with_manifest(&automated("semver:~1.0", IMAGE));
    for (words, said) in [
        (&["update"][..], "-l or --all"),
        (&["update", "-A"], "-l or --all"),
        (&["rollback"], "-l or --all"),
        (
            &["update", "-f", "web.yaml", "--offline"],
            "--offline decides from cached metadata",
        ),
        (
            &["update", "-f", "web.yaml", "--wait"],
            "cannot be used with",
        ),
        (&["update", "--all", "--max", "0"], "--max"),
        (
            &["update", "--all", "--image", "org/my-app"],
            "add a tag or a digest",
        ),
        (&["update", "--all", "-o", "wide"], "json,yaml,name"),
        (&["update", "--all", "--assume", "auto"], "--assume"),
        (
            &["update", "-f", "web.yaml", "--pull-secrets=always"],
            "--pull-secrets=always",
        ),
    ] {
        let outcome = environment.run(words).expect(2);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{words:?}");
    }
    let outcome = run(&environment, &["update", "-f", "web.yaml", "-c", "nosuch"]).expect(1);
    assert_eq!(
        outcome.stderr,
        "error: unable to find container named \"nosuch\" (there are app)\n"
    );
}

#[test]
fn held_back_update_is_reported_with_the_flag_that_lifts_it() {
    let policy = "fluxcd.io/tag.app: 'semver:~1.0'";
    let locked = deployment(
        "web",
        &[super::AUTOMATED, policy, LOCKED],
        &[("app", IMAGE)],
    );
    let environment = with_manifest(&locked);
    let outcome = run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    assert_eq!(outcome.stdout, "");
    let line = "held back: deployment/web app 1.0.0 → 1.0.1: ";
    let held: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|l| l.starts_with(line))
        .collect();
    assert_eq!(held.len(), 1, "{outcome:?}");
    assert!(held[0].ends_with("(--override-lock)"), "{outcome:?}");
    let words = [
        "update",
        "-f",
        "web.yaml",
        "--yes",
        "--override-lock",
        "-o",
        "json",
    ];
    let list = run(&environment, &words).expect(0).json();
    assert_eq!(list["overrides"][0], "lock");
    assert_eq!(list["items"][0]["result"], "updated");
    assert_eq!(list["context"], serde_json::Value::Null);
}

#[test]
fn unreachable_registry_is_a_failure() {
    let environment = with_manifest(&automated("semver:~1.0", "localhost:1/org/my-app:1.0.0"));
    let outcome = environment
        .run(["update", "-f", "web.yaml", "--yes"])
        .expect(1);
    assert!(
        outcome.stderr.contains("held back: deployment/web app"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("nothing to update"), "{outcome:?}");
}

#[test]
fn ctrl_c_before_anything_is_written_changes_nothing() {
    // While tags are listed, and while the image is looked up again before the write.
    for stalled_at in ["/tags/list", "/manifests/1.0.1"] {
        let registry = TestRegistry::start();
        for tag in ["1.0.0", "1.0.1"] {
            registry.push("org/app", tag, Image::built("2026-01-01T00:00:00Z"));
        }
        registry.fault(stalled_at, Fault::Slow(Duration::from_secs(60)));
        let environment =
            with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
        let file = environment.home().join("web.yaml");
        let before = text(&file);
        let words = ["update", "-f", "web.yaml", "--yes"];
        let running = environment.program(words).start();
        let begun = Instant::now();
        while registry.count(stalled_at) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "no request");
            std::thread::sleep(Duration::from_millis(10));
        }
        running.interrupt();
        let outcome = running.wait().expect(130);
        assert_eq!(outcome.stdout, "", "{stalled_at}");
        assert!(outcome.stderr.ends_with("nothing changed\n"), "{outcome:?}");
        assert_eq!(text(&file), before);
    }
}

#[test]
fn image_that_is_not_written_is_a_failure() {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", automated("semver:~1.0", IMAGE));
    for (image, message) in [
        ("docker.io/org/my-app:1.2.0", "--override-policy"),
        (
            "docker.io/org/other:1",
            "error: no container in scope runs docker.io/org/other",
        ),
    ] {
        let words = ["update", "-f", "web.yaml", "--yes", "--image", image];
        let outcome = run(&environment, &words).expect(1);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }
    run(
        &environment,
        &["update", "-f", "web.yaml", "--override-policy"],
    )
    .expect(2);
    run(
        &environment,
        &["update", "-f", "web.yaml", "--dry-run=server"],
    )
    .expect(2);
    run(&environment, &["rollback", "-f", "web.yaml", "--offline"]).expect(2);
}

/// An image of a different repository, on a registry that does not exist.
const ELSEWHERE: &str = "127.0.0.1:1/org/x:1.0.0";

/// A Deployment whose record names that image.
fn rolled_from_elsewhere() -> TestEnvironment {
    let record = format!(
        r#"{{"time":"2026-11-01T00:00:00Z","by":"alice","number":"7","changes":[{{"container":"app","from":"{ELSEWHERE}","to":"docker.io/org/my-app:1.1.0","digest":null,"policy":"semver:*"}}],"records":{{}}}}"#
    );
    let record = format!("imgpolicy.dev/last-update: '{record}'");
    let image = [("app", "docker.io/org/my-app:1.1.0")];
    with_manifest(&deployment("web", &[&record], &image))
}

#[test]
fn rollback_to_another_repository_is_held_back_and_shown_in_full() {
    let environment = rolled_from_elsewhere();
    let file = environment.home().join("web.yaml");
    let before = text(&file);
    let outcome = run(&environment, &["rollback", "-f", "web.yaml", "--yes"]).expect(1);
    insta::assert_snapshot!(outcome.stderr, @"
    held back: deployment/web app docker.io/org/my-app:1.1.0 → 127.0.0.1:1/org/x:1.0.0: the record would restore an image of another repository (--override-policy)
    nothing to roll back
    ");
    let words = ["rollback", "-f", "web.yaml", "--dry-run", "-o", "json"];
    let held = &run(&environment, &words).expect(1).json()["heldBack"][0];
    assert_eq!(held["reason"], "other-repository");
    assert_eq!(held["from"], "docker.io/org/my-app:1.1.0");
    assert_eq!(held["to"], ELSEWHERE);
    assert_eq!(held["liftedBy"], "--override-policy");
    assert_eq!(text(&file), before);
}

#[test]
fn rollback_with_an_overridden_policy_names_both_repositories() {
    let environment = rolled_from_elsewhere();
    let file = environment.home().join("web.yaml");
    let words = ["rollback", "-f", "web.yaml", "--override-policy", "--yes"];
    let outcome = environment.run(words).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web rolled back\n");
    let row = "  app   docker.io/org/my-app:1.1.0   → 127.0.0.1:1/org/x:1.0.0\n";
    assert!(outcome.stderr.contains(row), "{outcome:?}");
    let result = "deployment/web: the repository changes: app moves from docker.io/org/my-app:1.1.0 \
                  to 127.0.0.1:1/org/x:1.0.0\n";
    assert!(outcome.stderr.ends_with(result), "{outcome:?}");
    let after = text(&file);
    assert!(after.contains(&format!("image: {ELSEWHERE}\n")), "{after}");
    assert!(after.contains(r#""overrides":["policy"]"#), "{after}");
}

#[test]
fn annotations_in_the_data_are_those_that_are_written() {
    let environment = with_manifest(&automated("semver:~1.0", IMAGE));
    let file = environment.home().join("web.yaml");
    for words in [
        &["update", "-f", "web.yaml"][..],
        &["rollback", "-f", "web.yaml", "-m", "no"],
    ] {
        let planned = [words, &["--dry-run", "-o", "json"]].concat();
        let planned = run(&environment, &planned).expect(0).json()["items"][0].clone();
        let words = [words, &["--yes", "-o", "json"]].concat();
        let done = run(&environment, &words).expect(0).json()["items"][0].clone();
        let written = done["annotations"].as_object().expect("annotations");
        assert!(written.contains_key("imgpolicy.dev/last-update"), "{done}");
        let keys = |item: &serde_json::Value| {
            let annotations = item["annotations"].as_object().expect("annotations");
            annotations.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&planned), keys(&done));
        let is_lock = written.get("fluxcd.io/locked_msg") == Some(&serde_json::json!("no"));
        assert_eq!(is_lock, words[0] == "rollback", "{done}");
        let after = text(&file);
        for (key, value) in written {
            let value = value.as_str().expect("nothing is removed");
            assert!(after.contains(&format!("    {key}: ")), "{key}: {after}");
            assert!(
                after.contains(value.trim_start_matches('{')),
                "{value}: {after}"
            );
        }
    }
}
