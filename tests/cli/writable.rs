//! Images that cannot be edited where they are written: `status` says so, `update` holds
//! them back, and the other containers of the workload are written.

use std::fs;

use serde_json::Value;

use super::root;
use crate::support::program::{Outcome, TestEnvironment};

const IMAGE: &str = "docker.io/org/my-app:1.0.0";

/// A Deployment with two containers, `bad` and `good`. `top` precedes its metadata.
fn manifest(top: &str, annotations: &str, bad: &str, good: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\n{top}metadata:\n  name: web\n  annotations:{annotations}\n\
         spec:\n  template:\n    spec:\n      containers:\n{bad}{good}"
    )
}

const POLICIES: &str = "\n    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.bad: glob:*\n    fluxcd.io/tag.good: glob:*";

fn container(name: &str, image: &str) -> String {
    format!("      - name: {name}\n        {image}\n")
}

fn run(environment: &TestEnvironment, words: &str) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let flags = ["-f", "web.yaml", "--oci-layout", &layout];
    environment.run(words.split(' ').chain(flags))
}

/// The message of the warning `not-writable` of each row, in the order of the manifest.
fn warnings(environment: &TestEnvironment) -> Vec<(String, Option<String>)> {
    let list = run(environment, "status -o json").expect(0).json();
    let rows = list["items"].as_array().expect("rows").iter();
    rows.map(|row| {
        assert_eq!(row["outcome"], "update", "{row}");
        let warnings = row["warnings"].as_array().expect("warnings").iter();
        let mut found = warnings.filter(|warning| warning["code"] == "not-writable");
        let message = found.next().and_then(|warning| warning["message"].as_str());
        let name = row["container"].as_str().expect("a name");
        (name.to_owned(), message.map(str::to_owned))
    })
    .collect()
}

/// The text after an update, which must write the good container alone.
fn only_good_is_written(text: &str, line: usize, reason: &str) {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", text);
    let found = warnings(&environment);
    let message = format!("web.yaml:{line}: ");
    let [(_, Some(bad)), (_, None)] = found.as_slice() else {
        panic!("{text}\n{found:?}");
    };
    assert!(bad.starts_with(&message), "{bad}\n{text}");
    assert!(bad.contains(reason), "{bad}");

    let update = run(&environment, "update --all --yes").expect(1);
    let held = update
        .stderr
        .lines()
        .find(|line| line.starts_with("held back: "));
    let held = held.unwrap_or_else(|| panic!("{update:?}"));
    assert!(held.contains(" bad ") && held.contains(reason), "{held}");
    let after = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert_eq!(
        after
            .matches("  image: docker.io/org/my-app:9e3bdaf\n")
            .count(),
        1,
        "{update:?}\n{after}"
    );
    let list = run(&environment, "status -o json").expect(0).json();
    let outcomes: Vec<&Value> = list["items"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["outcome"])
        .collect();
    assert_eq!(outcomes, ["update", "keep"], "{after}");
}

#[test]
fn alias_holds_back_its_own_container_only() {
    let top = format!("x-image: &image {IMAGE}\n");
    let bad = container("bad", "image: *image");
    let good = container("good", &format!("image: {IMAGE}"));
    let text = manifest(&top, POLICIES, &bad, &good);
    only_good_is_written(&text, 15, "image is a YAML alias");
    // The line is that of the whole file.
    let text = format!("# The first document is empty.\n---\n{text}");
    only_good_is_written(&text, 17, "image is a YAML alias");
}

#[test]
fn anchor_that_is_used_elsewhere_holds_back_its_own_container_only() {
    let bad = format!(
        "{}        env: [{{name: SIDECAR, value: *image}}]\n",
        container("bad", &format!("image: &image {IMAGE}"))
    );
    let good = container("good", &format!("image: {IMAGE}"));
    let text = manifest("", POLICIES, &bad, &good);
    only_good_is_written(&text, 14, "has a YAML anchor that is used elsewhere");
}

#[test]
fn merge_key_holds_back_its_own_container_only() {
    let top = format!("x-base: &base\n  image: {IMAGE}\n");
    let bad = container("bad", "<<: *base");
    let good = container("good", &format!("image: {IMAGE}"));
    let text = manifest(&top, POLICIES, &bad, &good);
    only_good_is_written(&text, 15, "comes from a YAML merge key");
}

#[test]
fn tag_and_explicit_key_hold_back_their_own_container_only() {
    let good = container("good", &format!("image: {IMAGE}"));
    for (image, reason) in [
        (format!("image: !!str {IMAGE}"), "has a YAML tag"),
        (
            format!("? image\n        : *image # {IMAGE}"),
            "is a YAML alias",
        ),
    ] {
        let top = format!("x-image: &image {IMAGE}\n");
        let bad = container("bad", &image);
        let text = manifest(&top, POLICIES, &bad, &good);
        only_good_is_written(&text, 15, reason);
    }
}

#[test]
fn annotations_that_cannot_be_written_hold_back_every_container() {
    let top = format!("x-common: &common{POLICIES}\n");
    let containers = ["bad", "good"].map(|name| container(name, &format!("image: {IMAGE}")));
    let environment = TestEnvironment::new();
    environment.write(
        "web.yaml",
        manifest(&top, " *common", &containers[0], &containers[1]),
    );
    for (name, message) in warnings(&environment) {
        let message = message.unwrap_or_else(|| panic!("{name}"));
        assert!(
            message.contains("metadata.annotations is a YAML alias"),
            "{message}"
        );
    }
    let before = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    let update = run(&environment, "update --all --yes").expect(1);
    assert_eq!(
        update.stderr.matches("held back: ").count(),
        2,
        "{update:?}"
    );
    let after = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert_eq!(after, before);
}

#[test]
fn value_that_two_images_of_a_release_share_is_reported_for_both() {
    let environment = TestEnvironment::new();
    environment.write(
        "web.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  annotations:\n    \
         fluxcd.io/automated: 'true'\n    fluxcd.io/tag.a: glob:*\n    fluxcd.io/tag.b: glob:*\n    \
         repository.fluxcd.io/a: a.repository\n    tag.fluxcd.io/a: tag\n    \
         repository.fluxcd.io/b: b.repository\n    tag.fluxcd.io/b: tag\nspec:\n  values:\n    \
         tag: 1.0.0\n    a: {repository: docker.io/org/my-app}\n    b: {repository: docker.io/org/my-app}\n",
    );
    let found = warnings(&environment);
    assert_eq!(found.len(), 2, "{found:?}");
    for (name, message) in found {
        let message = message.unwrap_or_else(|| panic!("{name}"));
        assert!(message.contains("would also change"), "{message}");
    }
}

#[test]
fn every_alias_of_a_long_list_is_reported() {
    let mut text = format!("apiVersion: v1\nkind: List\nx: &image {IMAGE}\nitems:\n");
    for number in 0..300 {
        text.push_str(&format!(
            "- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {{name: w{number}, annotations: \
             {{fluxcd.io/automated: 'true', fluxcd.io/tag.app: 'semver:~1.0'}}}}\n  \
             spec: {{template: {{spec: {{containers: [{{name: app, image: *image}}]}}}}}}\n"
        ));
    }
    let environment = TestEnvironment::new();
    environment.write("web.yaml", &text);
    let found = warnings(&environment);
    assert_eq!(found.len(), 300);
    assert!(found.iter().all(|(_, message)| message.is_some()));
}
