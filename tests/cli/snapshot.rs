//! Snapshots: they hold everything a decision needs and no secrets.

use serde_json::json;

use super::{AUTOMATED, LOCKED, automated, deployment, text, with_manifest};
use crate::support::content::Image;
use crate::support::program::TestEnvironment;
use crate::support::registry::{Access, TestRegistry};

#[test]
fn snapshot_gives_the_same_decisions_without_the_registry() {
    let registry = TestRegistry::start();
    for (day, tag) in [(1, "1.0.0"), (2, "1.0.1"), (3, "dev-a"), (4, "dev-b")] {
        let image = Image::built(&format!("2024-01-0{day}T00:00:00Z")).label(tag);
        registry.push("org/app", tag, image);
    }
    let image = |tag: &str| registry.image(&format!("org/app:{tag}"));
    let (version, build) = (image("1.0.0"), image("dev-a"));
    let patch = "fluxcd.io/tag.app: semver:~1.0";
    let manifest = [
        deployment(
            "a",
            &[AUTOMATED, patch],
            &[("app", &version), ("side", &build)],
        ),
        deployment("b", &[AUTOMATED, LOCKED, patch], &[("app", &version)]),
        deployment("c", &["note: none"], &[("app", &version)]),
    ];
    let environment = with_manifest(&manifest.join("---\n"));
    let live = [
        "status",
        "-f",
        "web.yaml",
        "-o",
        "json",
        "--save-snapshot",
        "s.json",
    ];
    let first = environment.run(live).expect(0);
    assert!(!first.items().is_empty());
    drop(registry);
    let again = environment
        .run(["status", "--from-snapshot", "s.json", "-o", "json"])
        .expect(0);
    assert_eq!(first.stdout, again.stdout);
    assert_eq!(first.stderr, again.stderr);
    let explained = environment.run([
        "explain",
        "deployment/a",
        "-c",
        "app",
        "--from-snapshot",
        "s.json",
    ]);
    let listed = environment
        .run(["images", "--from-snapshot", "s.json", "--no-headers"])
        .expect(0);
    assert_eq!(listed.stdout.lines().count(), 2, "{listed:#?}");
    let tags = environment
        .run(["images", &version, "--from-snapshot", "s.json"])
        .expect(0);
    assert!(tags.stdout.contains("dev-b"), "{tags:#?}");
    assert!(
        explained
            .expect(0)
            .stdout
            .contains("Would move from 1.0.0 to 1.0.1")
    );
}

#[test]
fn file_that_is_not_a_snapshot_is_named() {
    let environment = with_manifest("x");
    let older = "imgpolicy.dev/snapshot-v1alpha1";
    for (name, more) in [
        ("number.json", r#""repositories":{"docker.io/org/app":5}"#),
        (
            "text.json",
            r#""pullSecretViews":{"a/b":[7,{"metadata":"x"}]}"#,
        ),
        ("list.json", r#""repositories":[1],"notes":{}"#),
    ] {
        environment.write(name, format!(r#"{{"format":"{older}",{more}}}"#));
    }
    let files = [
        "web.yaml",
        "nosuch",
        "number.json",
        "text.json",
        "list.json",
    ];
    for (file, part) in files.map(|file| (file, file)) {
        let outcome = environment
            .run(["status", "--from-snapshot", file])
            .expect(1);
        assert!(
            outcome.stderr.starts_with("error: --from-snapshot "),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains(part), "{outcome:#?}");
    }
}

#[test]
fn snapshot_of_an_older_version_keeps_its_decisions_with_one_note() {
    let environment = TestEnvironment::new();
    let older = include_str!("../data/snapshots/v1alpha1.json");
    assert!(older.contains("snapshot-v1alpha1"));
    environment.write("older.json", older);
    let note = "the snapshot was saved by an older version: what an elected tag serves, and where \
                it runs, was not always recorded and is not checked";
    let decided = |file: &str| {
        let args = ["status", "--from-snapshot", file, "-o", "json"];
        let outcome = environment.run(args).expect(0);
        assert_eq!(outcome.stderr.matches(note).count(), 1, "{outcome:#?}");
        let summary = outcome.json()["summary"].clone();
        assert_eq!(
            (&summary["updates"], &summary["undecided"]),
            (&json!(5), &json!(0))
        );
        let latest: Vec<String> = outcome
            .items()
            .iter()
            .map(|i| text(i, "latest").to_owned())
            .collect();
        latest
    };
    let latest = decided("older.json");
    assert!(
        latest.contains(&"docker.io/org/my-app:dev-04d7e6a".to_owned()),
        "{latest:?}"
    );
    // Labelled as this version, the same facts are incomplete, and nothing is guessed.
    environment.write("new.json", older.replace("v1alpha1", "v1alpha2"));
    environment
        .run(["status", "--from-snapshot", "new.json"])
        .expect(1);
}

#[test]
fn snapshot_contains_no_secrets() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry.require(Access::TokenFor("me", "hunter2"));
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    let config = json!({"auths": {registry.host(): {"username": "me", "password": "hunter2"}}});
    environment.write(".docker/config.json", config.to_string());
    environment
        .run([
            "status",
            "-f",
            "web.yaml",
            "--save-snapshot",
            "s.json",
            "--token",
            "tok3n",
        ])
        .expect(0);
    let saved = std::fs::read_to_string(environment.home().join("s.json")).expect("snapshot");
    assert!(saved.contains("1.0.1"), "{saved}");
    // The password, its Base64 form, the registry's token, and the cluster's.
    for secret in [
        "hunter2",
        "bWU6aHVudGVyMg",
        "Bearer",
        "repository:org/app:pull",
        "tok3n",
    ] {
        assert!(!saved.contains(secret), "{secret}: {saved}");
    }
}
