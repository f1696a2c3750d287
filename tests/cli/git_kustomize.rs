//! `update --git` where a kustomization decides the image.

#![cfg(unix)]

use serde_json::Value;

use super::git::OLD;
use super::{automated, root, text};
use crate::support::git::TestRepository;
use crate::support::program::Run;

const PROD: &str = "resources: [../base]\nnamespace: prod\nimages:\n- name: docker.io/org/my-app\n  \
                    newTag: 1.0.0 # by hand\n";

/// A base with a workload, and an overlay that decides its tag.
fn with_overlay() -> TestRepository {
    TestRepository::with_remote(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", &automated("semver:~1.0", OLD)),
        ("prod/kustomization.yaml", PROD),
        ("other.yaml", "a: 1\n"),
    ])
}

fn update(repository: &TestRepository, more: &[&str]) -> Run {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = ["update", "--oci-layout", &layout];
    repository.program(&[&words[..], more].concat())
}

#[test]
fn line_of_the_kustomization_is_committed_and_is_history() {
    for place in [&["-k", "prod"][..], &["--path", "."]] {
        let repository = with_overlay();
        update(
            &repository,
            &[place, &["--git=.", "--push", "--yes"]].concat(),
        )
        .run()
        .expect(0);
        let files = repository.git(&["show", "--format=", "--name-only", "HEAD"]);
        assert_eq!(files, "prod/kustomization.yaml", "{place:?}");
        let changed = PROD.replace("1.0.0", "1.0.1");
        assert_eq!(repository.read("prod/kustomization.yaml"), changed);
        assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
        let message = repository.git(&["log", "-1", "--format=%B"]);
        assert!(
            message
                .starts_with("Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1\n"),
            "{message}"
        );
        let trailer = repository.git(&[
            "log",
            "-1",
            "--format=%(trailers:key=Imgpolicy-Update,valueonly)",
        ]);
        let trailer: Value = serde_json::from_str(&trailer).expect("JSON");
        let line = &trailer["images"][0]["lines"][0];
        assert_eq!(text(line, "file"), "prod/kustomization.yaml");
        assert_eq!(line["line"], 5);
        assert_eq!(text(line, "from"), "newTag: 1.0.0 # by hand");
        assert_eq!(text(line, "to"), "newTag: 1.0.1 # by hand");

        let words = [
            "history",
            "deployment/web",
            "-n",
            "prod",
            "--git=.",
            "-o",
            "json",
        ];
        let item = repository.program(&words).run().expect(0).item();
        assert_eq!(text(&item, "to"), "docker.io/org/my-app:1.0.1");
        assert_eq!(text(&item, "policy"), "semver:~1.0");
    }
}

#[test]
fn claim_about_a_line_that_was_not_changed_so_is_not_believed() {
    let repository = with_overlay();
    update(&repository, &["-k", "prod", "--git=.", "--yes"])
        .run()
        .expect(0);
    let message = repository.git(&["log", "-1", "--format=%B"]);
    let changed = PROD.replace("1.0.0", "1.0.1");
    for (from, to, why) in [
        (
            "newTag: 1.0.1 # by hand",
            "newTag: 1.0.2 # by hand",
            "another change of the line",
        ),
        // A real change, but not of this image.
        (
            "newTag: 1.0.0",
            "a: 1",
            "a line that does not show the image",
        ),
    ] {
        let message = message
            .replace("newTag: 1.0.0 # by hand", from)
            .replace("newTag: 1.0.1 # by hand", to);
        repository.write(
            "prod/kustomization.yaml",
            &changed.replace("1.0.1", "1.0.3"),
        );
        repository.git(&["commit", "-qam", &message]);
        let words = ["history", "deployment/web", "-n", "prod", "--git=."];
        let outcome = repository.program(&words).run().expect(0);
        assert_eq!(outcome.stdout.lines().count(), 2, "{why}: {outcome:#?}");
        assert!(
            outcome.stderr.contains("do not show the update"),
            "{why}: {outcome:#?}"
        );
        repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    }
}

#[test]
fn file_with_changes_of_the_user_is_refused_and_a_refused_commit_is_taken_back() {
    let repository = with_overlay();
    repository.write("prod/kustomization.yaml", &format!("{PROD}# mine\n"));
    let words = ["-k", "prod", "--git=.", "--yes"];
    let outcome = update(&repository, &words).run().expect(1);
    let said = "prod/kustomization.yaml of the repository";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("has uncommitted changes"),
        "{outcome:#?}"
    );
    // Changes in files that are not written are no obstacle.
    repository.write("prod/kustomization.yaml", PROD);
    repository.write("base/kustomization.yaml", "resources: [web.yaml]\n# mine\n");
    repository.hook("pre-commit", "echo 'no commits today'; exit 1");
    let outcome = update(&repository, &words).run().expect(1);
    let said = "not committed: no commits today; prod/kustomization.yaml was restored";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_eq!(repository.read("prod/kustomization.yaml"), PROD);
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn kustomization_of_a_clone_is_updated() {
    let repository = with_overlay();
    let url = format!(
        "file://{}",
        repository.environment.home().join("remote.git").display()
    );
    let config = "[user]\nname = Ada\nemail = ada@example.com\n";
    let config = repository.environment.write("config", config);
    let words = ["-k", "prod", "--git", &url, "--push", "--yes"];
    update(&repository, &words)
        .dir(repository.environment.home())
        .env("GIT_CONFIG_GLOBAL", &config.display().to_string())
        .run()
        .expect(0);
    let text = repository.remote(&["show", "main:prod/kustomization.yaml"]);
    assert!(text.contains("newTag: 1.0.1 # by hand"), "{text}");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
}
