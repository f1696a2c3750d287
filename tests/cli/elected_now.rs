//! Markers and ImagePolicy objects with the images that are elected now.

use std::fs;

use serde_json::Value;

use super::{deployment, text};
use crate::support::content::{Image, digest_of};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::{Access, Fault, TestRegistry};

const WORDS: [&str; 6] = ["update", "-f", "apps", "-R", "-f", "flux.yaml"];

/// An ImagePolicy and an ImageRepository of the same name. `spec` and `repository` are
/// further lines of their specs.
pub(super) fn policy(registry: &TestRegistry, name: &str, spec: &str, repository: &str) -> String {
    format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata:\n  \
         name: {name}\n  namespace: flux-system\nspec:\n  image: {}\n{repository}---\n\
         apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: {name}\n  \
         namespace: flux-system\nspec:\n  imageRepositoryRef: {{name: {name}}}\n{spec}---\n",
        registry.image(&format!("org/{name}"))
    )
}

pub(super) const SEMVER: &str = "  policy: {semver: {range: '*'}}\n";

pub(super) fn marked(value: &str, marker: &str) -> String {
    format!("{value} # {{\"$imagepolicy\": \"flux-system:{marker}\"}}")
}

/// A registry with org/app up to 1.10.0 and org/side up to 2.0.0, their policies, and a
/// folder `apps` with one file.
fn with_app(text: &str) -> (TestRegistry, TestEnvironment) {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.9.0", "1.10.0", "latest"]);
    registry.tag("org/side", ["1.0.0", "2.0.0"]);
    let environment = TestEnvironment::new();
    let text = text.replace("REGISTRY", &registry.host());
    environment.write("apps/web.yaml", text);
    let policies = ["app", "side"].map(|name| policy(&registry, name, SEMVER, ""));
    environment.write("flux.yaml", policies.concat());
    (registry, environment)
}

fn run(environment: &TestEnvironment, more: &[&str]) -> Outcome {
    environment.run(WORDS.iter().chain(more))
}

fn file(environment: &TestEnvironment) -> String {
    fs::read_to_string(environment.home().join("apps/web.yaml")).expect("a file")
}

/// A table with two blanks between its columns, whatever their widths.
fn squeezed(table: &str) -> String {
    let lines = table.lines().map(|line| {
        let cells = line.split("  ").map(str::trim);
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        cells.join("  ") + "\n"
    });
    lines.collect()
}

/// The reason of each marker, with the text that it gets.
fn reasons(json: &Value) -> Vec<(String, String)> {
    let markers = json["markers"].as_array().expect("markers").iter();
    let reasons = markers.map(|marker| {
        let to = marker["to"].as_str().unwrap_or_default();
        (text(marker, "reason").to_owned(), to.to_owned())
    });
    reasons.collect()
}

#[test]
fn marked_values_get_the_image_that_is_elected_now() {
    let before = format!(
        "data:\n  image: {}\n  tag: {}\n  same: {}\n",
        marked("REGISTRY/org/app:1.9.0", "app"),
        marked("1.0.0", "side:tag"),
        marked("2.0.0", "side:tag"),
    );
    let (registry, environment) = with_app(&before);
    let before = file(&environment);
    let json = run(&environment, &["--dry-run", "-o", "json"])
        .expect(0)
        .json();
    let image = registry.image("org/app:1.10.0");
    assert_eq!(
        reasons(&json),
        [
            ("elected".to_owned(), image.clone()),
            ("elected".to_owned(), "2.0.0".to_owned()),
            ("up-to-date".to_owned(), "2.0.0".to_owned()),
        ]
    );
    assert_eq!(
        text(&json["markers"][0], "message"),
        format!("ImagePolicy flux-system/app elects {image}")
    );
    let outcome = run(&environment, &["--yes"]).expect(0);
    assert!(outcome.stderr.ends_with("2 updated\n"), "{outcome:#?}");
    let after = before
        .replace(":1.9.0", ":1.10.0")
        .replace("1.0.0 #", "2.0.0 #");
    assert_eq!(file(&environment), after);
    let again = run(&environment, &["--yes"]).expect(0);
    assert_eq!(again.stderr, "nothing to update\n");
}

#[test]
fn only_policies_that_a_marker_names_are_scanned() {
    let marker = format!("tag: {}\n", marked("1.0.0", "side:tag"));
    let (registry, environment) = with_app(&marker);
    run(&environment, &["--dry-run"]).expect(0);
    assert_eq!(registry.count("org/app"), 0, "{:#?}", registry.paths());
    assert!(registry.count("org/side") > 0);
    // A marked value is not chosen by the names of workloads, nor by the menu.
    registry.forget();
    environment.write(
        "apps/more.yaml",
        deployment("web", &[], &[("app", "org/app:1")]),
    );
    let before = file(&environment);
    run(&environment, &["deployment/web", "--yes"]).expect(0);
    assert_eq!(registry.paths(), [""; 0]);
    assert_eq!(file(&environment), before);
    run(&environment, &["--yes", "--elected", "recorded"]).expect(0);
    assert_eq!(registry.paths(), [""; 0]);
}

