//! `-f DIR -R`: kustomizations among the files are built, each top one once.

use std::fs;

use serde_json::{Value, json};

use super::{deployment, fields};
use crate::support::program::{Outcome, TestEnvironment};

/// `apps/base` with a Deployment `web`, two overlays of it, and a Deployment in a plain file.
/// `dev` takes the base's image, and `prod` has its own.
fn tree() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    let plain = deployment(
        "plain",
        &["team: shop"],
        &[("app", "reg.example/app:0.9.0")],
    );
    for (name, text) in [
        ("apps/base/deploy.yaml", web.as_str()),
        (
            "apps/base/kustomization.yaml",
            "resources: [deploy.yaml]\nimages:\n- name: reg.example/app\n  newTag: 1.1.0\n",
        ),
        ("apps/dev/kustomization.yaml", "resources: [../base]\n"),
        (
            "apps/prod/kustomization.yaml",
            "resources: [../base]\nimages:\n- name: reg.example/app\n  newTag: 1.1.5\n",
        ),
        ("apps/plain.yaml", plain.as_str()),
    ] {
        environment.write(name, text);
    }
    environment
}

fn read(environment: &TestEnvironment, name: &str) -> String {
    fs::read_to_string(environment.home().join(name)).expect("a file")
}

/// Each row as `ROOT NAME IMAGE`.
fn rows(environment: &TestEnvironment, flags: &[&str]) -> Vec<String> {
    let words = ["status", "-f", "apps", "-R", "-o", "json"];
    let outcome = environment.run(words.iter().chain(flags)).expect(0);
    let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let items = status["items"].as_array().expect("items");
    let row = |item: &Value| {
        let root = item["root"].as_str().unwrap_or("-");
        let name = item["workload"]["name"].as_str().expect("a name");
        format!(
            "{root} {name} {}",
            item["image"].as_str().expect("an image")
        )
    };
    items.iter().map(row).collect()
}

fn update(environment: &TestEnvironment, image: &str, flags: &[&str]) -> Outcome {
    let words = [
        "update",
        "-f",
        "apps",
        "-R",
        "--image",
        image,
        "--allow-unconfirmed",
    ];
    environment.run(words.iter().chain(flags))
}

#[test]
fn files_of_a_kustomization_appear_only_as_it_builds_them() {
    let environment = tree();
    assert_eq!(
        rows(&environment, &[]),
        [
            "- plain reg.example/app:0.9.0",
            "apps/dev web reg.example/app:1.1.0",
            "apps/prod web reg.example/app:1.1.5",
        ]
    );
    assert_eq!(
        rows(&environment, &["--no-kustomize"]),
        [
            "- plain reg.example/app:0.9.0",
            "- web reg.example/app:1.0.0",
        ]
    );
    let words = ["images", "-f", "apps", "-R", "-o", "json"];
    let images = environment.run(words).expect(0).stdout;
    assert!(!images.contains("app:1.0.0"), "{images}");
}

#[test]
fn wide_table_has_a_column_for_the_root_if_there_is_one() {
    let environment = tree();
    let wide = environment
        .run(["status", "-f", "apps", "-R", "-o", "wide"])
        .expect(0);
    let lines: Vec<&str> = wide.stdout.lines().collect();
    assert!(lines[0].contains(" ROOT "), "{wide:#?}");
    assert!(lines[2].contains("apps/dev"), "{wide:#?}");
    let wide = environment
        .run(["status", "-f", "apps/plain.yaml", "-o", "wide"])
        .expect(0);
    assert!(!wide.stdout.contains("ROOT"), "{wide:#?}");
}

