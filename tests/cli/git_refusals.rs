//! `update --git`: what is refused before anything is written, and what happens if git
//! refuses the commit.

use super::automated;
use super::git::{OLD, commit, update, with_update};
use crate::support::git::TestRepository;
use crate::support::program::Outcome;

/// Asserts that neither the files nor the branch have changed since.
struct Before {
    file: String,
    head: String,
    status: String,
}

impl Before {
    fn of(repository: &TestRepository) -> Self {
        Self {
            file: repository.read("apps/web.yaml"),
            head: repository.head(),
            status: repository.git(&["status", "--porcelain"]),
        }
    }

    #[track_caller]
    fn is_kept(&self, repository: &TestRepository, outcome: &Outcome) {
        assert_eq!(repository.read("apps/web.yaml"), self.file, "{outcome:#?}");
        assert_eq!(repository.head(), self.head);
        assert_eq!(repository.git(&["status", "--porcelain"]), self.status);
    }
}

#[cfg(unix)]
#[test]
fn hook_that_refuses_is_passed_on_and_the_file_is_restored() {
    let repository = with_update();
    repository.write("other.yaml", "a: staged\n");
    repository.git(&["add", "other.yaml"]);
    repository.hook(
        "pre-commit",
        "echo 'no commits today' >&2; echo why; exit 1",
    );
    let before = Before::of(&repository);
    let outcome = commit(&repository).expect(1);
    assert_eq!(outcome.stdout, "");
    for said in [
        "error: deployment/web: not committed: no commits today; apps/web.yaml was restored\n",
        "error: nothing was committed: no commits today\nwhy\n",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    before.is_kept(&repository, &outcome);
    let json = update(&repository, &["--git=.", "--yes", "-o", "json"]).run();
    let json = json.expect(1).json();
    assert_eq!(json["items"][0]["result"], "failed");
    assert_eq!(json.get("commit"), None);
}

#[cfg(unix)]
#[test]
fn file_that_a_hook_has_changed_is_not_restored() {
    let repository = with_update();
    repository.hook("pre-commit", "echo '# hook' >> apps/web.yaml; exit 1");
    let outcome = commit(&repository).expect(1);
    let said = "apps/web.yaml was changed since, so it was not restored";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(repository.read("apps/web.yaml").ends_with("# hook\n"));
}

#[test]
fn missing_identity_and_signing_failure_are_passed_on() {
    for (settings, said) in [
        (
            &[("user.name", ""), ("user.useConfigOnly", "true")][..],
            "empty ident name",
        ),
        (
            &[
                ("commit.gpgSign", "true"),
                ("gpg.program", "/nonexistent/gpg"),
            ],
            "gpg",
        ),
    ] {
        let repository = with_update();
        for (key, value) in settings {
            repository.git(&["config", key, value]);
        }
        let before = Before::of(&repository);
        let outcome = commit(&repository).expect(1);
        assert!(
            outcome.stderr.contains("error: nothing was committed: "),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
        before.is_kept(&repository, &outcome);
    }
}

#[test]
fn file_with_changes_of_the_user_is_refused_before_anything_is_written() {
    for staged in [false, true] {
        let repository = with_update();
        let edited = repository.read("apps/web.yaml") + "# mine\n";
        repository.write("apps/web.yaml", &edited);
        if staged {
            repository.git(&["add", "."]);
        }
        let before = Before::of(&repository);
        for more in [&["--yes"][..], &["--dry-run"], &[]] {
            let outcome = update(&repository, &[&["--git", "."], more].concat()).run();
            let outcome = outcome.expect(1);
            let said = "apps/web.yaml of the repository ";
            assert!(outcome.stderr.contains(said), "{outcome:#?}");
            assert!(
                outcome.stderr.contains("has uncommitted changes"),
                "{outcome:#?}"
            );
            before.is_kept(&repository, &outcome);
        }
    }
}

#[test]
fn untracked_and_ignored_files_are_refused() {
    for ignore in ["", "web.yaml\n"] {
        let repository = TestRepository::with(&[(".gitignore", ignore)]);
        repository.write("apps/web.yaml", &automated("semver:~1.0", OLD));
        let before = Before::of(&repository);
        let outcome = commit(&repository).expect(1);
        let said = "is not tracked by git; nothing was written";
        assert!(outcome.stderr.contains(said), "{outcome:#?}");
        before.is_kept(&repository, &outcome);
    }
}

#[test]
fn file_outside_the_work_tree_is_refused() {
    let repository = with_update();
    repository
        .environment
        .write("outside.yaml", automated("semver:~1.0", OLD));
    let before = Before::of(&repository);
    let outcome = update(&repository, &["-f", "../outside.yaml", "--git=.", "--yes"])
        .run()
        .expect(1);
    let said = "error: ../outside.yaml is not in the work tree ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    before.is_kept(&repository, &outcome);
}

#[cfg(unix)]
#[test]
fn link_out_of_the_work_tree_is_refused() {
    let repository = with_update();
    let outside = repository
        .environment
        .write("outside.yaml", automated("semver:~1.0", OLD));
    let link = repository.folder().join("apps/link.yaml");
    std::os::unix::fs::symlink(&outside, link).expect("a link");
    let before = Before::of(&repository);
    let outcome = commit(&repository).expect(1);
    assert!(
        outcome.stderr.contains("is not in the work tree"),
        "{outcome:#?}"
    );
    before.is_kept(&repository, &outcome);
}

/// Two branches that change `other.yaml` differently.
fn with_conflict() -> TestRepository {
    let repository = with_update();
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    repository.write("other.yaml", "a: side\n");
    repository.git(&["commit", "-qam", "side"]);
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("other.yaml", "a: main\n");
    repository.git(&["commit", "-qam", "main"]);
    repository
}

#[test]
fn work_tree_in_the_middle_of_something_is_refused() {
    for (words, is_stopped, said) in [
        (&["rebase", "side"][..], true, "a rebase is under way"),
        (&["merge", "side"], true, "a merge is under way"),
        (&["cherry-pick", "side"], true, "a cherry-pick is under way"),
        (&["revert", "side"], true, "a revert is under way"),
        (&["bisect", "start"], false, "a bisect is under way"),
    ] {
        let repository = with_conflict();
        let started = repository.try_git(words);
        assert_eq!(started.is_err(), is_stopped, "{words:?}: {started:?}");
        let before = Before::of(&repository);
        let outcome = commit(&repository).expect(1);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:#?}");
        assert!(
            outcome.stderr.contains("nothing was written"),
            "{outcome:#?}"
        );
        before.is_kept(&repository, &outcome);
    }
}

#[test]
fn folder_without_a_work_tree_is_refused() {
    let repository = with_update();
    repository.git(&["init", "--quiet", "--bare", "../bare"]);
    for (folder, said) in [
        ("..", "not a git repository"),
        ("../bare", "work tree"),
        ("../gone", "there is no such folder"),
    ] {
        let outcome = update(&repository, &["--git", folder, "--yes"]).run();
        let outcome = outcome.expect(1);
        assert!(
            outcome.stderr.contains(&format!("error: --git {folder}: ")),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains(said), "{folder}: {outcome:#?}");
    }
}

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let repository = with_update();
    for (words, said) in [
        (&["--all", "--git", "."][..], "name those of the repository"),
        (&["-f", "-", "--git", "."], "writes to standard output"),
        (
            &["-f", "apps", "--git", "auto"],
            "it cannot be used with -f",
        ),
        (&["-k", "apps", "--git", "auto"], "cannot be used with -k"),
        (&["-f", "apps", "--git=-x"], "begins with -"),
        (
            &["-f", "apps", "--git", "https://example.com/x.git"],
            "add --push, --push-branch NAME",
        ),
    ] {
        let words = [&["update"], words].concat();
        let outcome = repository.program(&words).run().expect(2);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:#?}");
    }
}

#[test]
fn without_the_git_program_nothing_is_written() {
    let repository = with_update();
    let before = Before::of(&repository);
    let outcome = update(&repository, &["--git", ".", "--yes"])
        .env("PATH", "/nonexistent")
        .run()
        .expect(1);
    assert!(outcome.stderr.contains("cannot run git"), "{outcome:#?}");
    before.is_kept(&repository, &outcome);
}

#[cfg(target_os = "linux")]
#[test]
fn run_after_a_killed_one_takes_back_what_is_uncommitted() {
    let repository = with_update();
    // The hook kills the program and git, as the system does when it runs out of memory.
    repository.hook(
        "pre-commit",
        "program=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status)\nkill -9 $program $PPID",
    );
    let head = repository.head();
    let outcome = commit(&repository);
    assert_eq!(outcome.code, None, "{outcome:#?}");
    assert_eq!(repository.head(), head);
    std::fs::remove_file(repository.folder().join(".git/hooks/pre-commit")).expect("removed");
    // Git says itself that a killed git may have left its lock.
    std::fs::remove_file(repository.folder().join(".git/index.lock")).expect("removed");

    let outcome = commit(&repository).expect(0);
    let said = "note: an earlier run was killed before its end; what it has left was taken back: \
                apps/web.yaml\n";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(outcome.stdout.contains("committed "), "{outcome:#?}");
    assert_ne!(repository.head(), head);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn uncommitted_changes_of_the_user_are_named_with_the_command_that_takes_them_back() {
    let repository = with_update();
    // The same update, without a commit.
    update(&repository, &["--yes"]).run().expect(0);
    let outcome = commit(&repository).expect(0);
    let said = "note: apps/web.yaml has uncommitted changes";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    let restore = outcome
        .stderr
        .split(['(', ')'])
        .find(|words| words.contains("restore"))
        .expect("a command");
    let words: Vec<&str> = restore.split(' ').skip(1).collect();
    repository.git(&words);
    let outcome = commit(&repository).expect(0);
    assert!(outcome.stdout.contains("committed "), "{outcome:#?}");
}
