//! `automate`, `lock` and `policy set` with `--git`: annotations are committed like images.

use serde_json::json;

use super::git::{files_of_last_commit, trailer, with_update};
use super::{automated, deployment, root};
use crate::support::git::TestRepository;
use crate::support::program::Outcome;

const IMAGE: &str = "docker.io/org/my-app:1.0.0";

/// `lock` of the workload `web`.
fn lock(repository: &TestRepository, more: &[&str]) -> Outcome {
    let words = ["lock", "deployment/web", "--by", "ada", "-m", "freeze"];
    repository.program(&[&words[..], more].concat()).run()
}

#[test]
fn lock_is_committed_with_the_annotations_that_it_writes() {
    let repository = with_update();
    repository.write("other.yaml", "a: of the user\n");
    let outcome = lock(&repository, &["--git=.", "--path=apps", "--yes"]).expect(0);
    let short = repository.git(&["rev-parse", "--short", "HEAD"]);
    assert_eq!(
        outcome.stdout,
        format!("deployment.apps/web annotated\ncommitted {short} on main\n")
    );
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    assert_eq!(repository.git(&["status", "--porcelain"]), " M other.yaml");
    let text = repository.read("apps/web.yaml");
    assert!(text.contains("fluxcd.io/locked: \"true\""), "{text}");

    let message = repository.git(&["log", "-1", "--format=%B"]);
    let lines: Vec<&str> = message.lines().take(7).collect();
    assert_eq!(lines[0], "Lock deployment/web");
    assert_eq!(
        lines[2],
        "deployment/web in namespace default, apps/web.yaml"
    );
    for line in [
        "  + fluxcd.io/locked: true",
        "  + fluxcd.io/locked_msg: freeze",
        "  + fluxcd.io/locked_user: ada",
    ] {
        assert!(lines.contains(&line), "{message}");
    }
    let data = &trailer(&repository)["annotations"][0];
    assert_eq!(data["workload"], "deployment/web");
    assert_eq!(data["file"], "apps/web.yaml");
    assert_eq!(data["action"], "lock");
    assert_eq!(data["annotations"]["fluxcd.io/locked"], "true");
}

#[test]
fn every_command_that_edits_annotations_commits() {
    let repository = TestRepository::with(&[
        ("apps/web.yaml", &deployment("web", &[], &[("app", IMAGE)])),
        ("apps/api.yaml", &deployment("api", &[], &[("app", IMAGE)])),
    ]);
    let web = "deployment/web";
    for (words, subject) in [
        (
            &["automate", "--all", "--tag", "app=semver:~1.0"][..],
            "Automate 2 workloads",
        ),
        (&["deautomate", web], "Deautomate deployment/web"),
        (&["lock", web], "Lock deployment/web"),
        (&["unlock", web], "Unlock deployment/web"),
        (
            &["policy", "set", web, "--tag", "app=glob:1.*", "--overwrite"],
            "Set the policy of deployment/web",
        ),
        (
            &["policy", "unset", web, "--tag", "app"],
            "Remove the policy of deployment/web",
        ),
    ] {
        let git = ["--git", ".", "--path", "apps", "--yes"];
        let layout = root().join("docs/quickstart/images").display().to_string();
        let images = ["--oci-layout", &layout];
        let asks = !matches!(words[0], "deautomate" | "lock" | "unlock");
        let images = if asks { &images[..] } else { &[] };
        repository
            .program(&[words, &git, images].concat())
            .run()
            .expect(0);
        assert_eq!(repository.git(&["log", "-1", "--format=%s"]), subject);
    }
    let removed = &trailer(&repository)["annotations"][0]["annotations"];
    assert_eq!(removed, &json!({"fluxcd.io/tag.app": null}));
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "7");
}

#[test]
fn annotations_that_cannot_be_committed_are_not_written() {
    let repository = with_update();
    let before = repository.head();
    let edited = automated("semver:~1.0", IMAGE) + "# of the user\n";
    repository.write("apps/web.yaml", &edited);
    let outcome = lock(&repository, &["--git=.", "--path=apps", "--yes"]).expect(1);
    let said = "apps/web.yaml of the repository";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_eq!(repository.read("apps/web.yaml"), edited);

    for (flags, said) in [
        (
            &["--git=."][..],
            "--git commits files; name those of the repository with",
        ),
        (&["--git=.", "-f", "-"], "--git cannot be used with -f -"),
        (&["--push", "-f", "apps"], "--git"),
        (
            &["--git=.", "--path=../apps"],
            "not a path within the repository",
        ),
    ] {
        let outcome = lock(&repository, &[flags, &["--yes"]].concat()).expect(2);
        assert!(outcome.stderr.contains(said), "{outcome:#?}");
    }
    assert_eq!(repository.head(), before);
}

#[test]
fn dry_run_of_an_annotation_commits_nothing() {
    let repository = with_update();
    let (before, text) = (repository.head(), repository.read("apps/web.yaml"));
    lock(&repository, &["--git=.", "--path=apps", "--dry-run"]).expect(0);
    assert_eq!(repository.head(), before);
    assert_eq!(repository.read("apps/web.yaml"), text);
}

#[cfg(unix)]
#[test]
fn lock_is_pushed_and_decided_again_after_a_lost_race() {
    let repository =
        TestRepository::with_remote(&[("apps/web.yaml", &automated("semver:~1.0", IMAGE))]);
    let theirs = repository.clone_of_remote("theirs");
    let file = theirs.join("apps/web.yaml");
    let text = automated("semver:~1.0", "docker.io/org/my-app:1.0.1");
    std::fs::write(&file, text).expect("written");
    repository.git(&["-C", "../theirs", "commit", "-qam", "theirs"]);
    repository.hook(
        "pre-push",
        "unset $(git rev-parse --local-env-vars); git -C ../theirs push -q 2>&1; true",
    );
    let outcome = lock(&repository, &["--git=.", "--path=apps", "--push", "--yes"]).expect(0);
    assert!(
        outcome.stdout.contains("pushed to origin/main"),
        "{outcome:#?}"
    );
    let log = repository.remote(&["log", "--format=%s", "main"]);
    assert_eq!(log, "Lock deployment/web\ntheirs\nfirst");
    let text = repository.read("apps/web.yaml");
    assert!(
        text.contains("my-app:1.0.1") && text.contains("locked"),
        "{text}"
    );
}
