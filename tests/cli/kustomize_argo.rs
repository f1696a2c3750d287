//! `-f DIR -R`: what an Application of Argo CD changes in the kustomization that it applies.

use std::fs;

use serde_json::Value;

use super::deployment;
use crate::support::kustomize_cases::image;
use crate::support::program::{Outcome, TestEnvironment};

/// An Application with these fields of its spec.
fn application(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, \
         namespace: argocd}}\nspec:\n  destination: {{namespace: shop}}\n{spec}"
    )
}

/// A source with these fields of `kustomize`.
fn source(kustomize: &str) -> String {
    format!(
        "  source:\n    repoURL: https://git.example/fleet.git\n    path: apps\n    \
         targetRevision: v1.3.0\n    kustomize:\n{kustomize}"
    )
}

/// A folder `apps` with the image `reg.example/app:1.0.0`.
fn folder() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    environment.write("apps/deploy.yaml", web);
    environment.write("apps/kustomization.yaml", "resources: [deploy.yaml]\n");
    environment
}

fn item(environment: &TestEnvironment) -> Value {
    let outcome = environment.run(["status", "-f", ".", "-R", "-o", "json"]);
    let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(
        status["items"].as_array().map(Vec::len),
        Some(1),
        "{outcome:#?}"
    );
    status["items"][0].clone()
}

fn update(environment: &TestEnvironment, image: &str) -> Outcome {
    let words = ["update", "-f", ".", "-R", "--image", image];
    environment.run(words.iter().chain(&["--allow-unconfirmed", "--yes"]))
}

fn read(environment: &TestEnvironment, name: &str) -> String {
    fs::read_to_string(environment.home().join(name)).expect("a file")
}

#[test]
fn names_components_and_patches_of_argo_cd_are_part_of_the_result() {
    let environment = folder();
    environment.write(
        "component/kustomization.yaml",
        "kind: Component\nimages: [{name: reg.example/app, newName: reg.example/other}]\n",
    );
    let fields = "      namePrefix: a-\n      nameSuffix: -z\n      namespace: prod\n      \
                  components: [../component, ../missing]\n      ignoreMissingComponents: true\n      \
                  patches:\n      - target: {kind: Deployment}\n        patch: |-\n          \
                  - op: replace\n            path: /spec/template/spec/containers/0/image\n            \
                  value: reg.example/other:1.5.0\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    let item = item(&environment);
    assert_eq!(item["workload"]["name"], "a-web-z");
    assert_eq!(item["workload"]["namespace"], "prod");
    assert_eq!(item["image"], "reg.example/other:1.5.0");
    assert_eq!(image(&item).places, ["argocd/web.yaml:21 value (tag)"]);
    update(&environment, "reg.example/other:1.6.0").expect(0);
    let expected = application("web", &source(&fields.replace("1.5.0", "1.6.0")));
    assert_eq!(read(&environment, "argocd/web.yaml"), expected);
}

#[test]
fn component_that_does_not_exist_is_an_error_with_the_place_in_the_application() {
    let environment = folder();
    let fields = "      components: [../missing]\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(1);
    assert!(
        outcome
            .stderr
            .contains("argocd/web.yaml:11: missing: it does not exist"),
        "{outcome:#?}"
    );
}

#[test]
fn files_of_the_folder_are_merged_into_the_application() {
    let environment = folder();
    let fields = "      images: ['reg.example/app:1.1.0']\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    let shared = "kustomize:\n  images: ['reg.example/app:1.2.0']\n  namePrefix: a-\n";
    environment.write("apps/.argocd-source.yaml", shared);
    let shared = item(&environment);
    assert_eq!(shared["workload"]["name"], "a-web");
    let places = image(&shared).places;
    assert_eq!(places, ["apps/.argocd-source.yaml:2 images (tag)"]);

    // The file of another Application does not count.
    environment.write(
        "apps/.argocd-source-other.yaml",
        "kustomize: {images: ['x:1']}\n",
    );
    let own = "kustomize:\n  images:\n  - reg.example/app:1.3.0\n  namePrefix: null\n";
    environment.write("apps/.argocd-source-web.yaml", own);
    let own = item(&environment);
    assert_eq!(own["workload"]["name"], "web");
    let places = image(&own).places;
    assert_eq!(places, ["apps/.argocd-source-web.yaml:3 images (tag)"]);
    update(&environment, "reg.example/app:1.4.0").expect(0);
    let text = read(&environment, "apps/.argocd-source-web.yaml");
    assert!(text.contains("- reg.example/app:1.4.0\n"), "{text}");
}

