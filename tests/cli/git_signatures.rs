//! `update --git` with the signature that the user has set up. The programs for it are not on every
//! machine, so the end-to-end tests run this.

#![cfg(all(target_os = "linux", feature = "live"))]

use std::process::Command;

use super::automated;
use super::git::{OLD, update};
use super::git_faults::{refused, with_remote};
use crate::support::git::TestRepository;

/// Sets up signatures with an ssh key.
fn with_ssh_key(repository: &TestRepository) {
    let key = repository.environment.home().join("key");
    let key = key.display().to_string();
    let words = ["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", &key];
    let made = Command::new("ssh-keygen").args(words).status();
    assert!(made.expect("ssh-keygen is installed").success());
    let public = std::fs::read_to_string(format!("{key}.pub")).expect("a key");
    let signers = repository
        .environment
        .write("signers", format!("ada@example.com {public}"));
    for (name, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", &key),
        ("commit.gpgSign", "true"),
        ("gpg.ssh.allowedSignersFile", &signers.display().to_string()),
    ] {
        repository.git(&["config", name, value]);
    }
}

/// A good signature for each commit since the first one, the newest first.
fn signatures(repository: &TestRepository) -> String {
    repository.git(&["log", "--format=%G?", "HEAD", "--max-count=2"])
}

#[test]
fn commits_are_signed_with_the_users_ssh_key_also_if_they_are_repeated() {
    let repository = with_remote();
    repository.write(
        "apps/job.yaml",
        &automated("semver:~1.0", OLD).replace("web", "job"),
    );
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message=two"]);
    repository.git(&["push", "--quiet"]);
    with_ssh_key(&repository);
    // Others push between the fetch and the first push, so the commits are made again.
    let theirs = repository.clone_of_remote("theirs");
    std::fs::write(theirs.join("other.yaml"), "a: theirs\n").expect("a file");
    repository.git(&["-C", "../theirs", "commit", "-qam", "theirs"]);
    let first = "unset $(git rev-parse --local-env-vars); git -C ../theirs push -q 2>&1; true";
    repository.hook("pre-push", first);
    let words = ["--git=.", "--push", "--yes", "--commit-per=workload"];
    let outcome = update(&repository, &words).run().expect(0);
    assert!(outcome.stderr.contains("deciding again"), "{outcome:#?}");
    assert_eq!(signatures(&repository), "G\nG");
    repository.git(&["verify-commit", "HEAD", "HEAD~1"]);
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());

    // A commit that is taken back is kept with its signature.
    let repository = with_remote();
    with_ssh_key(&repository);
    repository.remote_hook("pre-receive", "exit 1");
    let outcome = refused(
        &repository,
        &["--git=.", "--push", "--yes"],
        "was taken back",
    );
    let kept = outcome.stderr.rsplit("git branch NAME ").next();
    let kept = kept.and_then(|kept| kept.lines().next()).expect("a commit");
    repository.git(&["verify-commit", kept]);
}

#[test]
fn commits_are_signed_with_the_users_gpg_key() {
    let repository = with_remote();
    let home = repository.environment.home().join("gnupg");
    let home = home.display().to_string();
    let made = Command::new("mkdir").args(["-m", "700", &home]).status();
    assert!(made.expect("mkdir").success());
    let gpg = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(words).env("GNUPGHOME", &home).output();
        let output = output.expect("gpg is installed");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    let user = "Ada <ada@example.com>";
    let words = [
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        user,
        "ed25519",
        "sign",
    ];
    gpg("gpg", &words);
    // Git of this test does not get the variable.
    let script = format!("#!/bin/sh\nGNUPGHOME='{home}' exec gpg \"$@\"\n");
    let program = repository.environment.write("gpg.sh", script);
    let words = ["+x", &program.display().to_string()];
    assert!(
        Command::new("chmod")
            .args(words)
            .status()
            .expect("chmod")
            .success()
    );
    for (name, value) in [
        ("gpg.program", &*program.display().to_string()),
        ("user.signingKey", "ada@example.com"),
        ("commit.gpgSign", "true"),
    ] {
        repository.git(&["config", name, value]);
    }
    update(&repository, &["--git=.", "--push", "--yes"])
        .run()
        .expect(0);
    let signature = repository.git(&["log", "-1", "--format=%G?"]);
    repository.git(&["verify-commit", "HEAD"]);
    gpg("gpgconf", &["--kill", "all"]);
    assert!(matches!(&*signature, "G" | "U"), "{signature}");
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
}