#[test]
fn marker_whose_registry_fails_is_unknown_and_the_others_are_written() {
    let (registry, environment) = with_app(&format!(
        "a: {}\nb: {}\nc: {}\nd: {}\n",
        marked("1.9.0", "app:tag"),
        marked("1.0.0", "side:tag"),
        marked("1.0.0", "none:tag"),
        marked("1.0.0", "bad:tag"),
    ));
    let mut flux = fs::read_to_string(environment.home().join("flux.yaml")).expect("a file");
    let range = "  policy: {semver: {range: '>9'}}\n";
    flux.push_str(&policy(&registry, "none", range, "").replace("org/none", "org/side"));
    flux.push_str(&policy(
        &registry,
        "bad",
        "  policy: {semver: {range: x.}}\n",
        "",
    ));
    environment.write("flux.yaml", flux);
    registry.fault("org/app/tags/list", Fault::Status(403));
    let outcome = run(&environment, &["--yes", "-o", "json"]).expect(1);
    let json = outcome.json();
    let found: Vec<String> = reasons(&json)
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        found,
        ["undecided", "elected", "not-elected", "invalid-policy"]
    );
    let message = text(&json["markers"][0], "message");
    assert!(
        message.starts_with("ImagePolicy flux-system/app: unauthorized: "),
        "{message}"
    );
    let message = text(&json["markers"][2], "message");
    assert!(
        message.starts_with("ImagePolicy flux-system/none elects nothing: none of 2 tags"),
        "{message}"
    );
    let message = text(&json["markers"][3], "message");
    assert!(
        message.starts_with("ImagePolicy flux-system/bad: spec.policy.semver.range \"x.\": "),
        "{message}"
    );
    assert!(message.contains(" (flux.yaml:"), "{message}");
    assert!(file(&environment).contains("b: 2.0.0"));
}

#[test]
fn lock_downgrade_and_excluded_image_keep_the_value() {
    let image = marked("REGISTRY/org/app:1.9.0", "app");
    let newer = marked("REGISTRY/org/app:1.11.0", "app");
    for (why, annotation, image, flags, reason, lifted) in [
        (
            "locked",
            "fluxcd.io/locked: \"true\"",
            &image,
            "",
            "locked",
            "--override-lock",
        ),
        (
            "ignored",
            "fluxcd.io/ignore: \"true\"",
            &image,
            "",
            "ignored",
            "",
        ),
        (
            "a newer tag",
            "a: b",
            &newer,
            "",
            "downgrade",
            "--allow-downgrade",
        ),
        (
            "excluded",
            "a: b",
            &image,
            "--exclude-image=*/org/app",
            "excluded",
            "",
        ),
    ] {
        let (_registry, environment) =
            with_app(&deployment("web", &[annotation], &[("app", image)]));
        let before = file(&environment);
        let flags: Vec<&str> = Some(flags)
            .filter(|flag| !flag.is_empty())
            .into_iter()
            .collect();
        let json = run(
            &environment,
            &[&flags[..], &["--yes", "-o", "json"]].concat(),
        )
        .expect(0)
        .json();
        assert_eq!(text(&json["markers"][0], "reason"), reason, "{why}");
        assert_eq!(file(&environment), before, "{why}");
        if !lifted.is_empty() {
            run(&environment, &["--yes", lifted]).expect(0);
            assert!(file(&environment).contains("org/app:1.10.0 #"), "{why}");
        }
    }
}

