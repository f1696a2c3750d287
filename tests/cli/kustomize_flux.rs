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
    let update = [
        "update",
        "-f",
        ".",
        "-R",
        "--image",
        "reg.example/app:1.6.0",
    ];
    let flags = ["--allow-unconfirmed", "--yes"];
    environment.run(update.iter().chain(&flags)).expect(0);
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
    environment.write("clusters/a.yaml", applied("a", "  components: [../c]\n"));
    let outcome = environment.run(["status", "-f", ".", "-R"]).expect(1);
    assert!(
        outcome
            .stderr
            .contains("clusters/a.yaml:6: spec.components of Flux's Kustomization is not known"),
        "{outcome:#?}"
    );
}