#[test]
fn line_of_a_base_moves_every_kustomization_that_takes_it_and_names_them_first() {
    let environment = tree();
    // Only dev takes the base's line, so only dev is selected.
    environment.write(
        "apps/prod/kustomization.yaml",
        "resources: [../base]\nnamespace: prod\n",
    );
    let outcome = update(&environment, "reg.example/app:1.2.0", &["deployment/web"]).expect(1);
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    for line in [
        "default/deployment/web in apps/base/kustomization.yaml:4",
        "prod/deployment/web in apps/base/kustomization.yaml:4",
        "decides deployment/web in apps/dev, deployment/web in apps/prod",
        "refusing to change 2 workloads without a terminal",
    ] {
        assert!(shown.contains(line), "{line}: {outcome:#?}");
    }
    let flags = ["deployment/web", "--yes", "-o", "json"];
    let outcome = update(&environment, "reg.example/app:1.2.0", &flags).expect(0);
    let result: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let items = result["items"].as_array().expect("items");
    let roots: Vec<&Value> = items.iter().map(|item| &item["root"]).collect();
    assert_eq!(roots, [&json!("apps/dev"), &json!("apps/prod")]);
    assert!(fields(&items[0]).contains(&"root"));
    let base = read(&environment, "apps/base/kustomization.yaml");
    assert!(base.contains("newTag: 1.2.0"), "{base}");
}

#[test]
fn overlay_with_its_own_line_is_edited_there() {
    let environment = tree();
    let outcome = update(&environment, "reg.example/app:1.2.0", &["--yes"]).expect(0);
    for (file, tag) in [
        ("apps/base/kustomization.yaml", "newTag: 1.2.0"),
        ("apps/prod/kustomization.yaml", "newTag: 1.2.0"),
        ("apps/plain.yaml", "reg.example/app:1.2.0"),
        ("apps/base/deploy.yaml", "reg.example/app:1.0.0"),
    ] {
        let text = read(&environment, file);
        assert!(text.contains(tag), "{file}: {text}\n{outcome:#?}");
    }
    let lines = outcome.stdout.lines();
    let done: Vec<&str> = lines
        .filter(|line| line.ends_with("image updated"))
        .collect();
    assert_eq!(done.len(), 3, "{outcome:#?}");
    for heading in [
        "deployment/plain in apps/plain.yaml:1",
        "deployment/web of apps/dev in apps/base/kustomization.yaml:4",
        "deployment/web of apps/prod in apps/prod/kustomization.yaml:4",
    ] {
        assert!(outcome.stderr.contains(heading), "{heading}: {outcome:#?}");
    }
}

#[test]
fn edit_that_another_kustomization_hides_is_a_warning_with_both_lines() {
    let environment = tree();
    let hidden = "apps/base/kustomization.yaml:4 (newTag) changes nothing in apps/prod: \
                  apps/prod/kustomization.yaml:5 (newTag) decides the image of deployment/web-x \
                  container app there";
    // The workload of prod is locked, so only that of dev is updated. Its name does not matter.
    environment.write(
        "apps/prod/kustomization.yaml",
        "resources: [../base]\nnameSuffix: -x\nimages:\n- name: reg.example/app\n  newTag: 1.1.5\n\
         commonAnnotations: {fluxcd.io/locked: \"true\"}\n",
    );
    let image = "reg.example/app:1.2.0";
    let outcome = update(&environment, image, &["--dry-run"]).expect(0);
    let warning = format!("warning: hidden-edit: {hidden}");
    assert!(outcome.stderr.contains(&warning), "{outcome:#?}");
    let outcome = update(&environment, image, &["--yes", "-o", "json"]).expect(0);
    let result: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let items = result["items"].as_array().expect("items");
    let dev = items.iter().find(|item| item["root"] == "apps/dev");
    let warning = &dev.expect("the workload of dev")["containers"][0]["warnings"][0];
    assert_eq!(
        warning,
        &json!({"code": "hidden-edit", "message": hidden}),
        "{items:#?}"
    );
    let text = read(&environment, "apps/base/kustomization.yaml");
    assert!(text.contains("newTag: 1.2.0"), "{text}");
}

#[test]
fn edit_is_not_hidden_where_the_own_line_is_edited_too_or_nothing_is_below() {
    let environment = tree();
    let outcome = update(&environment, "reg.example/app:1.2.0", &["--dry-run"]).expect(0);
    assert!(!outcome.stderr.contains("hidden-edit"), "{outcome:#?}");
    // A kustomization without the container.
    environment.write(
        "apps/prod/kustomization.yaml",
        "resources: [../base]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: \
         Deployment\n    metadata: {name: web}\n    $patch: delete\n",
    );
    let outcome = update(&environment, "reg.example/app:1.2.0", &["--dry-run"]).expect(0);
    assert!(!outcome.stderr.contains("hidden-edit"), "{outcome:#?}");
}

