//! `update --git URL`: a clone that is removed, in which nothing of the repository is executed.

#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use super::git::OLD;
use super::{automated, root, text};
use crate::support::git::TestRepository;
use crate::support::git_server::GitServer;
use crate::support::program::Run;

/// A remote repository with an update in `apps`.
fn with_remote() -> TestRepository {
    TestRepository::with_remote(&[
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("other.yaml", "a: 1\n"),
    ])
}

/// The URL of its remote.
fn url(repository: &TestRepository) -> String {
    format!(
        "file://{}",
        repository.environment.home().join("remote.git").display()
    )
}

/// The folder in which the run creates its temporary folder.
fn temporary(repository: &TestRepository) -> PathBuf {
    let folder = repository.environment.home().join("tmp");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// An update of `apps` in a clone, as a user with an identity but without this repository.
fn update(repository: &TestRepository, url: &str, more: &[&str]) -> Run {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = [
        "update",
        "--git",
        url,
        "--path",
        "apps",
        "--oci-layout",
        &layout,
    ];
    let folder = temporary(repository);
    let identity = "[user]\nname = Ada\nemail = ada@example.com\n";
    let config = repository.environment.write("config", identity);
    repository
        .program(&[&words[..], more].concat())
        .dir(repository.environment.home())
        .env("TMPDIR", &folder.display().to_string())
        .env("GIT_CONFIG_GLOBAL", &config.display().to_string())
}

#[track_caller]
fn nothing_is_left(repository: &TestRepository) {
    let left = fs::read_dir(temporary(repository)).expect("a folder");
    let left: Vec<_> = left.flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn clone_is_updated_pushed_and_removed() {
    let repository = with_remote();
    let url = url(&repository);
    let outcome = update(&repository, &url, &["--push", "--yes"])
        .run()
        .expect(0);
    let short = repository.remote(&["rev-parse", "--short", "main"]);
    assert_eq!(
        outcome.stdout,
        format!(
            "deployment.apps/web image updated\ncommitted {short} and pushed to main of {url}\n"
        )
    );
    let message = repository.remote(&["log", "-1", "--format=%an: %B", "main"]);
    assert!(
        message
            .starts_with("Ada: Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1\n"),
        "{message}"
    );
    // The names are those of the repository, not of the clone.
    assert!(
        message.contains("container app, apps/web.yaml\n"),
        "{message}"
    );
    assert!(!message.contains("imgpolicy-"), "{message}");
    assert!(!outcome.stderr.contains("imgpolicy-"), "{outcome:#?}");
    nothing_is_left(&repository);
    let again = update(&repository, &url, &["--push", "--yes"])
        .run()
        .expect(0);
    assert_eq!(again.stdout, "");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
}

#[test]
fn dry_run_shows_the_update_and_pushes_nothing() {
    let repository = with_remote();
    let words = ["--dry-run", "-o", "json"];
    let json = update(&repository, &url(&repository), &words)
        .run()
        .expect(0)
        .json();
    assert_eq!(json["items"][0]["result"], "planned");
    assert_eq!(json["items"][0]["source"]["file"], "apps/web.yaml");
    assert_eq!(json.get("commit"), None);
    assert_eq!(repository.remote(&["rev-list", "--count", "--all"]), "1");
    nothing_is_left(&repository);
}

#[test]
fn new_branch_is_created_and_the_next_update_is_made_on_top_of_it() {
    let repository = with_remote();
    let url = url(&repository);
    let words = ["--push-branch", "updates/images", "--yes", "-o", "json"];
    let json = update(&repository, &url, &words).run().expect(0).json();
    assert_eq!(text(&json, "branch"), "updates/images");
    assert_eq!(json["pushed"], true);
    let subjects = repository.remote(&["log", "--format=%s", "updates/images"]);
    assert_eq!(subjects.lines().count(), 2, "{subjects}");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
    // A second run finds its own commit, and nothing to do.
    let again = update(&repository, &url, &words).run().expect(0).json();
    assert_eq!(again["items"], serde_json::json!([]));
    // A later change of somebody else on that branch is kept.
    repository.git(&["fetch", "-q", "origin", "updates/images"]);
    repository.git(&["checkout", "-q", "FETCH_HEAD"]);
    repository.write("apps/web.yaml", &automated("semver:~1.0", OLD));
    repository.git(&["commit", "-qam", "back"]);
    repository.git(&["push", "-q", "origin", "HEAD:refs/heads/updates/images"]);
    update(&repository, &url, &words).run().expect(0);
    let subjects = repository.remote(&["log", "--format=%s", "-2", "updates/images"]);
    assert!(subjects.ends_with("\nback"), "{subjects}");
}

#[test]
fn named_branch_is_cloned_and_pushed_to() {
    let repository = with_remote();
    repository.git(&["push", "-q", "origin", "HEAD:refs/heads/release"]);
    let words = ["--branch", "release", "--push", "--yes"];
    update(&repository, &url(&repository), &words)
        .run()
        .expect(0);
    assert_eq!(repository.remote(&["rev-list", "--count", "release"]), "2");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
    repository.git(&["tag", "v1"]);
    repository.git(&["push", "-q", "origin", "v1"]);
    for (name, said) in [
        ("v1", "--branch v1 is not a branch"),
        ("gone", "cannot clone"),
        ("a..b", "is not a valid name"),
        ("@{-1}", "is not a valid name"),
        ("-x", "is not a valid name"),
    ] {
        let flag = format!("--branch={name}");
        let outcome = update(&repository, &url(&repository), &[&flag, "--push", "--yes"]).run();
        let outcome = outcome.expect(1);
        assert!(outcome.stderr.contains(said), "{name}: {outcome:#?}");
    }
    nothing_is_left(&repository);
}

#[test]
fn race_on_the_server_is_decided_again() {
    let repository = with_remote();
    repository.push_of_others("theirs.yaml", "a: 1\n");
    let theirs = repository.remote(&["rev-parse", "main"]);
    repository.remote(&["update-ref", "refs/heads/main", "main~1"]);
    // The server moves the branch between our fetch and our push, once.
    repository.remote_hook(
        "pre-receive",
        &format!(
            "test -e raced && exit 0; touch raced\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs}"
        ),
    );
    let outcome = update(&repository, &url(&repository), &["--push", "--yes"])
        .run()
        .expect(0);
    assert!(outcome.stderr.contains("deciding again"), "{outcome:#?}");
    assert_eq!(outcome.stdout.matches("image updated").count(), 1);
    let subjects = repository.remote(&["log", "--format=%s", "main"]);
    assert!(subjects.ends_with("theirs\nfirst"), "{subjects}");
    assert_eq!(subjects.lines().count(), 3);
    nothing_is_left(&repository);
}

#[test]
fn refusal_of_the_server_is_passed_on() {
    let repository = with_remote();
    repository.remote_hook("pre-receive", "echo 'main is protected'; exit 1");
    let outcome = update(&repository, &url(&repository), &["--push", "--yes"])
        .run()
        .expect(1);
    for said in [
        "error: deployment/web: not pushed: remote: main is protected\n",
        "error: nothing was pushed: remote: main is protected",
        "pre-receive hook declined",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
    nothing_is_left(&repository);
}

#[test]
fn nothing_of_the_repository_or_of_a_template_is_executed() {
    let repository = with_remote();
    // A repository can name filters and hooks, but git must not run any in the clone.
    repository.write(".gitattributes", "*.yaml filter=lfs diff=evil merge=evil\n");
    repository.write(".lfsconfig", "[lfs]\nurl = http://127.0.0.1:1/\n");
    repository.write(
        ".gitmodules",
        "[submodule \"x\"]\npath = x\nurl = ext::sh -c 'touch /nonexistent'\nupdate = !touch x\n",
    );
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-qm", "attributes"]);
    repository.git(&["push", "-q"]);
    let marker = repository.environment.home().join("executed");
    let touch = format!("#!/bin/sh\ntouch {}\ncat\n", marker.display());
    let script = repository.environment.write("bin/evil", &touch);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, permissions).expect("executable");
    for hook in [
        "post-checkout",
        "pre-commit",
        "commit-msg",
        "post-commit",
        "pre-push",
        "reference-transaction",
    ] {
        for folder in ["template/hooks", "hooks"] {
            fs::create_dir_all(repository.environment.home().join(folder)).expect("a folder");
            let hook = repository.environment.home().join(folder).join(hook);
            fs::copy(&script, hook).expect("a hook");
        }
    }
    let home = repository.environment.home().display().to_string();
    let config = format!(
        "[user]\nname = Ada\nemail = a@example.com\n[init]\ntemplateDir = {home}/template\n[core]\n\
         hooksPath = {home}/hooks\nfsmonitor = {home}/bin/evil\n[filter \"lfs\"]\nsmudge = \
         {home}/bin/evil\nclean = {home}/bin/evil\nprocess = {home}/bin/evil\nrequired = \
         true\n[submodule]\nrecurse = true\n"
    );
    // The other side of a file URL would run the hooks of the same user.
    let server = GitServer::start(repository.environment.home(), false);
    let url = server.url("", "remote.git");
    repository.remote(&["config", "http.receivepack", "true"]);
    let run = update(&repository, &url, &["--push", "--yes"]);
    repository.environment.write("config", config);
    run.run().expect(0);
    assert!(!marker.exists());
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "3");
    // The hooks and filters do run where the user works, so this test could fail.
    repository.git(&["config", "core.hooksPath", &format!("{home}/hooks")]);
    repository.git(&["commit", "--allow-empty", "-qm", "x"]);
    assert!(marker.exists());
}

#[test]
fn files_outside_the_clone_are_neither_read_nor_written() {
    let repository = with_remote();
    let outside = repository
        .environment
        .write("outside.yaml", automated("semver:~1.0", OLD));
    std::os::unix::fs::symlink(&outside, repository.folder().join("apps/link.yaml"))
        .expect("a link");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-qm", "link"]);
    repository.git(&["push", "-q"]);
    let before = fs::read_to_string(&outside).expect("a file");
    let outcome = update(&repository, &url(&repository), &["--push", "--yes"])
        .run()
        .expect(1);
    assert!(
        outcome
            .stderr
            .contains("apps/link.yaml is not in the work tree"),
        "{outcome:#?}"
    );
    assert_eq!(fs::read_to_string(&outside).expect("a file"), before);
    nothing_is_left(&repository);
}

#[test]
fn local_paths_do_not_depend_on_the_clone() {
    let repository = with_remote();
    let images = root().join("docs/quickstart/images");
    let link = repository.environment.home().join("images");
    std::os::unix::fs::symlink(images, link).expect("a link");
    let url = url(&repository);
    let words = [
        "update",
        "--git",
        &url,
        "--path=apps",
        "--oci-layout=images",
        "--push",
        "--yes",
    ];
    let run = update(&repository, &url, &[]);
    drop(run);
    let config = repository
        .environment
        .home()
        .join("config")
        .display()
        .to_string();
    let outcome = repository
        .program(&words)
        .dir(repository.environment.home())
        .env("GIT_CONFIG_GLOBAL", &config)
        .run()
        .expect(0);
    assert!(outcome.stdout.contains("image updated"), "{outcome:#?}");
}

#[test]
fn variables_with_relative_paths_are_refused() {
    let repository = with_remote();
    for (name, value) in [
        ("PATH", "/usr/bin:/bin:"),
        ("PATH", "./bin:/usr/bin"),
        ("DOCKER_CONFIG", "docker"),
        ("GIT_ASKPASS", "./ask"),
    ] {
        let run = update(&repository, &url(&repository), &["--push", "--yes"]);
        let outcome = run.env(name, value).run().expect(1);
        let said = format!("the variable {name} names a path relative to the current folder");
        assert!(outcome.stderr.contains(&said), "{outcome:#?}");
        nothing_is_left(&repository);
    }
}

#[test]
fn flags_that_make_no_sense_with_a_url_are_usage_errors() {
    let repository = with_remote();
    let url = url(&repository);
    for (words, said) in [
        (
            &["--git", &url, "--path=apps"][..],
            "a clone is removed at the end",
        ),
        (
            &["--git", &url, "--push"],
            "name those of the repository with --path",
        ),
        (
            &["--git", &url, "--push", "-f", "../x"],
            "is outside the clone",
        ),
        (
            &["--git", &url, "--push", "--path", "../x"],
            "not a path within",
        ),
        (&["--git", &url, "--push", "--path=-x"], "write ./ in front"),
        (&["--git=ext::sh -c x", "--path=apps"], "remote helpers"),
        (
            &["--git=.", "--path=apps", "--branch=x"],
            "--branch needs the URL",
        ),
        (
            &["--git=.", "--path=apps", "--push-branch=x"],
            "--push-branch needs the URL",
        ),
        (
            &["--git=.", "--path=apps", "--push-option=x"],
            "--push-option needs --push",
        ),
        (&["--path=apps"], "--git"),
    ] {
        let outcome = repository
            .program(&[&["update"], words].concat())
            .run()
            .expect(2);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:#?}");
    }
}

#[test]
fn path_works_in_a_folder_as_well() {
    let repository = with_remote();
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = [
        "update",
        "--git=.",
        "--path=apps",
        "--yes",
        "--oci-layout",
        &layout,
    ];
    let outcome = repository.program(&words).run().expect(0);
    assert!(outcome.stdout.contains("image updated"), "{outcome:#?}");
    let file = repository.git(&["show", "--format=", "--name-only", "HEAD"]);
    assert_eq!(file, "apps/web.yaml");
}

#[test]
fn repository_behind_a_web_server_is_cloned_and_pushed_with_the_login() {
    let repository = with_remote();
    let server = GitServer::start(repository.environment.home(), true);
    let url = server.url("ada:secret-of-ada@", "remote.git");
    let outcome = update(&repository, &url, &["--push", "--yes"])
        .run()
        .expect(0);
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
    let shown = server.url("", "remote.git");
    assert!(
        outcome
            .stdout
            .ends_with(&format!(" and pushed to main of {shown}\n")),
        "{outcome:#?}"
    );
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .any(|line| line.contains("git-receive-pack")),
        "{requests:?}"
    );

    // Without the login, git asks for nothing and says why.
    let outcome = update(&repository, &shown, &["--push", "--yes"])
        .run()
        .expect(1);
    assert!(
        outcome
            .stderr
            .contains(&format!("error: cannot clone {shown}: ")),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("could not read Username"),
        "{outcome:#?}"
    );
    let wrong = server.url("ada:wrong-secret@", "remote.git");
    let outcome = update(&repository, &wrong, &["--push", "--yes"])
        .run()
        .expect(1);
    assert!(!outcome.stderr.contains("wrong-secret"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("Authentication failed"),
        "{outcome:#?}"
    );
    nothing_is_left(&repository);

    // A login that expires between the clone and the push.
    server.refuse_pushes(true);
    repository.push_of_others("apps/web.yaml", &automated("semver:~1.0", OLD));
    let before = repository.remote(&["rev-parse", "main"]);
    let push = ["--push", "--yes"];
    let outcome = update(&repository, &url, &push).run().expect(1);
    let hint = "note: once the cause is corrected, for example with a new login, run this again";
    for said in ["error: nothing was pushed: ", "Authentication failed", hint] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    assert!(!outcome.stderr.contains("secret-of-ada"), "{outcome:#?}");
    assert_eq!(repository.remote(&["rev-parse", "main"]), before);
    server.refuse_pushes(false);
    update(&repository, &url, &push).run().expect(0);
    assert_eq!(repository.remote(&["rev-parse", "main~1"]), before);
}

#[test]
fn killed_run_leaves_the_repository_as_it_was_and_the_next_one_finishes() {
    let repository = with_remote();
    // The server waits in its hook until the run is killed.
    repository.remote_hook(
        "pre-receive",
        "touch reached; while test ! -e killed; do sleep 0.05; done; exit 1",
    );
    let url = url(&repository);
    let running = update(&repository, &url, &["--push", "--yes"]).start();
    let home = repository.environment.home().to_owned();
    let reached = home.join("remote.git/reached");
    for _ in 0..400 {
        if reached.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(reached.exists());
    running.kill();
    repository.environment.write("remote.git/killed", "");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
    fs::remove_file(home.join("remote.git/hooks/pre-receive")).expect("removed");
    update(&repository, &url, &["--push", "--yes"])
        .run()
        .expect(0);
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
    assert!(
        repository
            .remote(&["show", "main:apps/web.yaml"])
            .contains("my-app:1.0.1")
    );
}
