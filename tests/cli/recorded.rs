//! `update --elected recorded` besides the conformance cases: what is kept, what is said,
//! and the formats of the output.

use std::fs;

use serde_json::{Value, json};

use super::{deployment, text};
use crate::support::program::{Outcome, TestEnvironment};

const WORDS: [&str; 7] = [
    "update",
    "-f",
    "apps",
    "-R",
    "-f",
    "policies.yaml",
    "--elected=recorded",
];

fn policy(name: &str, tag: &str) -> String {
    format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: {name}\n  \
         namespace: flux-system\nspec:\n  policy:\n    semver: {{range: '*'}}\nstatus:\n  \
         latestRef:\n    name: org/{name}\n    tag: {tag}\n---\n"
    )
}

fn marked(value: &str, marker: &str) -> String {
    format!("{value} # {{\"$imagepolicy\": \"flux-system:{marker}\"}}")
}

/// A folder `apps` with one file, and the policies `app` (1.10.0) and `side` (2.0.0).
fn with_app(text: &str) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.write("apps/web.yaml", text);
    environment.write(
        "policies.yaml",
        policy("app", "1.10.0") + &policy("side", "2.0.0"),
    );
    environment
}

fn run(environment: &TestEnvironment, more: &[&str]) -> Outcome {
    environment.run(WORDS.iter().chain(more))
}

fn file(environment: &TestEnvironment) -> String {
    fs::read_to_string(environment.home().join("apps/web.yaml")).expect("a file")
}

