//! `update --git` in repositories that are set up in unusual ways.

#![cfg(target_os = "linux")]

use super::automated;
use super::git::{OLD, files_of_last_commit, update, with_update};
use crate::support::git::TestRepository;
use crate::support::git_server::GitServer;
use crate::support::program::Outcome;

pub(super) fn with_remote() -> TestRepository {
    TestRepository::with_remote(&[
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("other.yaml", "a: 1\n"),
    ])
}

/// What a run that fails must leave alone.
fn state(repository: &TestRepository) -> [String; 4] {
    [
        repository.read("apps/web.yaml"),
        repository.head(),
        repository.git(&["status", "--porcelain"]),
        repository.git(&["diff", "--cached"]),
    ]
}

#[track_caller]
pub(super) fn refused(repository: &TestRepository, words: &[&str], said: &str) -> Outcome {
    let before = state(repository);
    let outcome = update(repository, words).run().expect(1);
    assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    assert_eq!(state(repository), before);
    outcome
}

#[test]
fn server_that_cannot_be_reached_is_named_in_gits_words() {
    let repository = with_remote();
    let url = "http://127.0.0.1:1/x.git";
    repository.git(&["remote", "set-url", "origin", url]);
    let words = ["--git=.", "--push", "--yes"];
    let outcome = refused(&repository, &words, "cannot fetch origin/main");
    let said = "unable to access 'http://127.0.0.1:1/x.git/'";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn credential_that_is_no_longer_valid_is_passed_on_without_its_secret() {
    let repository = with_remote();
    let server = GitServer::start(repository.environment.home(), true);
    let url = server.url("ada:expired-secret@", "remote.git");
    repository.git(&["remote", "set-url", "origin", &url]);
    let words = ["--git=.", "--push", "--yes"];
    let outcome = refused(&repository, &words, "Authentication failed");
    assert!(!outcome.stderr.contains("expired-secret"), "{outcome:#?}");
    // The same login with its password.
    let url = server.url("ada:secret-of-ada@", "remote.git");
    repository.git(&["remote", "set-url", "origin", &url]);
    update(&repository, &words).run().expect(0);
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
}

#[test]
fn credential_that_expires_between_the_fetch_and_the_push_loses_nothing() {
    let repository = with_remote();
    let server = GitServer::start(repository.environment.home(), true);
    let url = server.url("ada:secret-of-ada@", "remote.git");
    repository.git(&["remote", "set-url", "origin", &url]);
    // Changes of the user, which stay as they are.
    repository.write("other.yaml", "a: staged\n");
    repository.git(&["add", "other.yaml"]);
    repository.write("other.yaml", "a: staged and edited\n");
    server.refuse_pushes(true);
    let words = ["--git=.", "--push", "--yes"];
    let outcome = refused(&repository, &words, "error: nothing was pushed: ");
    let requests = server.requests();
    let is_fetch = |line: &String| line.contains("git-upload-pack");
    assert!(requests.iter().any(is_fetch), "{requests:?}");
    let said = "Authentication failed for 'http://127.0.0.1:";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    let printed = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!printed.contains("secret-of-ada"), "{outcome:#?}");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
    let said = "not pushed: ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    // The commit is named, and still there.
    let (_, commit) = outcome
        .stderr
        .split_once("on a branch: git branch NAME ")
        .expect("a command");
    let commit = commit.lines().next().expect("a commit");
    let kept = repository.git(&["show", &format!("{commit}:apps/web.yaml")]);
    assert!(kept.contains("my-app:1.0.1"), "{kept}");
    let said = "note: once the cause is corrected, for example with a new login, run this again";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    // With a new login, the same command finishes.
    server.refuse_pushes(false);
    update(&repository, &words).run().expect(0);
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
    let staged = repository.git(&["show", ":other.yaml"]);
    assert_eq!(staged, "a: staged");
    assert_eq!(repository.read("other.yaml"), "a: staged and edited\n");
}