#[test]
fn digest_is_renewed_or_kept_as_the_policy_says() {
    let old = digest_of(b"old");
    let always = "  policy: {alphabetical: {}}\n  interval: 5m\n  digestReflectionPolicy: Always\n";
    let present = "  policy: {alphabetical: {}}\n  digestReflectionPolicy: IfNotPresent\n";
    let recorded = |digest: &str| {
        format!(
            "status:\n  latestRef: {{name: REGISTRY/org/app, tag: latest, digest: '{digest}'}}\n"
        )
    };
    for (why, spec, value, keeps) in [
        ("Always", always.to_owned(), format!("latest@{old}"), false),
        (
            "another tag",
            present.to_owned(),
            format!("1.9.0@{old}"),
            false,
        ),
        ("no digest", present.to_owned(), "latest".to_owned(), false),
        (
            "the same tag",
            present.to_owned(),
            format!("latest@{old}"),
            true,
        ),
        (
            "recorded",
            present.to_owned() + &recorded(&old),
            "1.9.0".to_owned(),
            true,
        ),
        (
            "recorded, Always",
            always.to_owned() + &recorded(&old),
            "1.9.0".to_owned(),
            false,
        ),
    ] {
        let image = format!(
            "image: {}\n",
            marked(&format!("REGISTRY/org/app:{value}"), "app")
        );
        let (registry, environment) = with_app(&image);
        let new = registry.push("org/app", "latest", Image::built("2024-01-01T00:00:00Z"));
        let flux = policy(&registry, "app", &spec, "");
        environment.write("flux.yaml", flux.replace("REGISTRY", &registry.host()));
        run(&environment, &["--yes"]).expect(0);
        let digest = if keeps { &old } else { &new };
        let expected = registry.image(&format!("org/app:latest@{digest} #"));
        assert!(
            file(&environment).contains(&expected),
            "{why}: {}",
            file(&environment)
        );
    }
    // The parts of an image next to each other.
    let parts = |tag: &str| {
        let [tag, digest] = [marked(tag, "app:tag"), marked(&old, "app:digest")];
        format!("image:\n  tag: {tag}\n  digest: {digest}\n")
    };
    for (tag, keeps) in [("latest", true), ("1.9.0", false)] {
        let (registry, environment) = with_app(&parts(tag));
        environment.write("flux.yaml", policy(&registry, "app", present, ""));
        run(&environment, &["--yes"]).expect(0);
        let after = file(&environment);
        assert!(after.contains("tag: latest #"), "{after}");
        assert_eq!(after.contains(&old), keeps, "{tag}: {after}");
    }
}

#[test]
fn repository_is_read_with_the_secret_in_the_files() {
    let marker = format!("tag: {}\n", marked("1.9.0", "app:tag"));
    let (registry, environment) = with_app(&marker);
    registry.require(Access::Basic("robot", "pass"));
    let repository = "  secretRef: {name: pull}\n";
    let flux = policy(&registry, "app", SEMVER, repository);
    let config = format!(
        "{{\"auths\":{{\"{}\":{{\"username\":\"robot\",\"password\":\"pass\"}}}}}}",
        registry.host()
    );
    let secret = |data: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nmetadata:\n  \
             name: pull\n  namespace: flux-system\nstringData:\n  .dockerconfigjson: '{data}'\n"
        )
    };
    environment.write("flux.yaml", &flux);
    let outcome = run(&environment, &["--dry-run"]).expect(1);
    for part in [
        "note: pull secret flux-system/pull is not used: it is not among the files",
        "unauthorized: ",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
    }
    environment.write(
        "flux.yaml",
        flux.clone() + &secret("ENC[AES256_GCM,data:x]"),
    );
    let outcome = run(&environment, &["--dry-run"]).expect(1);
    assert!(
        outcome.stderr.contains("SOPS has encrypted it"),
        "{outcome:#?}"
    );
    environment.write("flux.yaml", flux + &secret(&config));
    let outcome = run(&environment, &["--yes"]).expect(0);
    assert!(file(&environment).contains("1.10.0"));
    assert!(
        outcome
            .stderr
            .contains("used 1 pull secret from 1 namespace"),
        "{outcome:#?}"
    );
    // With --pull-secrets=off, only the user's own credentials are used.
    environment.write("apps/web.yaml", marker);
    run(&environment, &["--yes", "--pull-secrets=off"]).expect(1);
}