#[test]
fn file_of_an_application_that_is_not_among_the_files_counts() {
    let environment = folder();
    let own = "kustomize:\n  images:\n  - reg.example/app:1.3.0\n";
    environment.write("apps/.argocd-source-web.yaml", own);
    let places = image(&item(&environment)).places;
    assert_eq!(places, ["apps/.argocd-source-web.yaml:3 images (tag)"]);

    environment.write("apps/.argocd-source-api.yaml", own);
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    assert!(outcome.stdout.contains("1.0.0"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains(
            "apps is applied by several Applications of Argo CD (.argocd-source-api.yaml, \
             .argocd-source-web.yaml)"
        ),
        "{outcome:#?}"
    );
}

#[test]
fn file_of_argo_cd_that_cannot_be_read_is_an_error() {
    let environment = folder();
    environment.write("apps/.argocd-source.yaml", "kustomize: [\n");
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(1);
    let said = "apps/.argocd-source.yaml:1: Argo CD cannot read it";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_eq!(
        outcome.stderr.matches("unclosed").count(),
        1,
        "{outcome:#?}"
    );
}

#[test]
fn image_of_one_of_several_sources_is_edited_there() {
    let environment = folder();
    let spec = "  sources:\n  - {repoURL: 'https://charts.example', chart: redis}\n  - repoURL: \
                https://git.example/fleet.git\n    path: ./apps\n    kustomize:\n      images:\n      \
                - reg.example/app:1.1.0\n";
    environment.write("argocd/web.yaml", application("web", spec));
    let places = image(&item(&environment)).places;
    assert_eq!(places, ["argocd/web.yaml:12 images (tag)"]);
    update(&environment, "reg.example/app:1.2.0").expect(0);
    let text = read(&environment, "argocd/web.yaml");
    assert_eq!(text, application("web", &spec.replace("1.1.0", "1.2.0")));
}

#[test]
fn image_that_matches_nothing_is_reported_with_its_place() {
    let environment = folder();
    let fields = "      images: ['reg.example/other:1.1.0']\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    let said = "argocd/web.yaml:11: the images entry \"reg.example/other\" matches no image";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn variable_of_argo_cd_is_substituted_and_never_overwritten() {
    let environment = folder();
    for (variable, shown) in [
        ("${ARGOCD_APP_SOURCE_TARGET_REVISION}", "v1.3.0"),
        ("$ARGOCD_APP_REVISION", "${ARGOCD_APP_REVISION}"),
    ] {
        let fields = format!("      images: ['reg.example/app:{variable}']\n");
        let text = application("web", &source(&fields));
        environment.write("argocd/web.yaml", text.clone());
        let item = item(&environment);
        assert_eq!(item["image"], format!("reg.example/app:{shown}"));
        let outcome = update(&environment, "reg.example/app:1.4.0");
        assert_eq!(read(&environment, "argocd/web.yaml"), text, "{outcome:#?}");
        assert!(!outcome.stdout.contains("updated"), "{outcome:#?}");
    }
}

#[test]
fn applications_without_changes_need_no_note() {
    let environment = folder();
    for name in ["web", "staging"] {
        let text = application(name, &source("      {}\n"));
        environment.write(&format!("argocd/{name}.yaml"), text);
    }
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    assert!(!outcome.stderr.contains("several"), "{outcome:#?}");
    let fields = "      images: ['reg.example/app:1.1.0']\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    let said = "apps is applied by several Applications of Argo CD (./argocd/staging.yaml:1, \
                ./argocd/web.yaml:1)";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn application_that_a_kustomization_builds_is_edited_in_its_file() {
    let environment = folder();
    let fields = "      images: ['reg.example/app:1.1.0']\n";
    environment.write("argocd/web.yaml", application("web", &source(fields)));
    environment.write("argocd/kustomization.yaml", "resources: [web.yaml]\n");
    let outcome = update(&environment, "reg.example/app:1.2.0").expect(0);
    let expected = application("web", &source(&fields.replace("1.1.0", "1.2.0")));
    assert_eq!(
        read(&environment, "argocd/web.yaml"),
        expected,
        "{outcome:#?}"
    );
    // The file of the owner is no shared one.
    assert!(!outcome.stdout.contains("is outside"), "{outcome:#?}");
}
