//! `update --git DIR --push`: what arrives, what is refused, and who wins a race.

#![cfg(unix)]

use std::path::Path;

use super::git::{OLD, update, with_update};
use super::{automated, text};
use crate::support::git::TestRepository;
use crate::support::program::{Outcome, Run};

fn push(repository: &TestRepository, more: &[&str]) -> Run {
    update(repository, &[&["--git=.", "--push"], more].concat())
}

fn pushed(repository: &TestRepository) -> Outcome {
    push(repository, &["--yes"]).run()
}

/// A repository with an update, and its remote.
fn with_remote() -> TestRepository {
    TestRepository::with_remote(&[
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("other.yaml", "a: 1\n"),
        ("third.yaml", "a: 1\n"),
    ])
}

/// Everything that a push which fails must leave alone.
#[derive(Debug, PartialEq, Eq)]
struct State {
    file: String,
    head: String,
    status: String,
    staged: String,
    remote: String,
}

fn state(repository: &TestRepository) -> State {
    State {
        file: repository.read("apps/web.yaml"),
        head: repository.head(),
        status: repository.git(&["status", "--porcelain"]),
        staged: repository.git(&["diff", "--cached"]),
        remote: repository.remote(&["rev-parse", "main"]),
    }
}

/// Changes of the user: one staged and then edited again, one only edited, one new.
fn make_dirty(repository: &TestRepository) {
    repository.write("other.yaml", "a: staged\n");
    repository.git(&["add", "other.yaml"]);
    repository.write("other.yaml", "a: staged and edited\n");
    repository.write("third.yaml", "a: edited\n");
    repository.write("new.yaml", "a: new\n");
}

/// A hook that pushes what somebody else has committed in the clone `theirs`, just before our
/// own push.
const THEY_PUSH_FIRST: &str =
    "unset $(git rev-parse --local-env-vars); git -C ../theirs push -q 2>&1; true";

#[test]
fn commit_is_pushed_to_the_upstream() {
    let repository = with_remote();
    let outcome = pushed(&repository).expect(0);
    let short = repository.git(&["rev-parse", "--short", "HEAD"]);
    assert_eq!(
        outcome.stdout,
        format!("deployment.apps/web image updated\ncommitted {short} and pushed to origin/main\n")
    );
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
    assert_eq!(
        repository.git(&["status", "--porcelain", "--branch"]),
        "## main...origin/main"
    );
    // Nothing is left to do.
    let again = pushed(&repository).expect(0);
    assert_eq!(again.stdout, "");
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "2");
}

