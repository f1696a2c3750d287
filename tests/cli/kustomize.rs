//! `-k`: what a kustomization builds, and edits of the lines that decide its images.

use std::fs;

use serde_json::Value;

use super::deployment;
use crate::support::program::{Outcome, TestEnvironment};

const ALLOWED: [&str; 2] = ["--allow-unconfirmed", "--yes"];

/// A base with a Deployment `web` of one container, and an overlay with these fields.
fn overlay(fields: &str) -> TestEnvironment {
    let environment = TestEnvironment::new();
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    environment.write("base/deploy.yaml", web);
    environment.write(
        "base/kustomization.yaml",
        "resources:\n- deploy.yaml\nimages:\n- name: reg.example/app\n  newTag: 1.1.0\n",
    );
    environment.write(
        "prod/kustomization.yaml",
        format!("resources:\n- ../base\n{fields}"),
    );
    environment
}

fn update(environment: &TestEnvironment, image: &str, flags: &[&str]) -> Outcome {
    let words = ["update", "-k", "prod", "--image", image];
    environment.run(words.iter().chain(flags))
}

fn read(environment: &TestEnvironment, name: &str) -> String {
    fs::read_to_string(environment.home().join(name)).expect("a file")
}

#[test]
fn fields_that_are_not_modelled_are_named_with_their_place() {
    for (fields, expected) in [
        (
            "replacements:\n- path: r.yaml\n",
            "replacements at prod/kustomization.yaml:3",
        ),
        (
            "transformers:\n- t.yaml\n",
            "transformers at prod/kustomization.yaml:3",
        ),
        (
            "helmCharts:\n- name: a\n",
            "helmCharts at prod/kustomization.yaml:3",
        ),
        (
            "Generators:\n- g.yaml\n",
            "generators at prod/kustomization.yaml:3",
        ),
        (
            "components:\n- https://example.com/c\n",
            "components \"https://example.com/c\" at prod/kustomization.yaml:4",
        ),
        (
            "components:\n- git@example.com:org/repo\n",
            "components \"git@example.com:org/repo\" at prod/kustomization.yaml:4",
        ),
        (
            "patches:\n- patch: '{}'\n  options: {allowNameChange: true}\n",
            "patches with options at prod/kustomization.yaml:5",
        ),
        (
            "patches:\n- target: {labelSelector: app in (a)}\n  patch: '{}'\n",
            "labelSelector \"app in (a)\" at prod/kustomization.yaml:4",
        ),
        (
            "patches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    \
             metadata: {name: web}\n    spec:\n      $retainKeys: [a]\n",
            "$retainKeys at prod/kustomization.yaml:9",
        ),
    ] {
        let environment = overlay(fields);
        let outcome = environment
            .program(["status", "-k", "prod", "-o", "json"])
            .env("PATH", "/nonexistent")
            .run()
            .expect(1);
        let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let error = &status["errors"][0];
        assert_eq!(error["reason"], "NeedsKustomize", "{outcome:#?}");
        let message = format!("error: needs kustomize: {expected}, but neither kustomize");
        let found = error["message"].as_str().unwrap_or_default();
        assert!(found.starts_with(&message), "{fields}: {found}");
        assert_eq!(status["items"], serde_json::json!([]));
        let words = ["update", "-k", "prod", "--image", "reg.example/app:1.2.0"];
        let run = environment.program(words.iter().chain(&ALLOWED));
        let outcome = run.env("PATH", "/nonexistent").run().expect(1);
        assert!(outcome.stderr.contains(expected), "{outcome:#?}");
    }
}

