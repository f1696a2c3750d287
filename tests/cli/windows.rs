//! Windows and freezes of workloads and namespaces, in files.

use std::fs;

use serde_json::json;

use super::{AUTOMATED, deployment, text, with_manifest};
use crate::support::program::TestEnvironment;
use crate::support::registry::TestRegistry;

/// A freeze that has begun, and does not end while this is tested.
const FROZEN: &str = "2020-01-01/9998-12-31 until further notice";

/// `web.yaml` with a newer image, and the Namespace of the workload.
fn frozen(registry: &TestRegistry, workload: Option<&str>, namespace: &str) -> TestEnvironment {
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let own = workload.map(|text| format!("imgpolicy.dev/freeze: {text}"));
    let policy = [AUTOMATED, "fluxcd.io/tag.app: semver:*"];
    let annotations: Vec<&str> = policy.into_iter().chain(own.as_deref()).collect();
    let image = registry.image("org/app:1.0.0");
    let manifest = deployment("web", &annotations, &[("app", &image)]);
    let namespace = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: default\n  annotations:\n    \
         imgpolicy.dev/freeze: {namespace}\n"
    );
    with_manifest(&format!("{manifest}---\n{namespace}"))
}

#[test]
fn frozen_namespace_in_the_same_files_keeps_the_image_unless_overridden() {
    let registry = TestRegistry::start();
    let environment = frozen(&registry, None, FROZEN);
    let before = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    let status = environment
        .run(["status", "-f", "web.yaml", "--exit-code", "-o", "json"])
        .expect(0)
        .json();
    let item = &status["items"][0];
    assert_eq!(text(item, "reason"), "waiting-for-window");
    assert_eq!(text(item, "latest"), registry.image("org/app:1.0.1"));
    assert_eq!(status["summary"]["waiting"], json!(1));
    assert_eq!(item["until"], json!(null), "not within a year");

    let update = environment
        .run(["update", "-f", "web.yaml", "--yes", "-o", "json"])
        .expect(0)
        .json();
    let held = &update["heldBack"][0];
    assert_eq!(text(held, "reason"), "waiting-for-window");
    assert_eq!(text(held, "liftedBy"), "--override-window");
    let message = text(held, "message");
    assert!(
        message.contains("frozen through 9998-12-31: until further notice (annotation")
            && message.contains("of namespace default"),
        "{message}"
    );
    let now = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert_eq!(now, before);

    let flags = ["--override-window", "-o", "json"];
    let update = environment
        .run(
            ["update", "-f", "web.yaml", "--yes"]
                .into_iter()
                .chain(flags),
        )
        .expect(0)
        .json();
    assert_eq!(update["overrides"], json!(["window"]));
    let now = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert!(now.contains("org/app:1.0.1"), "{now}");
}

#[test]
fn freeze_that_cannot_be_read_is_reported_and_writes_nothing() {
    let registry = TestRegistry::start();
    let environment = frozen(&registry, Some("christmas"), "2020-01-01");
    let update = environment
        .run(["update", "-f", "web.yaml", "--yes"])
        .expect(1);
    assert!(
        update
            .stderr
            .contains("annotation imgpolicy.dev/freeze: \"christmas\" is not a range"),
        "{update:#?}"
    );
    assert_eq!(registry.paths(), Vec::<String>::new());
}

#[test]
fn table_and_explanation_say_until_when_an_update_waits() {
    let registry = TestRegistry::start();
    let environment = frozen(&registry, Some(FROZEN), "2020-01-01");
    let status = environment.run(["status", "-f", "web.yaml"]).expect(0);
    assert!(
        status.stdout.contains("waiting-for-window") && status.stdout.contains("1.0.1"),
        "{status:#?}"
    );
    assert!(
        status.stderr.contains("1 automated (1 waiting)"),
        "{status:#?}"
    );
    let explain = environment
        .run(["explain", "deployment/web", "-f", "web.yaml"])
        .expect(0);
    assert!(
        explain
            .stdout
            .contains("; otherwise it would move to 1.0.1")
            && explain.stdout.contains("\nWindow:")
            && !explain.stdout.contains("Next:"),
        "{explain:#?}"
    );
}