#[test]
fn lock_of_another_git_is_passed_on_and_the_file_is_restored() {
    let repository = with_update();
    let before = repository.read("apps/web.yaml");
    repository.write(".git/index.lock", "");
    let outcome = update(&repository, &["--git=.", "--yes"]).run().expect(1);
    assert!(outcome.stderr.contains("index.lock"), "{outcome:#?}");
    assert_eq!(repository.read("apps/web.yaml"), before);
    std::fs::remove_file(repository.folder().join(".git/index.lock")).expect("removed");
    update(&repository, &["--git=.", "--yes"]).run().expect(0);
}

#[test]
fn message_of_several_lines_is_printed_in_several_lines() {
    let repository = with_update();
    let run = update(&repository, &["--git=.", "--yes"]);
    let outcome = run
        .env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        .run()
        .expect(1);
    let said = "error: --git .: fatal: detected dubious ownership in repository at ";
    assert!(outcome.stderr.starts_with(said), "{outcome:#?}");
    let command = outcome
        .stderr
        .lines()
        .find(|line| line.contains("safe.directory"));
    let command = command.expect("git names a command").trim();
    assert!(
        command.starts_with("git config --global --add"),
        "{outcome:#?}"
    );
}

#[test]
fn file_of_a_submodule_is_refused_and_a_submodule_elsewhere_stays() {
    let repository = with_remote();
    repository.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        "../remote.git",
        "sub",
    ]);
    repository.git(&["commit", "--quiet", "--message=submodule"]);
    // The checkout of the submodule is not that of its parent, which is no reason to touch it.
    repository.write("sub/other.yaml", "a: edited\n");
    let status = repository.git(&["status", "--porcelain"]);
    update(&repository, &["--git=.", "--yes"]).run().expect(0);
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    assert_eq!(repository.git(&["status", "--porcelain"]), status);

    let before = repository.read("sub/apps/web.yaml");
    let words = ["-f=sub/apps", "--git=.", "--yes"];
    let outcome = refused(&repository, &words, "submodule");
    assert_eq!(repository.read("sub/apps/web.yaml"), before, "{outcome:#?}");
}

#[test]
fn sparse_checkout_loses_nothing() {
    let repository = with_remote();
    repository.write("elsewhere/x.yaml", "a: 1\n");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message=elsewhere"]);
    repository.git(&["push", "--quiet"]);
    repository.git(&["sparse-checkout", "set", "apps"]);
    assert!(!repository.folder().join("elsewhere").exists());
    // Others are faster once, so that the branch is moved as well.
    repository.push_of_others("elsewhere/y.yaml", "a: 1\n");
    let words = ["--git=.", "--push", "--yes"];
    update(&repository, &words).run().expect(0);
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    let files = repository.remote(&["ls-tree", "-r", "--name-only", "main"]);
    let expected = "apps/web.yaml\nelsewhere/x.yaml\nelsewhere/y.yaml\nother.yaml";
    assert_eq!(files, expected);
    assert!(!repository.folder().join("elsewhere").exists());
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn partial_clone_is_committed_to_and_pushed() {
    let repository = with_remote();
    repository.remote(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!(
        "file://{}/remote.git",
        repository.environment.home().display()
    );
    let clone = [
        "clone",
        "--quiet",
        "--filter=blob:none",
        "--depth=1",
        &url,
        "../partial",
    ];
    repository.git(&clone);
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
        repository.git(&["-C", "../partial", "config", key, value]);
    }
    let folder = repository.environment.home().join("partial");
    let run = update(&repository, &["--git=.", "--push", "--yes"]);
    run.dir(&folder).run().expect(0);
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
    let files = repository.remote(&["show", "--format=", "--name-only", "main"]);
    assert_eq!(files, "apps/web.yaml");
}

#[test]
fn pointers_of_lfs_stay_pointers() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0\
                   ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let repository = TestRepository::with_remote(&[
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("apps/logo.bin", pointer),
    ]);
    let words = ["--git=.", "--push", "--yes"];
    update(&repository, &words).run().expect(0);
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    assert_eq!(repository.read("apps/logo.bin"), pointer);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}
