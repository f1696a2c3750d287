//! `update --git` that is killed at any point: no file is cut, nothing is locked, and the next
//! run finishes.

#![cfg(target_os = "linux")]

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use regex::Regex;

use super::git::{OLD, update};
use super::{automated, deployment};
use crate::support::git::TestRepository;
use crate::support::program::Outcome;

const PUSH: [&str; 3] = ["--git=.", "--push", "--yes"];

/// Each name of a file in the repository, with a workload of its own.
fn names(files: usize) -> Vec<String> {
    (0..files)
        .map(|file| format!("apps/web{file}.yaml"))
        .collect()
}

fn old(file: usize) -> String {
    let name = format!("name: web{file}\n");
    automated("semver:~1.0", OLD).replacen("name: web\n", &name, 1)
}

fn repository(files: usize) -> TestRepository {
    let texts: Vec<String> = (0..files).map(old).collect();
    let names = names(files);
    let mut all: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str))
        .collect();
    let other = deployment("other", &["a: b"], &[("app", "x:1")]);
    all.push(("other.yaml", &other));
    TestRepository::with_remote(&all)
}

/// A text without the times of updates, and without hashes of commits.
fn without_time(text: &str) -> String {
    let time = Regex::new(r"20\d\d-\d\d-\d\dT[0-9:.]+Z").expect("a regex");
    time.replace_all(text, "TIME").into_owned()
}

/// Everything that the last run must have made, whatever was killed before.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    files: Vec<String>,
    commits: String,
    is_clean: bool,
}

fn result(repository: &TestRepository, files: usize) -> Result {
    let files = names(files);
    let show = |file: &String| without_time(&repository.remote(&["show", &format!("main:{file}")]));
    Result {
        files: files.iter().map(show).collect(),
        commits: repository.remote(&["log", "--format=%s", "main"]),
        is_clean: repository.git(&["status", "--porcelain", "--branch"]) == "## main...origin/main",
    }
}

/// A `git` before the real one in the search path: it notes its arguments, and kills its parent
/// before or after it runs for the n-th time.
fn wrap_git(repository: &TestRepository) {
    let real = ["/usr/local/bin/git", "/usr/bin/git", "/bin/git"];
    let real = real.into_iter().find(|git| Path::new(git).exists());
    let script = format!(
        "#!/bin/sh\nhome={}\nn=$(($(cat $home/runs.n) + 1))\necho $n > $home/runs.n\n\
         read -r at < $home/kill\n[ \"$at\" != \"before $n\" ] || {{ kill -9 $PPID; exit 1; }}\n\
         echo \"$*\" >> $home/runs\n{} \"$@\"\ncode=$?\n\
         [ \"$at\" != \"after $n\" ] || kill -9 $PPID\nexit $code\n",
        repository.environment.home().display(),
        real.expect("git is installed")
    );
    let program = repository.environment.write("bin/git", script);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// A run that is killed at this point, if at all.
fn run_until(repository: &TestRepository, kill: &str) -> Outcome {
    repository.environment.write("kill", format!("{kill}\n"));
    repository.environment.write("runs.n", "0\n");
    repository.environment.write("runs", "");
    update(repository, &PUSH).run()
}

/// After a run was killed: every file is whole, and nothing keeps git from working.
fn check_files(repository: &TestRepository, new: &[String], what: &str) {
    for (file, name) in names(new.len()).iter().enumerate() {
        let text = repository.read(name);
        let is_new = without_time(&text) == new[file];
        assert!(
            text == old(file) || is_new,
            "{what}: {name} is cut:\n{text}"
        );
    }
    let lock = repository.folder().join(".git/index.lock");
    assert!(!lock.exists(), "{what}");
}

#[test]
fn run_that_is_killed_at_any_step_of_git_is_finished_by_the_next_one() {
    const FILES: usize = 3;
    let undisturbed = repository(FILES);
    wrap_git(&undisturbed);
    run_until(&undisturbed, "never").expect(0);
    let expected = result(&undisturbed, FILES);
    assert!(
        expected.is_clean && expected.commits.lines().count() == 2,
        "{expected:?}"
    );
    let new: Vec<String> = names(FILES)
        .iter()
        .map(|name| without_time(&undisturbed.read(name)))
        .collect();
    let runs = fs::read_to_string(undisturbed.environment.home().join("runs")).expect("runs");
    let mut kills: Vec<(String, String)> = Vec::new();
    for (number, words) in runs.lines().enumerate() {
        let number = number + 1;
        kills.push((format!("before {number}"), words.to_owned()));
        if words.starts_with("commit") || words.starts_with("push") {
            kills.push((format!("after {number}"), words.to_owned()));
        }
    }
    assert!(kills.len() > 12, "{kills:?}");
    let open = Mutex::new(kills.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let next = open.lock().expect("no panic").next();
                    let Some((kill, words)) = next else { return };
                    let what = format!("killed {kill}: git {words}");
                    let repository = repository(FILES);
                    wrap_git(&repository);
                    let killed = run_until(&repository, &kill);
                    assert_eq!(killed.code, None, "{what}: {killed:#?}");
                    check_files(&repository, &new, &what);
                    let next = run_until(&repository, "never");
                    assert_eq!(next.code, Some(0), "{what}: {next:#?}");
                    assert_eq!(result(&repository, FILES), expected, "{what}: {next:#?}");
                    assert_eq!(left(&repository), [""; 0], "{what}");
                }
            });
        }
    });
}

