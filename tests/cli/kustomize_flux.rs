//! `-f DIR -R`: what a Kustomization of Flux changes in the kustomization that it applies.

use std::fs;

use serde_json::Value;

use super::deployment;
use crate::support::kustomize_cases::image;
use crate::support::program::TestEnvironment;

/// A folder `apps`, and a Kustomization of Flux that applies it, with these fields.
fn applied(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: \
         {name}, namespace: flux-system}}\nspec:\n  path: ./apps\n{fields}"
    )
}

fn folder() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    environment.write("apps/deploy.yaml", web);
    environment.write("apps/kustomization.yaml", "resources: [deploy.yaml]\n");
    environment
}

/// Writes `reg.example/app:1.6.0` to every container that runs this image.
fn update(environment: &TestEnvironment) {
    let words = ["update", "-f", ".", "-R", "--image"];
    let image = ["reg.example/app:1.6.0", "--allow-unconfirmed", "--yes"];
    environment.run(words.iter().chain(&image)).expect(0);
}

#[test]
fn names_and_patches_of_flux_are_part_of_the_result() {
    let environment = folder();
    let fields = "  targetNamespace: shop\n  namePrefix: a-\n  nameSuffix: -z\n  patches:\n  - \
                  target: {kind: Deployment}\n    patch: |\n      - op: replace\n        path: \
                  /spec/template/spec/containers/0/image\n        value: reg.example/app:1.5.0\n";
    environment.write("clusters/apps.yaml", applied("apps", fields));
    let words = ["status", "-f", ".", "-R", "-o", "json"];
    let status: Value =
        serde_json::from_str(&environment.run(words).expect(0).stdout).expect("JSON");
    let item = &status["items"][0];
    assert_eq!(item["workload"]["name"], "a-web-z");
    assert_eq!(item["workload"]["namespace"], "shop");
    assert_eq!(image(item).places, ["clusters/apps.yaml:14 value (tag)"]);
    update(&environment);
    let text = fs::read_to_string(environment.home().join("clusters/apps.yaml")).expect("a file");
    let expected = fields.replace("1.5.0", "1.6.0");
    assert_eq!(text, applied("apps", &expected));
}

#[test]
fn folder_of_several_flux_kustomizations_is_shown_without_them() {
    let environment = folder();
    let fields = "  images: [{name: reg.example/app, newTag: '2'}]\n";
    environment.write("clusters/a.yaml", applied("a", fields));
    environment.write("clusters/b.yaml", applied("b", ""));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    assert!(outcome.stdout.contains("1.0.0"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains(
            "apps is applied by several Kustomizations of Flux (./clusters/a.yaml:1, \
             ./clusters/b.yaml:1)"
        ),
        "{outcome:#?}"
    );
}

#[test]
fn field_of_flux_that_is_not_known_is_an_error_with_its_place() {
    let environment = folder();
    environment.write("clusters/a.yaml", applied("a", "  patchesJson6902: [{}]\n"));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(1);
    assert!(
        outcome.stderr.contains(
            "clusters/a.yaml:6: spec.patchesJson6902 of Flux's Kustomization is not known"
        ),
        "{outcome:#?}"
    );
}

fn status(environment: &TestEnvironment) -> Value {
    let outcome = environment.run(["status", "-f", ".", "-R", "-o", "json"]);
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn components_of_flux_are_built_and_edited() {
    let environment = folder();
    let component = "kind: Component\nimages:\n- name: reg.example/app\n  newTag: 1.5.0\n";
    environment.write("component/kustomization.yaml", component);
    let fields = "  components: [../component, ../none]\n  ignoreMissingComponents: true\n";
    environment.write("clusters/a.yaml", applied("a", fields));
    let status = status(&environment);
    let items = status["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{status:#}");
    let places = image(&items[0]).places;
    assert_eq!(places, ["component/kustomization.yaml:4 newTag (tag)"]);
    update(&environment);
    let text = fs::read_to_string(environment.home().join("component/kustomization.yaml"));
    assert_eq!(text.expect("a file"), component.replace("1.5.0", "1.6.0"));
}

#[test]
fn component_of_flux_that_does_not_exist_is_an_error_with_its_place() {
    let environment = folder();
    environment.write("clusters/a.yaml", applied("a", "  components: [../none]\n"));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(1);
    let said = "clusters/a.yaml:6: none: it does not exist";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn common_annotations_of_flux_count_as_those_of_the_workload() {
    let environment = folder();
    let fields = "  commonMetadata:\n    annotations: {fluxcd.io/ignore: 'true'}\n    labels: \
                  {team: shop}\n";
    environment.write("clusters/a.yaml", applied("a", fields));
    let status = status(&environment);
    assert_eq!(status["items"][0]["state"], "ignored", "{status:#}");
}

#[test]
fn folder_without_a_kustomization_is_built_if_flux_changes_it() {
    let environment = TestEnvironment::new();
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
    environment.write("apps/web.yaml", web.as_str());
    let api = deployment("api", &["team: shop"], &[("app", "reg.example/app:1.1.0")]);
    environment.write("apps/sub/api.yaml", api.as_str());
    environment.write("apps/values/values.yaml", "image: x\n");
    let db = deployment("db", &["team: shop"], &[("app", "reg.example/db:1.1.0")]);
    environment.write("apps/built/db.yaml", db);
    environment.write("apps/built/kustomization.yaml", "resources: [db.yaml]\n");
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec: {template: {spec: \
               {containers: [{name: job, image: 'reg.example/job:1'}]}}}\n";
    environment.write("apps/job.yaml", job);
    environment.write("clusters/a.yaml", applied("a", ""));
    let plain = status(&environment);
    assert_eq!(
        plain["items"].as_array().map(Vec::len),
        Some(3),
        "{plain:#}"
    );
    assert!(plain["items"][0].get("root").is_none(), "{plain:#}");

    let fields = "  targetNamespace: shop\n  images:\n  - name: reg.example/app\n    newTag: \
                  1.5.0\n";
    environment.write("clusters/a.yaml", applied("a", fields));
    let built = status(&environment);
    let items = built["items"].as_array().expect("items");
    assert_eq!(items.len(), 3, "{built:#}");
    for item in items {
        assert_eq!(item["workload"]["namespace"], "shop", "{item:#}");
        assert_eq!(item["root"], "apps", "{item:#}");
    }
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(0);
    assert!(
        outcome.stderr.contains("not covered: 1 Job\n"),
        "{outcome:#?}"
    );
    update(&environment);
    for (file, text) in [
        (
            "clusters/a.yaml",
            applied("a", &fields.replace("1.5.0", "1.6.0")),
        ),
        ("apps/web.yaml", web),
        ("apps/sub/api.yaml", api),
    ] {
        let found = fs::read_to_string(environment.home().join(file)).expect("a file");
        assert_eq!(found, text, "{file}");
    }
}
