//! Which images are found in the values of Helm releases, and which are never shown.

use std::fs;

use super::helm::{POLICY, manifest, release, run};
use crate::support::program::TestEnvironment;

#[test]
fn release_without_an_image_says_so() {
    let environment = TestEnvironment::new();
    let none = release(&[], &["replicas: 2"]).replace("automated: \"true\"", "ignore: \"false\"");
    environment.write("web.yaml", &none);
    let note = "helmrelease/web has no image in its values";
    let outcome = run(&environment, "status").expect(0);
    assert!(outcome.stderr.contains(note), "{outcome:?}");
    assert!(
        !outcome.stderr.contains("No workloads found"),
        "{outcome:?}"
    );
    let outcome = environment.run(["automate", "--all", "--yes", "-f", "web.yaml"]);
    let outcome = outcome.expect(0);
    let note = "nothing to automate: helmrelease/web has no image";
    assert!(outcome.stderr.contains(note), "{outcome:?}");
    assert!(!outcome.stdout.contains("annotated"), "{outcome:?}");
    assert_eq!(manifest(&environment), none);

    let two = format!("{none}---\n{}", none.replace("name: web", "name: other"));
    environment.write("web.yaml", two);
    let outcome = run(&environment, "status").expect(0);
    let note = "2 HelmReleases have no image in their values: web, other";
    assert!(outcome.stderr.contains(note), "{outcome:?}");
}

#[test]
fn image_deep_in_the_values_is_updated_and_rolled_back() {
    let environment = TestEnvironment::new();
    let name = "controllers.web.containers.app";
    let policy = format!("fluxcd.io/tag.{name}: semver:~1.0");
    let before = release(
        &[&policy],
        &[
            "controllers:",
            "  web:",
            "    containers:",
            "      app:",
            "        image:",
            "          repository: docker.io/org/my-app",
            "          tag: 1.0.0 # ours",
            "      extra:",
            "      - image: docker.io/org/my-proxy:1.0.0",
        ],
    );
    environment.write("web.yaml", &before);
    let items = run(&environment, "status -o json").expect(0).json()["items"].take();
    let rows: Vec<(&str, &str)> = items
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| {
            let word = |key: &str| item[key].as_str().expect("a string");
            (word("container"), word("outcome"))
        })
        .collect();
    assert_eq!(rows[0], (name, "update"));
    assert_eq!(rows[1].0, "controllers.web.containers.extra.0");
    run(&environment, &format!("update --yes -c {name}")).expect(0);
    let after = manifest(&environment);
    assert!(after.contains("          tag: 1.0.1 # ours\n"), "{after}");
    run(&environment, "rollback --all --yes").expect(0);
    assert!(manifest(&environment).contains("          tag: 1.0.0 # ours\n"));
}

#[test]
fn image_in_a_list_is_written_in_the_file() {
    let environment = TestEnvironment::new();
    let policy = "fluxcd.io/tag.sidecars.1: semver:~1.0";
    let values = [
        "sidecars:",
        "- image: docker.io/org/my-proxy:1.0.0",
        "- image: docker.io/org/my-app:1.0.0 # ours",
    ];
    environment.write("web.yaml", release(&[policy], &values));
    run(&environment, "update --yes -c sidecars.1").expect(0);
    let after = manifest(&environment);
    assert!(
        after.contains("- image: docker.io/org/my-app:1.0.1 # ours\n"),
        "{after}"
    );
    assert!(
        after.contains("- image: docker.io/org/my-proxy:1.0.0\n"),
        "{after}"
    );
}

#[test]
fn release_without_a_tag_keeps_the_tag_of_its_chart() {
    let block = ["image:", "  repository: docker.io/org/my-app"];
    let by_name = "update --image docker.io/org/my-app:1.0.1 --yes";
    let written = "tag: 1.0.1";
    for (policy, words, expected) in [
        ("semver:~1.0", "update --yes", None),
        ("glob:*", "update --yes", None),
        ("digest:1.0.1", "update --yes", Some("tag: 1.0.1@sha256:")),
        ("glob:1.0.1", "update --yes", Some(written)),
        ("semver:1.0.1", "update --yes", Some(written)),
        ("semver:~1.0", by_name, Some(written)),
    ] {
        let environment = TestEnvironment::new();
        let policy = format!("fluxcd.io/tag.chart-image: {policy}");
        let before = release(&[&policy], &block);
        environment.write("web.yaml", &before);
        let item = run(&environment, "status -o json").expect(0).item();
        let message = item["warnings"][0]["message"].as_str().expect("a message");
        assert_eq!(item["warnings"][0]["code"], "chart-tag");
        let unknown = "the chart's own tag applies, and the plugin does not know it";
        assert!(message.contains(unknown), "{message}");
        if words == "update --yes" {
            let reason = if expected.is_some() {
                "newer-image"
            } else {
                "chart-tag"
            };
            assert_eq!(item["reason"], reason, "{policy}");
            assert_eq!(
                item["outcome"],
                if expected.is_some() { "update" } else { "keep" }
            );
        }
        let outcome = run(&environment, words).expect(0);
        let after = manifest(&environment);
        match expected {
            Some(expected) => assert!(after.contains(expected), "{policy}: {after}"),
            None => {
                assert_eq!(after, before);
                assert!(outcome.stderr.contains(unknown), "{outcome:?}");
            }
        }
    }
}

#[test]
fn mapped_secret_is_never_shown_nor_sent() {
    let environment = TestEnvironment::new();
    let values = [
        "image: docker.io/org/my-app:1.0.0",
        "app:",
        "  repo: docker.io/org/my-app",
        "db:",
        "  password: s3cr3t-2f",
        "  note: s3cr3t of 2f",
    ];
    for path in ["db.password", "db.note"] {
        let tag = format!("tag.fluxcd.io/app: {path}");
        let annotations = ["repository.fluxcd.io/app: app.repo", &tag, POLICY];
        let before = release(&annotations, &values);
        environment.write("web.yaml", &before);
        for words in [
            "status -o wide",
            "status -o json -v=9",
            "status --save-snapshot snapshot.json",
            "images -o json",
            "update --image docker.io/org/my-app:1.0.1 --dry-run -o json",
        ] {
            let outcome = run(&environment, words);
            for text in [&outcome.stdout, &outcome.stderr] {
                assert!(!text.contains("s3cr3t"), "{words}: {outcome:?}");
            }
        }
        let saved = fs::read_to_string(environment.home().join("snapshot.json"));
        assert!(!saved.expect("a file").contains("s3cr3t"));
        run(
            &environment,
            "update --image docker.io/org/my-app:1.0.1 --yes",
        );
        assert!(manifest(&environment).contains(values[4]));
    }
}