#[test]
fn marked_values_are_previewed_confirmed_written_and_counted() {
    let before = format!(
        "data:\n  image: {}\n  tag: {}\n",
        marked("org/app:1.9.0", "app"),
        marked("1.9.0", "side:tag")
    );
    let environment = with_app(&before);
    let outcome = run(&environment, &[]).expect(1);
    insta::assert_snapshot!(outcome.stderr, @"
    apps/web.yaml:2   flux-system:app        org/app:1.9.0   → org/app:1.10.0
    apps/web.yaml:3   flux-system:side:tag   1.9.0           → 2.0.0
    error: refusing to change 2 marked values without a terminal; pass --yes, or --dry-run to preview
    ");
    assert_eq!(outcome.stdout, "");
    let dry = run(&environment, &["--dry-run"]).expect(0);
    insta::assert_snapshot!(dry.stdout, @"
    apps/web.yaml:2 updated (dry run)
    apps/web.yaml:3 updated (dry run)
    ");
    assert!(
        dry.stderr.ends_with("2 would be updated (dry run)\n"),
        "{dry:#?}"
    );
    assert_eq!(file(&environment), before);
    let outcome = run(&environment, &["--yes"]).expect(0);
    assert!(outcome.stderr.ends_with("2 updated\n"), "{outcome:#?}");
    let after = before
        .replace("org/app:1.9.0", "org/app:1.10.0")
        .replace("1.9.0", "2.0.0");
    assert_eq!(file(&environment), after);
    let again = run(&environment, &["--yes"]).expect(0);
    assert_eq!(
        (again.stdout.as_str(), again.stderr.as_str()),
        ("", "nothing to update\n")
    );
}

#[test]
fn lock_ignore_and_own_policy_of_a_workload_are_obeyed() {
    let image = marked("org/app:1.9.0", "app");
    for (why, annotation, flag, reason) in [
        (
            "locked",
            "fluxcd.io/locked: \"true\"",
            "--override-lock",
            "locked",
        ),
        ("ignored", "fluxcd.io/ignore: \"true\"", "", "ignored"),
        (
            "a policy",
            "fluxcd.io/tag.app: semver:~1.9",
            "",
            "own-policy",
        ),
    ] {
        let before = deployment("web", &[annotation], &[("app", &image)]);
        let environment = with_app(&before);
        let json = run(&environment, &["--dry-run", "-o", "json"])
            .expect(0)
            .json();
        assert_eq!(text(&json["markers"][0], "reason"), reason, "{why}");
        run(&environment, &["--yes"]).expect(0);
        assert_eq!(file(&environment), before, "{why}");
        if !flag.is_empty() {
            run(&environment, &["--yes", flag]).expect(0);
            assert_eq!(
                file(&environment),
                before.replace("1.9.0", "1.10.0"),
                "{why}"
            );
        }
    }
}

#[test]
fn parts_of_one_image_are_written_together_or_not_at_all() {
    let images = |name: &str, tag: &str| {
        format!(
            "images:\n- name: x\n  newName: {}\n  newTag: {}\n- name: y\n  newTag: {}\n",
            marked(name, "app:name"),
            marked(tag, "app:tag"),
            marked(if tag == "2.0.0" { "1.9.0" } else { tag }, "app:tag")
        )
    };
    let environment = with_app(&images("old/app", "2.0.0"));
    let outcome = run(&environment, &["--yes"]).expect(0);
    let kept = images("old/app", "2.0.0").replace("1.9.0", "1.10.0");
    assert_eq!(file(&environment), kept);
    assert!(
        outcome.stderr.contains("it belongs to apps/web.yaml:4"),
        "{outcome:#?}"
    );
    run(&environment, &["--yes", "--allow-downgrade"]).expect(0);
    assert_eq!(file(&environment), images("org/app", "1.10.0"));

    let environment = with_app(&images("old/app", "1.9.0"));
    run(&environment, &["--yes", "--max", "1"]).expect(0);
    assert_eq!(
        file(&environment),
        images("old/app", "1.9.0"),
        "one of two parts is too many"
    );
    run(&environment, &["--yes", "--max", "2"]).expect(0);
    let first = images("org/app", "1.10.0");
    let (first, last) = first.rsplit_once("1.10.0").expect("a tag");
    assert_eq!(file(&environment), format!("{first}1.9.0{last}"));
}

#[test]
fn automation_restricts_which_policy_applies_where() {
    let before = format!("data:\n  image: {}\n", marked("org/app:1.9.0", "app"));
    for (why, namespace, path, labels, said) in [
        ("everything", "flux-system", "", "{}", ""),
        ("its folder", "flux-system", "./apps", "{}", ""),
        ("its file", "flux-system", "apps/web.yaml", "{}", ""),
        ("above the root", "flux-system", "../../apps", "{}", ""),
        (
            "another folder",
            "flux-system",
            "./other",
            "{}",
            "edits only below ./other",
        ),
        (
            "no folder",
            "flux-system",
            "./gone",
            "{}",
            "has the path ./gone, which does not exist",
        ),
        (
            "another namespace",
            "apps",
            "",
            "{}",
            "applies only policies of apps",
        ),
        (
            "labels",
            "flux-system",
            "",
            "{a: b}",
            "does not select its labels",
        ),
    ] {
        let environment = with_app(&before);
        environment.write("other/x.yaml", "a: b\n");
        environment.write(
            "auto.yaml",
            format!(
                "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: \
                 {{name: auto, namespace: {namespace}}}\nspec:\n  update: {{path: '{path}'}}\n  \
                 policySelector: {{matchLabels: {labels}}}\n"
            ),
        );
        let words = ["update", "-f", ".", "-R", "--elected=recorded", "--yes"];
        let outcome = environment.run(words).expect(0);
        assert_eq!(
            file(&environment) != before,
            said.is_empty(),
            "{why}: {outcome:#?}"
        );
        assert!(outcome.stderr.contains(said), "{why}: {outcome:#?}");
        assert!(
            said.is_empty() || outcome.stderr.contains("auto.yaml:1"),
            "{outcome:#?}"
        );
    }
}

#[test]
fn markers_without_an_image_are_named_with_the_reason() {
    let values: Vec<String> = ["gone", "empty", "invalid", "twice", "app:latest"]
        .iter()
        .map(|name| format!("  {}: {}\n", name.replace(':', "-"), marked("x:1", name)))
        .collect();
    let before = format!("data:\n{}", values.concat());
    let environment = with_app(&before);
    let empty = policy("empty", "1")
        .split("status:")
        .next()
        .expect("a policy")
        .to_owned();
    environment.write(
        "policies.yaml",
        format!(
            "{empty}\n---\n{}{}{}",
            policy("invalid", "'a b'"),
            policy("twice", "1.0.0"),
            policy("twice", "1.1.0")
        ),
    );
    let json = run(&environment, &["--yes", "-o", "json"]).expect(1).json();
    let reasons: Vec<&str> = json["markers"]
        .as_array()
        .expect("markers")
        .iter()
        .map(|marker| text(marker, "reason"))
        .collect();
    let expected = [
        "unknown-policy",
        "not-recorded",
        "invalid-record",
        "ambiguous-policy",
        "no-effect",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(file(&environment), before);
}

#[test]
fn document_that_cannot_be_parsed_keeps_only_its_file() {
    let good = format!("data:\n  image: {}\n", marked("org/app:1.9.0", "app"));
    let environment = with_app(&format!("{good}---\n: : :\n - x\n"));
    environment.write("apps/good.yaml", &good);
    let outcome = run(&environment, &["--yes"]).expect(1);
    assert_eq!(outcome.stdout, "apps/good.yaml:2 updated\n");
    assert!(file(&environment).starts_with(&good));
    let said = "held back: apps/web.yaml:2 flux-system:app org/app:1.9.0 → org/app:1.10.0: apps/web.yaml:4: ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn data_has_every_marker_with_its_result() {
    let before = format!(
        "data:\n  a: {}\n  b: {}\n  c: {}\n",
        marked("org/app:1.9.0", "app"),
        marked("org/app:1.10.0", "app"),
        marked("1.9.0", "app:Tag")
    );
    let environment = with_app(&before);
    let json = run(&environment, &["--yes", "-o", "json"]).expect(0).json();
    assert_eq!(
        json["markers"][0],
        json!({
            "source": {"file": "apps/web.yaml", "line": 2}, "policy": "flux-system/app",
            "part": "image", "from": "org/app:1.9.0", "to": "org/app:1.10.0",
            "outcome": "update", "reason": "recorded",
            "message": "ImagePolicy flux-system/app has recorded org/app:1.10.0",
            "liftedBy": null, "result": "updated", "error": null, "warnings": [],
        })
    );
    assert_eq!(text(&json["markers"][1], "reason"), "up-to-date");
    assert_eq!(json["markers"][2]["policy"], Value::Null);
    assert_eq!(text(&json["markers"][2], "reason"), "no-effect");
    let environment = with_app(&before);
    let names = run(&environment, &["--yes", "-o", "name"]).expect(0);
    assert_eq!(names.stdout, "apps/web.yaml:2\n");
}

#[test]
fn what_would_have_no_effect_is_a_usage_error() {
    let environment = with_app("a: b\n");
    for (words, said) in [
        (&["update", "--all", "--elected=recorded"][..], "add -f"),
        (
            &[
                "update",
                "-f",
                "apps",
                "deployment/web",
                "--elected=recorded",
            ],
            "names of workloads",
        ),
        (
            &["update", "-f", "apps", "-c", "app", "--elected=recorded"],
            "names of workloads",
        ),
        (
            &[
                "update",
                "-f",
                "apps",
                "--image",
                "org/app:1",
                "--elected=recorded",
            ],
            "--image",
        ),
        (
            &[
                "update",
                "-f",
                "apps",
                "--min-age",
                "3d",
                "--elected=recorded",
            ],
            "--min-age",
        ),
        (
            &[
                "update",
                "-f",
                "apps",
                "--platform",
                "linux/amd64",
                "--elected=recorded",
            ],
            "--platform",
        ),
    ] {
        let outcome = environment.run(words).expect(2);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:#?}");
    }
}

#[test]
fn standard_input_is_edited_to_standard_output() {
    let before = format!("# c\ndata:\n  image: {}\n", marked("org/app:1.9.0", "app"));
    let environment = with_app("a: b\n");
    let words = [
        "update",
        "-f",
        "-",
        "-f",
        "policies.yaml",
        "--elected=recorded",
    ];
    let outcome = environment
        .program(words)
        .stdin(before.clone())
        .run()
        .expect(0);
    assert_eq!(outcome.stdout, before.replace("1.9.0", "1.10.0"));
    assert!(outcome.stderr.ends_with("-:3 updated\n"), "{outcome:#?}");
}

#[test]
fn workloads_with_policies_of_their_own_are_updated_in_the_same_run() {
    let layout = super::root()
        .join("docs/quickstart/images")
        .display()
        .to_string();
    let annotations = [
        "fluxcd.io/automated: \"true\"",
        "fluxcd.io/tag.app: semver:~1.0",
    ];
    let args = marked("org/side:1.0.0", "side");
    let web = deployment(
        "web",
        &annotations,
        &[("app", "docker.io/org/my-app:1.0.0")],
    ) + "        args:\n        - "
        + &args
        + "\n";
    let environment = with_app(&web);
    let outcome = run(&environment, &["--yes", "--oci-layout", &layout]).expect(0);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/web image updated\napps/web.yaml:15 updated\n"
    );
    let after = file(&environment);
    assert!(
        after.contains("image: docker.io/org/my-app:1.0.1\n"),
        "{after}"
    );
    assert!(after.contains("- org/side:2.0.0 # "), "{after}");
    // The record holds only what the workload's own policy has written.
    assert!(!after.contains("tag.side"), "{after}");
}
