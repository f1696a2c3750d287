//! Runs cases whose results were generated with kustomize's own code.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::Value;

use crate::support::program::TestEnvironment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KustomizeCase {
    name: String,
    why: String,
    files: BTreeMap<String, String>,
    /// By folder.
    builds: BTreeMap<String, ExpectedBuild>,
    edit: Option<ExpectedEdit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedBuild {
    #[serde(default)]
    images: Vec<ExpectedImage>,
    /// Why kustomize cannot build it.
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct ExpectedImage {
    object: String,
    /// Empty for the tag of a Helm release.
    container: String,
    image: String,
    places: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedEdit {
    root: String,
    image: String,
    /// The files that change.
    files: BTreeMap<String, String>,
    /// A part of the message, if the edit is refused on purpose.
    refused: Option<String>,
}

fn cases() -> Vec<KustomizeCase> {
    let cases: Vec<KustomizeCase> =
        serde_json::from_str(include_str!("../data/conformance/kustomize.json")).expect("cases");
    assert_eq!(cases.len(), 35);
    cases
}

fn environment(case: &KustomizeCase) -> TestEnvironment {
    let environment = TestEnvironment::new();
    for (name, text) in &case.files {
        environment.write(name, text);
    }
    environment
}

/// An item of `status -o json` in the form of the cases. They show only the tag of a release.
fn image(item: &Value) -> ExpectedImage {
    let text = |pointer: &str| {
        let value = item.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let is_release = text("/workload/kind") == "HelmRelease";
    let image = text("/image");
    let places = item["writtenAt"].as_array().into_iter().flatten();
    ExpectedImage {
        object: format!("{}/{}", text("/workload/kind"), text("/workload/name")),
        container: if is_release {
            String::new()
        } else {
            text("/container")
        },
        image: match image.rsplit_once(':') {
            Some((_, tag)) if is_release => tag.to_owned(),
            _ => image,
        },
        places: places
            .map(|place| {
                let [file, key, part] =
                    ["file", "key", "part"].map(|field| place[field].as_str().expect("text"));
                format!("{file}:{} {key} ({part})", place["line"])
            })
            .collect(),
    }
}

#[test]
fn status_shows_the_images_that_kustomize_builds_and_their_places() {
    for mut case in cases() {
        let environment = environment(&case);
        for (root, expected) in &mut case.builds {
            let outcome = environment.run(["status", "-k", root, "-o", "json"]);
            let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            let (name, why) = (&case.name, &case.why);
            let items = status["items"].as_array().expect("items");
            let mut found: Vec<ExpectedImage> = items.iter().map(image).collect();
            found.sort();
            expected.images.sort();
            assert_eq!(found, expected.images, "{name} ({why}): {outcome:#?}");
            let has_errors = status["errors"] != serde_json::json!([]);
            assert_eq!(
                has_errors,
                expected.error.is_some(),
                "{name} ({why}): {outcome:#?}"
            );
            let is_of_root = items.iter().all(|item| item["root"] == root.as_str());
            assert!(is_of_root, "{name}: {outcome:#?}");
        }
    }
}

#[test]
fn update_edits_exactly_the_deciding_scalars() {
    let mut refused = 0;
    for case in cases() {
        let Some(edit) = &case.edit else { continue };
        let environment = environment(&case);
        let outcome = environment.run([
            "update",
            "-k",
            &edit.root,
            "--image",
            &edit.image,
            "--allow-unconfirmed",
            "--yes",
        ]);
        let mut expected = case.files.clone();
        match &edit.refused {
            Some(message) => {
                refused += 1;
                assert!(outcome.stderr.contains(message), "{outcome:#?}");
            }
            None => expected.extend(edit.files.clone()),
        }
        let found = case.files.keys().map(|name| {
            let text = fs::read_to_string(environment.home().join(name)).expect("a file");
            (name.clone(), text)
        });
        let found: BTreeMap<String, String> = found.collect();
        assert_eq!(
            found, expected,
            "{} ({}): {outcome:#?}",
            case.name, case.why
        );
    }
    assert_eq!(refused, 1);
}
