//! Helm releases in manifests: which scalar of the values is read and written.

use std::fs;

use super::root;
use crate::support::program::{Outcome, TestEnvironment};

/// A release with these annotations and values (YAML lines).
fn release(annotations: &[&str], values: &[&str]) -> String {
    let mut text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  \
                    name: web\n  annotations:\n    fluxcd.io/automated: \"true\"\n"
        .to_owned();
    for line in annotations {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str("spec:\n  values:\n");
    for line in values {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

fn run(environment: &TestEnvironment, words: &str) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = words.split(' ').chain(["-f", "web.yaml"]);
    environment.run(words.chain(["--oci-layout", &layout]))
}

fn manifest(environment: &TestEnvironment) -> String {
    fs::read_to_string(environment.home().join("web.yaml")).expect("a file")
}

const POLICY: &str = "fluxcd.io/tag.chart-image: semver:~1.0";

#[test]
fn a_tag_beside_the_image_is_written_where_it_stands() {
    for key in ["tag", "imageTag", "image_tag"] {
        let environment = TestEnvironment::new();
        let before = format!("{key}: 1.0.0 # ours");
        let values = ["image: docker.io/org/my-app", &before];
        environment.write("web.yaml", release(&[POLICY], &values));
        let item = run(&environment, "status -o json").expect(0).item();
        assert_eq!(item["image"], "docker.io/org/my-app:1.0.0", "{key}");
        assert_eq!(item["latest"], "docker.io/org/my-app:1.0.1", "{key}");
        run(&environment, "update --yes").expect(0);
        let after = manifest(&environment);
        let lines = format!("    image: docker.io/org/my-app\n    {key}: 1.0.1 # ours\n");
        assert!(after.ends_with(&lines), "{after}");
        run(&environment, "rollback --all --yes").expect(0);
        assert!(manifest(&environment).ends_with(&format!("    {before}\n")));
    }
}

#[test]
fn an_image_whose_tag_stands_nowhere_known_is_held_back() {
    let update = "update --yes";
    let by_hand = "update --image docker.io/org/my-app:1.0.1 --yes";
    let repository = "repository.fluxcd.io/chart-image: image";
    let written = "    image: docker.io/org/my-app:1.0.1\n";
    for (annotation, values, words, expected) in [
        (POLICY, &["image: docker.io/org/my-app"][..], update, None),
        (
            POLICY,
            &["image: docker.io/org/my-app"],
            by_hand,
            Some(written),
        ),
        (
            repository,
            &["image: docker.io/org/my-app"],
            update,
            Some(written),
        ),
        (
            POLICY,
            &["version: v1", "image: docker.io/org/my-app"],
            update,
            None,
        ),
        (
            POLICY,
            &["version: v1", "image: docker.io/org/my-app"],
            by_hand,
            None,
        ),
        (
            repository,
            &["version: v1", "image: docker.io/org/my-app"],
            update,
            None,
        ),
    ] {
        let environment = TestEnvironment::new();
        let policy = (annotation != POLICY).then_some(POLICY);
        let annotations: Vec<&str> = policy.into_iter().chain([annotation]).collect();
        let before = release(&annotations, values);
        environment.write("web.yaml", &before);
        let code = i32::from(expected.is_none());
        let outcome = run(&environment, words).expect(code);
        let after = manifest(&environment);
        match expected {
            Some(expected) => assert!(after.ends_with(expected), "{after}"),
            None => {
                assert_eq!(after, before);
                let held = "held back: helmrelease/web chart-image";
                assert!(outcome.stderr.contains(held), "{outcome:?}");
                assert!(outcome.stderr.contains(" of the values "), "{outcome:?}");
            }
        }
    }
}

#[test]
fn half_a_mapping_is_a_warning() {
    for (annotations, expected) in [
        (
            &["tag.fluxcd.io/side: a.tag"][..],
            "tag.fluxcd.io/side maps nothing without repository.fluxcd.io/side",
        ),
        (
            &["registry.fluxcd.io/side: a.tag"],
            "registry.fluxcd.io/side maps nothing without repository.fluxcd.io/side",
        ),
        (
            &["repository.fluxcd.io/side: a.b"],
            "repository.fluxcd.io/side is \"a.b\", and spec.values has no text there",
        ),
    ] {
        let environment = TestEnvironment::new();
        let values = ["image: docker.io/org/my-app:1.0.0"];
        let annotations: Vec<&str> = annotations.iter().copied().chain([POLICY]).collect();
        environment.write("web.yaml", release(&annotations, &values));
        let item = run(&environment, "status -o json").expect(0).item();
        let warning = &item["warnings"][0];
        assert_eq!(warning["code"], "half-mapping");
        assert_eq!(warning["message"], expected);
    }
}
