//! Runs cases whose results were generated with the code of kustomize, or of Flux.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::kustomize_cases::{
    ExpectedEdit, ExpectedImage, KustomizeCase, argo_cases, cases, flux_cases, image,
};
use crate::support::program::{Outcome, TestEnvironment};

/// An environment with the files of a case.
fn environment(case: &KustomizeCase) -> TestEnvironment {
    let environment = TestEnvironment::new();
    for (name, text) in &case.files {
        environment.write(name, text);
    }
    environment
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
        refused += usize::from(edit.refused.is_some());
        assert_edited(&case, edit, &environment, &outcome);
    }
    assert_eq!(refused, 1);
}

#[test]
fn status_shows_the_images_that_flux_and_argo_cd_apply_and_their_places() {
    for mut case in flux_cases().into_iter().chain(argo_cases()) {
        let environment = environment(&case);
        let outcome = environment.run(["status", "-f", ".", "-R", "-o", "json"]);
        let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let (name, why) = (&case.name, &case.why);
        let items = status["items"].as_array().expect("items");
        let found: Vec<ExpectedImage> = items.iter().map(image).collect();
        let expected = case.builds.get_mut("apps").expect("the root");
        assert_eq!(found, expected.images, "{name} ({why}): {outcome:#?}");
        let has_errors = status["errors"] != serde_json::json!([]);
        assert_eq!(has_errors, expected.error.is_some(), "{name}: {outcome:#?}");
    }
}

#[test]
fn update_edits_what_decides_the_image_in_the_files_of_flux_and_argo_cd() {
    let mut refused = 0;
    for case in flux_cases().into_iter().chain(argo_cases()) {
        let Some(edit) = &case.edit else { continue };
        let environment = environment(&case);
        let words = ["update", "-f", ".", "-R", "--image", &edit.image];
        let flags = ["--allow-unconfirmed", "--yes"];
        let outcome = environment.run(words.iter().chain(&flags));
        refused += usize::from(edit.refused.is_some());
        assert_edited(&case, edit, &environment, &outcome);
    }
    assert_eq!(refused, 1);
}

/// The files are as expected after an update, and a refusal has its message.
fn assert_edited(
    case: &KustomizeCase,
    edit: &ExpectedEdit,
    environment: &TestEnvironment,
    outcome: &Outcome,
) {
    let mut expected = case.files.clone();
    match &edit.refused {
        Some(message) => assert!(outcome.stderr.contains(message), "{outcome:#?}"),
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