/// The files of this program that are left in the git folder and the work tree.
fn left(repository: &TestRepository) -> Vec<String> {
    let folders = [".git", "apps"].map(|folder| repository.folder().join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    names
        .filter(|name| name.contains("imgpolicy") || name.ends_with(".tmp"))
        .collect()
}

#[test]
fn run_that_is_killed_at_any_moment_leaves_whole_files_and_is_finished_by_the_next_one() {
    const FILES: usize = 20;
    let seed = RandomState::new().hash_one(());
    println!("seed {seed}");
    let mut random = seed | 1;
    let repository = repository(FILES);
    let first = repository.head();
    let begin = Instant::now();
    update(&repository, &PUSH).run().expect(0);
    let took = begin.elapsed();
    let expected = result(&repository, FILES);
    let new: Vec<String> = names(FILES)
        .iter()
        .map(|name| without_time(&repository.read(name)))
        .collect();
    let mut killed_while_writing = 0;
    for round in 0..6 {
        repository.git(&["reset", "--quiet", "--hard", &first]);
        repository.git(&["push", "--quiet", "--force", "origin", "main"]);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // The files are written in the second half of a run.
        let share = 40 + u32::try_from(random % 60).expect("small");
        let running = update(&repository, &PUSH).start();
        let pause: Duration = took * share / 100;
        std::thread::sleep(pause);
        running.kill();
        let what = format!("seed {seed}, round {round}, killed after {pause:?} of {took:?}");
        // A git that it has started may still be at work.
        for _ in 0..100 {
            if !repository.folder().join(".git/index.lock").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        check_files(&repository, &new, &what);
        let changed = repository.git(&["status", "--porcelain"]).lines().count();
        killed_while_writing += usize::from(changed > 0);
        let next = update(&repository, &PUSH).run();
        assert_eq!(next.code, Some(0), "{what}: {next:#?}");
        assert_eq!(result(&repository, FILES), expected, "{what}: {next:#?}");
        assert_eq!(left(&repository), [""; 0], "{what}");
    }
    println!("{killed_while_writing} of 6 runs were killed between a write and its commit");
}

#[test]
fn change_of_the_user_after_a_kill_stays() {
    let repository = repository(2);
    wrap_git(&repository);
    // Killed before the commit, when both files are written.
    let runs = {
        let probe = self::repository(2);
        wrap_git(&probe);
        run_until(&probe, "never").expect(0);
        fs::read_to_string(probe.environment.home().join("runs")).expect("runs")
    };
    let commit = runs.lines().position(|words| words.starts_with("commit"));
    let commit = commit.expect("a commit") + 1;
    run_until(&repository, &format!("before {commit}"));
    let mine = format!("{}# mine\n", repository.read("apps/web0.yaml"));
    assert_ne!(mine, format!("{}# mine\n", old(0)));
    repository.write("apps/web0.yaml", &mine);
    let next = run_until(&repository, "never").expect(0);
    let said = "note: an earlier run was killed before its end; what it has left was taken back: \
                apps/web1.yaml\n";
    assert!(next.stderr.contains(said), "{next:#?}");
    assert_eq!(repository.read("apps/web0.yaml"), mine);
    let said = "note: apps/web0.yaml has uncommitted changes";
    assert!(next.stderr.contains(said), "{next:#?}");
    assert_eq!(
        repository.remote(&["show", "main:apps/web0.yaml"]).trim(),
        old(0).trim()
    );
}

#[test]
fn commit_that_was_pushed_or_extended_since_a_kill_stays() {
    for is_pushed in [true, false] {
        let repository = repository(1);
        wrap_git(&repository);
        let runs = {
            let probe = self::repository(1);
            wrap_git(&probe);
            run_until(&probe, "never").expect(0);
            fs::read_to_string(probe.environment.home().join("runs")).expect("runs")
        };
        let push = runs.lines().position(|words| words.starts_with("push"));
        let push = push.expect("a push") + 1;
        run_until(&repository, &format!("before {push}"));
        if is_pushed {
            repository.git(&["push", "--quiet"]);
        } else {
            repository.git(&["commit", "--quiet", "--allow-empty", "--message=mine"]);
        }
        let head = repository.head();
        let next = run_until(&repository, "never").expect(0);
        assert!(!next.stderr.contains("was taken back"), "{next:#?}");
        assert_eq!(repository.head(), head);
    }
}
