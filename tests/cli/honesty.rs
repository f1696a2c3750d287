//! A missing answer is never shown as an empty one.

use std::time::{Duration, Instant};

use super::{automated, with_manifest};
use crate::support::program::TestEnvironment;
use crate::support::registry::{Fault, TestRegistry};

/// A host with a closed port.
const DEAD: &str = "127.0.0.1:1/org/app:1.0.0";

#[test]
fn unavailable_tags_are_not_shown_as_an_empty_list() {
    let environment = with_manifest(&automated("semver:~1.0", DEAD));
    for output in ["table", "json"] {
        let args = ["images", "deployment/web", "-f", "web.yaml", "-o", output];
        let outcome = environment.run(args).expect(1);
        assert!(
            outcome
                .stderr
                .contains("error: deployment/web container app: 127.0.0.1:1"),
            "{outcome:#?}"
        );
        assert!(!outcome.stdout.contains("0 tags"), "{outcome:#?}");
    }
}

#[test]
fn undecided_test_prints_its_data_and_the_reason() {
    let args = ["test", DEAD, "--policy", "semver:*", "-o", "json"];
    let outcome = TestEnvironment::new().run(args).expect(1);
    assert!(outcome.json()["latest"].is_null());
    assert!(
        outcome.stderr.starts_with("error: 127.0.0.1:1"),
        "{outcome:#?}"
    );
}

#[test]
fn ctrl_c_before_the_first_result_prints_no_result() {
    let stalled = TestRegistry::start();
    stalled.tag("org/app", ["1.0.0", "1.0.1"]);
    stalled.fault("/tags/list", Fault::Slow(Duration::from_secs(60)));
    let environment = with_manifest(&automated("semver:~1.0", &stalled.image("org/app:1.0.0")));
    for args in [
        &["status", "-f", "web.yaml"][..],
        &["explain", "deployment/web", "-f", "web.yaml"],
        &["images", "deployment/web", "-f", "web.yaml"],
    ] {
        stalled.forget();
        let running = environment.program(args).start();
        let begun = Instant::now();
        while stalled.requests().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no request");
            std::thread::sleep(Duration::from_millis(10));
        }
        running.interrupt();
        let outcome = running.wait().expect(130);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(
            outcome.stderr.contains("partial: the scan was stopped"),
            "{outcome:#?}"
        );
        for wrong in ["No workloads", "not asked for", "--assume"] {
            assert!(!outcome.stderr.contains(wrong), "{outcome:#?}");
        }
    }
}

#[test]
fn empty_pipe_is_an_error() {
    let environment = TestEnvironment::new();
    for text in ["", "\n  \n"] {
        let run = environment
            .program(["status", "-f", "-", "--exit-code"])
            .stdin(text);
        let outcome = run.run().expect(1);
        assert_eq!(
            outcome.stderr,
            "error: standard input contains no manifests\n"
        );
    }
}

#[test]
fn misspelt_policy_on_the_command_line_is_reported() {
    let environment = TestEnvironment::new();
    for (policy, meant) in [
        ("SemVer:~1.0", "semver:~1.0"),
        ("semvr:~1.0", "semver:~1.0"),
        ("~1.0", "semver:~1.0"),
    ] {
        let args = ["test", "org/app", "--policy", policy, "--tags-from", "-"];
        let outcome = environment.program(args).stdin("1.0.0\n").run().expect(0);
        let question = format!("read as a glob; did you mean {meant:?}?");
        assert!(outcome.stderr.contains(&question), "{outcome:#?}");
    }
}

#[test]
fn snapshot_holds_only_fields_that_are_read() {
    let kustomization = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  annotations: {token: hunter2}
spec:
  path: ./apps
  postBuild: {substitute: {PASSWORD: hunter2}}
  imagePolicies: []
---
";
    let workload = automated("semver:~1.0", DEAD).replace(
        "  annotations:\n",
        "  annotations:\n    example.com/token: hunter2\n",
    );
    let environment = with_manifest(&format!("{kustomization}{workload}"));
    let saved = environment.home().join("saved.json");
    let saved = saved.to_str().expect("a path");
    environment
        .run(["status", "-f", "web.yaml", "--save-snapshot", saved])
        .expect(0);
    let text = std::fs::read_to_string(saved).expect("a snapshot");
    assert!(
        text.contains("imagePolicies") && text.contains("semver:~1.0"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn unwritable_snapshot_path_fails_before_any_request() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0"]);
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    let args = [
        "status",
        "-f",
        "web.yaml",
        "--save-snapshot",
        "no/such/folder/x.json",
    ];
    let outcome = environment.run(args).expect(1);
    assert!(
        outcome
            .stderr
            .starts_with("error: --save-snapshot no/such/folder/x.json: ")
    );
    assert!(registry.requests().is_empty());
}