#[test]
fn data_says_that_it_was_pushed_and_where_to_open_a_request() {
    let repository = with_remote();
    repository.git(&["config", "receive.advertisePushOptions", "true"]);
    repository.remote(&["config", "receive.advertisePushOptions", "true"]);
    repository.remote_hook(
        "post-receive",
        "echo \"$GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1\" > options\necho 'To create a merge request \
         for main, visit:'; echo '  https://git.example/new?x=1'",
    );
    let words = [
        "--yes",
        "-o",
        "json",
        "--push-option=ci.skip",
        "--push-option=-x",
    ];
    let outcome = push(&repository, &words).run().expect(0);
    let json = outcome.json();
    assert_eq!(text(&json, "commit"), repository.head());
    assert_eq!(text(&json, "branch"), "main");
    assert_eq!(json["pushed"], true);
    assert_eq!(text(&json, "url"), "https://git.example/new?x=1");
    assert!(
        outcome
            .stderr
            .contains("open a request to merge it: https://git.example/new?x=1\n"),
        "{outcome:#?}"
    );
    let options = repository.environment.home().join("remote.git/options");
    assert_eq!(
        std::fs::read_to_string(options).expect("options"),
        "ci.skip -x\n"
    );
    // Without a push, it says so as well.
    let repository = with_update();
    let json = update(&repository, &["--git=.", "--yes", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["pushed"], false);
    assert_eq!(json.get("url"), None);
}

#[test]
fn other_commits_of_the_user_are_named() {
    let repository = with_remote();
    repository.write("third.yaml", "a: mine\n");
    repository.git(&["commit", "-qam", "my own work"]);
    let outcome = push(&repository, &["--dry-run"]).run().expect(0);
    assert!(!outcome.stderr.contains("my own work"), "{outcome:#?}");
    let outcome = pushed(&repository).expect(0);
    let said =
        "note: 1 other commit of the branch is not on origin/main yet, and a push includes it: ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(outcome.stderr.contains(" my own work\n"), "{outcome:#?}");
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
}

#[test]
fn commit_that_was_left_unpushed_is_named_if_there_is_nothing_to_commit() {
    let repository = with_remote();
    // As if the run had ended between the commit and the push.
    update(&repository, &["--git=.", "--yes"]).run().expect(0);
    let outcome = pushed(&repository).expect(0);
    let said = "note: 1 other commit of the branch is not on origin/main yet, and this run pushes \
                nothing; \"git push\" pushes it: ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_ne!(repository.remote(&["rev-parse", "main"]), repository.head());
}

#[test]
fn branch_without_a_place_to_push_to_is_refused_before_anything_is_written() {
    for (words, said) in [
        (
            &["branch", "--unset-upstream"][..],
            "push --set-upstream origin main\"",
        ),
        (&["checkout", "-q", "--detach"], "HEAD is detached"),
        (
            &["checkout", "-q", "-b", "side", "--track", "origin/main"],
            "has another name",
        ),
        (
            &["remote", "set-url", "origin", "../gone.git"],
            "cannot fetch origin/main",
        ),
        (
            &["config", "branch.main.merge", "refs/heads/gone"],
            "cannot fetch origin/gone",
        ),
    ] {
        let repository = with_remote();
        repository.git(words);
        if words.contains(&"branch.main.merge") {
            repository.git(&["config", "push.default", "upstream"]);
        }
        let before = state(&repository);
        let outcome = pushed(&repository).expect(1);
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:#?}");
        assert!(
            outcome.stderr.contains("nothing was written"),
            "{outcome:#?}"
        );
        assert_eq!(state(&repository), before);
    }
}

#[test]
fn suggested_command_gives_the_branch_its_upstream() {
    let repository = with_remote();
    repository.git(&["branch", "--unset-upstream"]);
    let outcome = pushed(&repository).expect(1);
    let command = outcome.stderr.split('"').nth(1).expect("a command");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    repository.git(&words);
    pushed(&repository).expect(0);
}

#[test]
fn upstream_of_another_name_needs_the_setting_of_git() {
    let repository = with_remote();
    repository.git(&["checkout", "-q", "-b", "side", "--track", "origin/main"]);
    repository.git(&["config", "push.default", "upstream"]);
    let outcome = pushed(&repository).expect(0);
    assert!(
        outcome.stdout.ends_with("pushed to origin/main\n"),
        "{outcome:#?}"
    );
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
}

#[test]
fn hook_of_the_server_that_refuses_is_passed_on_and_everything_is_as_before() {
    let repository = with_remote();
    make_dirty(&repository);
    repository.remote_hook(
        "pre-receive",
        "echo 'main is protected'; echo why >&2; exit 1",
    );
    let before = state(&repository);
    let outcome = pushed(&repository).expect(1);
    assert_eq!(outcome.stdout, "");
    for said in [
        "error: deployment/web: not pushed: remote: main is protected; apps/web.yaml was restored\n",
        "error: nothing was pushed: remote: main is protected",
        "remote: why",
        "pre-receive hook declined",
        "was taken back, and the branch and the files are as before",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    assert_eq!(state(&repository), before);
    // The suggested command keeps the commit.
    let command = outcome.stderr.rsplit("git ").next().expect("a command");
    let command = command.lines().next().unwrap_or_default();
    let words = command.trim().replace("NAME", "kept");
    let words: Vec<&str> = words.split(' ').collect();
    repository.git(&words);
    assert!(
        repository
            .git(&["show", "kept:apps/web.yaml"])
            .contains("1.0.1")
    );
    let json = push(&repository, &["--yes", "-o", "json"]).run();
    let json = json.expect(1).json();
    assert_eq!(json["items"][0]["result"], "failed");
    assert_eq!(json.get("commit"), None);
}

#[test]
fn after_a_lost_race_the_update_is_decided_again_on_the_new_state() {
    let repository = with_remote();
    let theirs = repository.clone_of_remote("theirs");
    std::fs::write(theirs.join("apps/web.yaml"), automated("semver:1.0.x", OLD)).expect("a file");
    repository.git(&["-C", "../theirs", "commit", "-qam", "theirs"]);
    make_dirty(&repository);
    let status = repository.git(&["status", "--porcelain"]);
    // After the fetch, and before git asks the server again.
    repository.hook("pre-commit", THEY_PUSH_FIRST);
    let outcome = pushed(&repository).expect(0);
    assert!(outcome.stderr.contains("deciding again"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("1 commit behind origin/main"),
        "{outcome:#?}"
    );
    // One result, on top of theirs, with their policy.
    assert_eq!(
        outcome.stdout.matches("image updated").count(),
        1,
        "{outcome:#?}"
    );
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
    let subjects = repository.remote(&["log", "--format=%an %s", "main"]);
    assert_eq!(
        subjects,
        "Ada Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1\nGrace theirs\nAda first"
    );
    let message = repository.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("policy: semver:1.0.x"), "{message}");
    assert_eq!(repository.git(&["status", "--porcelain"]), status);
    assert_eq!(repository.git(&["show", ":other.yaml"]), "a: staged");
}

#[test]
fn update_that_others_have_pushed_is_not_made_again() {
    let repository = with_remote();
    let theirs = repository.clone_of_remote("theirs");
    let new = automated("semver:~1.0", "docker.io/org/my-app:1.0.1");
    std::fs::write(theirs.join("apps/web.yaml"), &new).expect("a file");
    repository.git(&["-C", "../theirs", "commit", "-qam", "theirs"]);
    repository.hook("pre-push", THEY_PUSH_FIRST);
    let outcome = pushed(&repository).expect(0);
    assert_eq!(outcome.stdout, "");
    assert_eq!(repository.read("apps/web.yaml"), new);
    assert_eq!(
        repository.remote(&["log", "--format=%s", "main"]),
        "theirs\nfirst"
    );
    assert_eq!(repository.git(&["log", "--format=%s"]), "theirs\nfirst");
}

#[test]
fn run_that_is_overtaken_every_time_gives_up_and_leaves_everything_as_it_was() {
    let repository = with_remote();
    repository.clone_of_remote("theirs");
    make_dirty(&repository);
    let status = repository.git(&["status", "--porcelain"]);
    repository.hook(
        "pre-push",
        &format!(
            "unset $(git rev-parse --local-env-vars); git -C ../theirs commit -q --allow-empty -m theirs\n{THEY_PUSH_FIRST}"
        ),
    );
    let outcome = pushed(&repository).expect(1);
    assert_eq!(
        outcome.stderr.matches("deciding again").count(),
        3,
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("others pushed first, 4 times"),
        "{outcome:#?}"
    );
    assert_eq!(repository.git(&["status", "--porcelain"]), status);
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "5");
    // All but the last of theirs.
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "4");
    assert!(!repository.read("apps/web.yaml").contains("1.0.1"));
}

#[test]
fn branch_that_is_behind_is_moved_and_one_that_has_diverged_is_refused() {
    let repository = with_remote();
    repository.push_of_others("theirs.yaml", "a: 1\n");
    let outcome = pushed(&repository).expect(0);
    let said = "note: the branch was 1 commit behind origin/main, and was moved there";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_eq!(repository.read("theirs.yaml"), "a: 1\n");
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());

    let repository = with_remote();
    repository.push_of_others("theirs.yaml", "a: 1\n");
    repository.write("third.yaml", "a: mine\n");
    repository.git(&["commit", "-qam", "mine"]);
    let before = state(&repository);
    let outcome = pushed(&repository).expect(1);
    let said = "origin/main has 1 commit that main does not have, and main has 1 that";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert_eq!(state(&repository), before);

    let repository = with_remote();
    repository.push_of_others("third.yaml", "a: theirs\n");
    make_dirty(&repository);
    let before = state(&repository);
    let outcome = pushed(&repository).expect(1);
    assert!(
        outcome.stderr.contains("main is behind origin/main"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("third.yaml"), "{outcome:#?}");
    assert_eq!(state(&repository), before);
}

#[test]
fn dry_run_neither_fetches_nor_pushes() {
    let repository = with_remote();
    repository.push_of_others("theirs.yaml", "a: 1\n");
    let before = state(&repository);
    let tracked = repository.git(&["rev-parse", "origin/main"]);
    push(&repository, &["--dry-run"]).run().expect(0);
    assert_eq!(state(&repository), before);
    assert_eq!(repository.git(&["rev-parse", "origin/main"]), tracked);
}

#[test]
fn only_the_branch_is_pushed() {
    let repository = with_remote();
    repository.git(&["tag", "-a", "v1", "-m", "tag"]);
    repository.git(&["branch", "side"]);
    repository.git(&["config", "push.followTags", "true"]);
    repository.git(&["config", "push.default", "matching"]);
    pushed(&repository).expect(0);
    let refs = repository.remote(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/main");
}

/// Lets several clones push at the same time, each an update of its own file. A run that was
/// overtaken in all its tries is repeated by its user, at most this many times. Returns the
/// number of runs.
fn concurrent_writers(writers: usize, repeats: usize) -> usize {
    let files: Vec<(String, String)> = (0..writers)
        .map(|at| {
            let text = automated("semver:~1.0", OLD);
            (format!("app{at:02}/web.yaml"), text)
        })
        .collect();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(f, t)| (&f[..], &t[..])).collect();
    let repository = TestRepository::with_remote(&files);
    let layout = super::root()
        .join("docs/quickstart/images")
        .display()
        .to_string();
    let clones: Vec<_> = (0..writers)
        .map(|at| repository.clone_of_remote(&format!("writer{at}")))
        .collect();
    let write = |at: usize| {
        let app = format!("app{at:02}");
        let words = ["update", "-f", &app, "--oci-layout", &layout];
        let git = ["--git=.", "--push", "--yes"];
        let mut runs = 0;
        loop {
            runs += 1;
            let words = words.into_iter().chain(git);
            let program = repository.program(&words.collect::<Vec<_>>());
            let outcome = program.dir(Path::new(&clones[at])).run();
            if outcome.code == Some(0) {
                return runs;
            }
            assert!(
                runs <= repeats && outcome.stderr.contains("others pushed first"),
                "{outcome:#?}"
            );
        }
    };
    let runs = std::thread::scope(|scope| {
        let write = &write;
        let all: Vec<_> = (0..writers)
            .map(|at| scope.spawn(move || write(at)))
            .collect();
        let runs = all.into_iter().map(|run| run.join().expect("it pushed"));
        runs.sum()
    });
    let limit = format!("-{writers}");
    let pushed = repository.remote(&["log", "--format=", "--name-only", &limit, "main"]);
    let mut pushed: Vec<&str> = pushed.lines().filter(|line| !line.is_empty()).collect();
    pushed.sort_unstable();
    assert_eq!(pushed, names);
    let commits = repository.remote(&["rev-list", "--count", "main"]);
    assert_eq!(commits, (writers + 1).to_string());
    runs
}

#[test]
fn four_writers_on_one_branch_each_arrive_once() {
    assert_eq!(concurrent_writers(4, 0), 4);
}

#[cfg(feature = "soak")]
#[test]
fn soak_twenty_writers_on_one_branch_each_arrive_once() {
    let started = std::time::Instant::now();
    let runs = concurrent_writers(20, 5);
    println!(
        "20 writers: {runs} runs, {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn commit_that_cannot_be_taken_back_is_reported() {
    let repository = with_remote();
    // The server's hook edits the file of the commit, so that taking it back would lose the edit.
    repository.remote_hook(
        "pre-receive",
        "echo '# mine' >> ../repo/apps/web.yaml; exit 1",
    );
    let outcome = pushed(&repository).expect(1);
    let said = "is on the local branch, because it could not be taken back: ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("apps/web.yaml was committed locally"),
        "{outcome:#?}"
    );
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "2");
    assert!(repository.read("apps/web.yaml").ends_with("# mine\n"));
    assert_eq!(repository.remote(&["rev-list", "--count", "main"]), "1");
}

#[test]
fn flags_of_a_push_need_a_repository() {
    let repository = with_remote();
    for (words, said) in [
        (&["--push"][..], "--git"),
        (
            &["--git=.", "--push-option=x"],
            "--push-option needs --push",
        ),
    ] {
        let outcome = update(&repository, words).run().expect(2);
        assert!(outcome.stderr.contains(said), "{outcome:#?}");
    }
}