#[test]
fn nothing_outside_the_tree_is_read() {
    let environment = overlay("");
    environment.write("secret/deploy.yaml", "kind: Secret\n");
    for (reference, expected) in [
        ("../../../../etc", "it is outside"),
        ("/etc/passwd", "absolute paths are not read"),
        ("../secret/deploy.yaml", "is not in or below the folder"),
        ("gone.yaml", "it does not exist"),
        ("../prod", "a cycle"),
        ("..", "a cycle"),
        ("../secret", "has no kustomization.yaml"),
    ] {
        environment.write(
            "prod/kustomization.yaml",
            format!("resources: [{reference}]\n"),
        );
        let outcome = environment.run(["status", "-k", "prod"]).expect(1);
        assert!(
            outcome.stderr.contains(expected),
            "{reference}: {outcome:#?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_tree() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(
        outside.path().join("kustomization.yaml"),
        "namePrefix: a-\n",
    )
    .expect("a file");
    let environment = overlay("");
    let link = environment.home().join("prod/link");
    std::os::unix::fs::symlink(outside.path(), link).expect("a link");
    environment.write("prod/kustomization.yaml", "resources: [link]\n");
    let outcome = environment.run(["status", "-k", "prod"]).expect(1);
    assert!(outcome.stderr.contains("it is outside"), "{outcome:#?}");
}

#[test]
fn line_that_moves_several_workloads_names_all_of_them_first() {
    let environment = overlay("namePrefix: prod-\n");
    let two = deployment("two", &["team: shop"], &[("side", "reg.example/app:0.9.0")]);
    environment.write("base/two.yaml", two);
    let base = read(&environment, "base/kustomization.yaml");
    environment.write(
        "base/kustomization.yaml",
        base.replace("- deploy.yaml\n", "- deploy.yaml\n- two.yaml\n"),
    );
    let outcome = update(
        &environment,
        "reg.example/app:1.2.0",
        &["deployment/prod-web", "--allow-unconfirmed"],
    )
    .expect(1);
    for line in [
        "base/kustomization.yaml:6 (newTag) decides deployment/prod-two, deployment/prod-web",
        "base/kustomization.yaml is outside prod",
        "refusing to change 2 workloads without a terminal",
    ] {
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(shown.contains(line), "{line}: {outcome:#?}");
    }
}

#[test]
fn lock_of_a_workload_on_the_same_line_is_respected() {
    let environment = overlay("");
    let two = deployment(
        "two",
        &["fluxcd.io/locked: \"true\""],
        &[("side", "reg.example/app:0.9.0")],
    );
    environment.write("base/two.yaml", two);
    environment.write(
        "base/kustomization.yaml",
        "resources: [deploy.yaml, two.yaml]\nimages:\n- name: reg.example/app\n  newTag: 1.1.0\n",
    );
    let before = read(&environment, "base/kustomization.yaml");
    let select = ["deployment/web", "--allow-unconfirmed", "--yes"];
    let outcome = update(&environment, "reg.example/app:1.2.0", &select);
    assert!(
        outcome.stderr.contains(
            "base/kustomization.yaml:4 (newTag) also decides deployment/two container side, \
             which is locked (--override-lock)"
        ),
        "{outcome:#?}"
    );
    assert_eq!(read(&environment, "base/kustomization.yaml"), before);
    let flags = [&select[..], &["--override-lock"]].concat();
    update(&environment, "reg.example/app:1.2.0", &flags).expect(0);
    let after = before.replace("1.1.0", "1.2.0");
    assert_eq!(read(&environment, "base/kustomization.yaml"), after);
}

#[test]
fn places_that_must_not_be_edited_are_refused_with_the_reason() {
    for (fields, expected) in [
        (
            "images:\n- name: reg.example/.*\n  newTag: 1.1.5\n",
            "is a regular expression",
        ),
        (
            "images:\n- name: reg.example/app\n  tagSuffix: -alpine\n",
            "replace tagSuffix by newTag first",
        ),
        (
            "images:\n- name: reg.example/app\n  newTag: |-\n    1.1.5\n",
            "it is a block of lines",
        ),
        (
            "images:\n- name: reg.example/app\n  newTag: !!str 1.1.5\n",
            "it has a YAML tag",
        ),
        (
            "patches:\n- patch: '{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \
             \"metadata\": {\"name\": \"web\"}, \"spec\": {\"template\": {\"spec\": \
             {\"containers\": [{\"name\": \"app\", \"image\": \"reg.example/app:1\"}]}}}}'\n",
            "it is written in a form that cannot be edited",
        ),
    ] {
        let environment = overlay(fields);
        let before = read(&environment, "prod/kustomization.yaml");
        let outcome = update(&environment, "reg.example/app:1.2.0", &ALLOWED).expect(1);
        assert!(outcome.stderr.contains(expected), "{fields}: {outcome:#?}");
        assert_eq!(read(&environment, "prod/kustomization.yaml"), before);
    }
    let environment = overlay("images: []\nimages: []\n");
    let outcome = update(&environment, "reg.example/app:1.2.0", &ALLOWED).expect(1);
    assert!(
        outcome
            .stderr
            .contains("prod/kustomization.yaml:4: the key \"images\" is duplicated"),
        "{outcome:#?}"
    );
}

#[test]
fn placeholder_is_not_overwritten() {
    let environment = overlay(
        "images:\n- name: reg.example/app\n  newTag: ${TAG}\ncommonAnnotations: {fluxcd.io/tag.app: \
         semver:1}\n",
    );
    let outcome = environment
        .run(["status", "-k", "prod", "-o", "json"])
        .expect(0);
    let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let item = &status["items"][0];
    assert_eq!(item["image"], "reg.example/app:${TAG}");
    let warnings = item["warnings"].to_string();
    assert!(
        warnings.contains("prod/kustomization.yaml:5: it contains a placeholder"),
        "{warnings}"
    );
}

#[test]
fn inline_patch_is_edited_in_its_line() {
    let patch = "patches:\n- target: {kind: Deployment}\n  patch: |- # keep\n    apiVersion: \
                 apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec:\n      \
                 template:\n        spec:\n          containers:\n          - image: \
                 \"reg.example/app:1.1.5\" # é\n            name: app\n";
    let environment = overlay(patch);
    let before = read(&environment, "prod/kustomization.yaml");
    update(&environment, "reg.example/app:1.2.0", &ALLOWED).expect(0);
    let after = before.replace("app:1.1.5", "app:1.2.0");
    assert_eq!(read(&environment, "prod/kustomization.yaml"), after);
    let base = read(&environment, "base/kustomization.yaml");
    assert!(base.contains("newTag: 1.1.0"), "{base}");
}

#[test]
fn both_the_tag_and_the_digest_are_edited() {
    let old = format!("sha256:{}", "1".repeat(64));
    let new = format!("sha256:{}", "2".repeat(64));
    let environment = overlay(&format!(
        "images:\n- name: reg.example/app\n  newTag: \"1.1\"\n  digest: {old}\n"
    ));
    let before = read(&environment, "prod/kustomization.yaml");
    let image = format!("reg.example/app:1.2@{new}");
    update(&environment, &image, &ALLOWED).expect(0);
    let after = before.replace("\"1.1\"", "\"1.2\"").replace(&old, &new);
    assert_eq!(read(&environment, "prod/kustomization.yaml"), after);
}

#[test]
fn unconfirmed_image_is_named_before_and_after_the_write() {
    let environment = overlay("images:\n- name: reg.example/app\n  newTag: 1.1.5\n");
    let image = "reg.example/app:1.2.0";
    let outcome = update(&environment, image, &["--yes"]).expect(1);
    assert!(outcome.stderr.contains("held back"), "{outcome:#?}");
    let flags = ["--allow-unconfirmed", "--yes", "-o", "json"];
    let outcome = update(&environment, image, &flags).expect(0);
    let result: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(result["overrides"], serde_json::json!(["unconfirmed"]));
    let item = &result["items"][0];
    assert_eq!(item["containers"][0]["warnings"][0]["code"], "unconfirmed");
    assert_eq!(item["annotations"], serde_json::json!({}));
    assert_eq!(item["source"]["file"], "prod/kustomization.yaml");
    assert_eq!(item["source"]["line"], 5);
    let notes = item["notes"].to_string();
    assert!(
        notes.contains("no registry has confirmed that reg.example/app:1.2.0 exists"),
        "{notes}"
    );
}

#[test]
fn entry_without_effect_is_reported() {
    let environment = overlay("images:\n- name: reg.example/other\n  newTag: \"2\"\n");
    let outcome = environment.run(["status", "-k", "prod"]).expect(0);
    assert!(
        outcome.stderr.contains(
            "prod/kustomization.yaml:4: the images entry \"reg.example/other\" matches no image"
        ),
        "{outcome:#?}"
    );
}

#[test]
fn explain_names_the_places() {
    let environment = overlay("");
    let outcome = environment.run(["explain", "deployment/web", "-k", "prod"]);
    assert!(
        outcome
            .stdout
            .contains("Written at:  base/kustomization.yaml:5 (newTag)"),
        "{outcome:#?}"
    );
}

#[test]
fn suggested_commands_build_the_same_folder() {
    let environment = overlay("");
    environment.write(
        "prod/kustomization.yaml",
        "resources: [../base]\nimages:\n- name: reg.example/app\n  newName: \
         docker.io/org/my-app\n  newTag: 1.0.1\ncommonAnnotations:\n  fluxcd.io/automated: \
         \"true\"\n  fluxcd.io/tag.app: semver:~1.0\n",
    );
    let layout = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/quickstart/images");
    let words = [
        "explain",
        "deployment/web",
        "-k",
        "prod",
        "--oci-layout",
        layout,
    ];
    let outcome = environment.run(words).expect(0);
    assert!(
        outcome
            .stdout
            .contains("Next: kubectl imgpolicy images deployment/web -k prod"),
        "{outcome:#?}"
    );
    environment.write(
        "prod/kustomization.yaml",
        "resources: [../base]\ncommonAnnotations: {team: shop}\n",
    );
    // `automate` does not build kustomizations, so it is not suggested.
    let outcome = environment.run(words).expect(0);
    assert!(!outcome.stdout.contains("Next:"), "{outcome:#?}");
}

#[test]
fn flags_for_other_places_are_refused() {
    let environment = overlay("");
    for words in [
        &["status", "-k", "prod", "-f", "base"][..],
        &["status", "-k", "prod", "-A"],
        &["status", "-k", "prod", "-l", "a=b"],
        &["status", "-k", "prod", "--from-snapshot", "a"],
        &["update", "-k", "prod", "--wait"],
        &["update", "-k", "prod", "--dry-run=server"],
        &["update", "--all", "--allow-unconfirmed"],
    ] {
        environment.run(words).expect(2);
    }
    for (folder, expected) in [
        ("gone", "does not exist"),
        ("https://example.com/x", "only local folders are built"),
        ("base/deploy.yaml", "it is not a folder"),
    ] {
        let outcome = environment.run(["status", "-k", folder]).expect(1);
        assert!(outcome.stderr.contains(expected), "{outcome:#?}");
    }
}

#[test]
fn dry_run_changes_no_file() {
    let environment = overlay("");
    let before = read(&environment, "base/kustomization.yaml");
    let flags = ["--allow-unconfirmed", "--dry-run"];
    let outcome = update(&environment, "reg.example/app:1.2.0", &flags).expect(0);
    assert!(outcome.stdout.contains("(dry run)"), "{outcome:#?}");
    assert_eq!(read(&environment, "base/kustomization.yaml"), before);
}