#[test]
fn status_shows_policies_and_markers_and_counts_them() {
    let (registry, environment) = with_app(&format!(
        "a: {}\nb: {}\nc: {}\nd: {}\n",
        marked("1.9.0", "app:tag"),
        marked("2.0.0", "side:tag"),
        marked("1.0.0", "nobody:tag"),
        marked("1.0.0", "app:version"),
    ));
    let status = "  suspend: true\nstatus:\n  observedGeneration: 1\n  conditions:\n  - {type: Ready, \
                  status: 'False', message: no tags}\n  latestRef: {name: REGISTRY/org/app, tag: 1.9.0}\n";
    let flux = policy(
        &registry,
        "app",
        &(SEMVER.to_owned() + status),
        "  suspend: true\n",
    ) + &policy(&registry, "side", SEMVER, "");
    let flux = flux.replace("REGISTRY", &registry.host());
    let flux = flux.replace(
        "kind: ImagePolicy\nmetadata:\n",
        "kind: ImagePolicy\nmetadata:\n  generation: 2\n",
    );
    environment.write("flux.yaml", &flux);
    let words = ["status", "-f", "apps", "-f", "flux.yaml"];
    let outcome = environment.run(words).expect(0);
    let host = registry.host();
    let named = |text: &str| squeezed(&text.replace(&host, "registry"));
    insta::assert_snapshot!(named(&outcome.stdout), @"
    IMAGE POLICY  IMAGE  NOW  RECORDED  WHY
    flux-system/app  registry/org/app  1.10.0  1.9.0  suspended, not-ready, stale-status
    flux-system/side  registry/org/side  2.0.0  <none>  <none>

    PLACE  POLICY  FROM  TO
    apps/web.yaml:1  flux-system:app:tag  1.9.0  → 1.10.0
    ");
    insta::assert_snapshot!(named(&outcome.stderr), @r#"
    warning: ImagePolicy flux-system/app is suspended, so its record may be old
    warning: ImageRepository flux-system/app is suspended, so Flux does not know of new tags
    warning: ImagePolicy flux-system/app is not ready, so its record may be old: no tags
    warning: the status of ImagePolicy flux-system/app is of an older generation: Flux has not yet acted on its last change
    held back: apps/web.yaml:3 flux-system:nobody:tag 1.0.0: no ImagePolicy flux-system/nobody is among the files
    warning: apps/web.yaml:4: the marker has no effect: "version" is no part of an image; the parts are name, tag and digest
    4 markers: 1 update
    "#);
    environment
        .run(words.iter().chain(&["--exit-code"]))
        .expect(10);
    let json = environment
        .run(words.iter().chain(&["-o", "json"]))
        .expect(0)
        .json();
    assert_eq!(reasons(&json).len(), 4);
    let codes: Vec<&str> = json["imagePolicies"][0]["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .map(|warning| text(warning, "code"))
        .collect();
    assert_eq!(
        codes,
        ["suspended", "suspended", "not-ready", "stale-status"]
    );
    registry.forget();
    let recorded = environment
        .run(words.iter().chain(&["--elected", "recorded"]))
        .expect(0);
    assert_eq!(registry.paths(), [""; 0]);
    insta::assert_snapshot!(named(&recorded.stdout), @"
    IMAGE POLICY  IMAGE  NOW  RECORDED  WHY
    flux-system/app  registry/org/app  <none>  1.9.0  suspended, not-ready, stale-status
    flux-system/side  registry/org/side  <none>  <none>  <none>
    ");
    registry.fault("/tags/list", Fault::Status(403));
    environment
        .run(words.iter().chain(&["--exit-code"]))
        .expect(11);
}

#[test]
fn container_with_a_marker_shows_the_policy_that_the_marker_names() {
    let image = marked("REGISTRY/org/app:1.9.0", "app");
    let own = "fluxcd.io/tag.app: semver:~1.9";
    for (annotation, origin, latest) in [
        ("a: b", "ImagePolicy flux-system/app", "org/app:1.10.0"),
        (own, "annotation fluxcd.io/tag.app", "org/app:1.9.0"),
        (
            "fluxcd.io/automated: \"true\"",
            "ImagePolicy flux-system/app",
            "org/app:1.10.0",
        ),
    ] {
        let (registry, environment) =
            with_app(&deployment("web", &[annotation], &[("app", &image)]));
        let files = ["-f", "apps", "-f", "flux.yaml", "-o", "json"];
        let status = environment
            .run(["status"].iter().chain(&files))
            .expect(0)
            .json();
        let row = &status["items"][0];
        assert_eq!(text(&row["policy"], "origin"), origin);
        assert_eq!(text(row, "latest"), registry.image(latest));
        let is_tied = origin.starts_with("ImagePolicy");
        assert_eq!(row["imagePolicy"].is_string(), is_tied, "{row}");
        let words = ["explain", "deployment/web"];
        let explained = environment.run(words.iter().chain(&files)).expect(0).json();
        let policies = &explained["items"][0]["imagePolicies"];
        assert_eq!(
            policies[0]["now"]["tag"] == "1.10.0",
            is_tied,
            "{explained}"
        );
        // Only the marker is written: the workload gets no record.
        if annotation == "a: b" {
            let words = ["--yes", "--include-manual", "-o", "json"];
            let json = run(&environment, &words).expect(0).json();
            assert_eq!(json["items"], Value::Array(Vec::new()), "{json}");
            let after = file(&environment);
            assert!(after.contains("org/app:1.10.0 #"), "{after}");
            assert!(!after.contains("last-update"), "{after}");
        }
    }
    let (_registry, environment) = with_app(&deployment("web", &[], &[("app", &image)]));
    let words = ["explain", "deployment/web", "-f", "apps", "-f", "flux.yaml"];
    let outcome = environment.run(words).expect(0);
    let next = "Next: kubectl imgpolicy update -f apps -f flux.yaml\n";
    assert!(outcome.stdout.contains(next), "{outcome:#?}");
    assert!(outcome.stdout.contains("IMAGE POLICY"), "{outcome:#?}");
    assert!(!outcome.stdout.contains("flux-system/side"), "{outcome:#?}");
}