#[test]
fn lock_in_another_kustomization_keeps_the_shared_line() {
    let environment = tree();
    environment.write(
        "apps/prod/kustomization.yaml",
        "resources: [../base]\nnamespace: prod\ncommonAnnotations: {fluxcd.io/locked: \"true\"}\n",
    );
    let before = read(&environment, "apps/base/kustomization.yaml");
    let outcome = update(
        &environment,
        "reg.example/app:1.2.0",
        &["deployment/web", "--yes"],
    );
    let message = "apps/base/kustomization.yaml:4 (newTag) also decides prod/deployment/web in \
                   apps/prod container app, which is locked";
    let message = message.replace("prod/deployment", "deployment");
    assert!(outcome.stderr.contains(&message), "{outcome:#?}");
    assert_eq!(read(&environment, "apps/base/kustomization.yaml"), before);
}

#[test]
fn kustomization_that_cannot_be_built_hides_no_other() {
    let environment = tree();
    environment.write("apps/prod/kustomization.yaml", "resources: [../gone]\n");
    let words = ["status", "-f", "apps", "-R", "-o", "json"];
    let outcome = environment.run(words).expect(1);
    let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(status["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["errors"][0]["scope"], "kustomization/apps/prod");
}

#[test]
fn what_only_looks_like_a_kustomization_stays_as_it_is() {
    let environment = tree();
    for (name, text) in [
        (
            "apps/flux/kustomization.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n",
        ),
        (
            "apps/component/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n",
        ),
    ] {
        environment.write(name, text);
    }
    let lone = deployment("lone", &["team: shop"], &[("app", "reg.example/app:0.1.0")]);
    environment.write("apps/component/x.yaml", lone);
    assert_eq!(
        rows(&environment, &[]),
        [
            "- lone reg.example/app:0.1.0",
            "- plain reg.example/app:0.9.0",
            "apps/dev web reg.example/app:1.1.0",
            "apps/prod web reg.example/app:1.1.5",
        ]
    );
}

#[test]
fn kustomizations_that_include_each_other_are_an_error() {
    let environment = tree();
    environment.write(
        "apps/base/kustomization.yaml",
        "resources: [deploy.yaml, ../dev]\n",
    );
    environment.write("apps/prod/kustomization.yaml", "resources: [own.yaml]\n");
    let own = deployment("own", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    environment.write("apps/prod/own.yaml", own);
    let outcome = environment.run(["status", "-f", "apps", "-R"]).expect(1);
    assert!(outcome.stderr.contains("a cycle"), "{outcome:#?}");
    assert!(outcome.stdout.contains("deployment/own"), "{outcome:#?}");
}

#[test]
fn files_of_generators_are_not_read_as_manifests() {
    let environment = tree();
    let stray = deployment(
        "stray",
        &["team: shop"],
        &[("app", "reg.example/app:0.1.0")],
    );
    environment.write("apps/dev/data.yaml", stray);
    environment.write(
        "apps/dev/kustomization.yaml",
        "resources: [../base]\nconfigMapGenerator: [{name: a, files: [data.yaml]}]\n",
    );
    assert!(
        !rows(&environment, &[])
            .iter()
            .any(|row| row.contains("stray"))
    );
}

#[test]
fn flags_without_effect_are_usage_errors() {
    let environment = tree();
    for words in [
        &["status", "-f", "apps", "--no-kustomize"][..],
        &["status", "-k", "apps/dev", "--no-kustomize"],
        &["status", "-f", "apps", "--kustomize-program", "kustomize"],
        &[
            "status",
            "-f",
            "apps",
            "-R",
            "--no-kustomize",
            "--kustomize-program",
            "kustomize",
        ],
        &["update", "-f", "apps", "--allow-unconfirmed"],
        &[
            "update",
            "-f",
            "apps",
            "-R",
            "--no-kustomize",
            "--allow-unconfirmed",
        ],
    ] {
        environment.run(words).expect(2);
    }
}
