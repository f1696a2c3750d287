//! Several processes that use one file, are killed, or have no write permission.
//!
//! The child processes are this test program; an environment variable makes it run
//! [`child`] with a task.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::file::FILE_NAME;
use super::tests::{at, fill, filled, found};
use crate::registry::cache::Cache;

const TASK: &str = "IMGPOLICY_CACHE_TASK";

/// A user without any permissions here.
const NOBODY: u32 = 65_534;

/// Creates a command that runs a task in a directory.
fn task(program: &Path, words: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "--exact",
            "registry::cache::sqlite::multi_process_tests::child",
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(TASK, format!("{words} {}", directory.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program")
}

#[track_caller]
fn succeeded(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// The child process of the other tests. Run as a test of its own, it does one
/// share of the work.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a variable passes the task to a child process"
)]
async fn child() {
    let Ok(task) = std::env::var(TASK) else {
        let directory = tempfile::tempdir().expect("directory");
        return share(directory.path(), 0).await;
    };
    let words: Vec<&str> = task.splitn(2, ' ').collect();
    let directory = Path::new(words[1]);
    match words[0] {
        "endless" => endless(directory).await,
        "full" => full(directory).await,
        "read-only" => read_only(directory).await,
        "unreadable" => unreadable(directory).await,
        number => share(directory, number.parse().expect("a number")).await,
    }
}

/// Writes its own entries and some that all processes write, and reads them back.
async fn share(directory: &Path, number: usize) {
    let cache = at(directory);
    for round in 0..10 {
        let start = 1000 * (number + 1) + 20 * round;
        fill(&cache, start..start + 20).await;
        fill(&cache, 0..20).await;
        assert_eq!(found(&cache, start..start + 20).await, 20);
    }
    let again = at(directory);
    let start = 1000 * (number + 1);
    assert_eq!(found(&again, start..start + 200).await, 200);
    assert_eq!(found(&again, 0..20).await, 20);
    assert_eq!(cache.warnings(), [""; 0]);
    assert_eq!(again.warnings(), [""; 0]);
}

/// Writes until it is killed.
async fn endless(directory: &Path) {
    let cache = at(directory);
    for round in 0.. {
        let start = 50 * (round % 200);
        fill(&cache, start..start + 50).await;
    }
}

/// Runs out of space: there is one warning, and existing entries can be read.
async fn full(directory: &Path) {
    let cache = at(directory);
    for start in (0..3000).step_by(100) {
        fill(&cache, start..start + 100).await;
    }
    let kept = found(&cache, 0..3000).await;
    assert!((100..3000).contains(&kept), "{kept}");
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("nothing new is stored"),
        "{warnings:?}"
    );
    assert!(!cache.is_off());
}

/// Reads entries of other processes, but cannot add any.
async fn read_only(directory: &Path) {
    let cache = at(directory);
    assert_eq!(found(&cache, 0..300).await, 300);
    fill(&cache, 300..310).await;
    assert_eq!(found(&cache, 0..310).await, 300);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("nothing new is stored"),
        "{warnings:?}"
    );
}

/// Can neither read nor write.
async fn unreadable(directory: &Path) {
    let cache = at(directory);
    fill(&cache, 0..10).await;
    assert_eq!(found(&cache, 0..10).await, 0);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("is not used"), "{warnings:?}");
    assert!(cache.is_off());
}

#[tokio::test]
async fn eight_processes_share_a_file_that_does_not_exist_yet() {
    let directory = tempfile::tempdir().expect("directory");
    let children: Vec<_> = (0..8)
        .map(|number| {
            let mut child = task(&this_program(), &number.to_string(), directory.path());
            child.spawn().expect("a child")
        })
        .collect();
    for child in children {
        succeeded(&child.wait_with_output().expect("an end"));
    }
    let cache = at(directory.path());
    for number in 0..8 {
        let start = 1000 * (number + 1);
        assert_eq!(found(&cache, start..start + 200).await, 200, "{number}");
    }
    assert_eq!(found(&cache, 0..20).await, 20);
    assert_eq!(cache.warnings(), [""; 0]);
}

/// Lets processes write until there are this many entries, then kills them while
/// they write. Returns the cache that was used to watch them.
async fn write_and_be_killed(directory: &Path, processes: usize, entries: usize) -> Cache {
    let write = || {
        task(&this_program(), "endless", directory)
            .spawn()
            .expect("a child")
    };
    let children: Vec<_> = (0..processes).map(|_| write()).collect();
    let cache = at(directory);
    let since = Instant::now();
    while found(&cache, 0..10_000).await < entries {
        assert!(since.elapsed() < Duration::from_secs(30), "nothing written");
    }
    for mut child in children {
        child.kill().expect("killed");
        child.wait().expect("an end");
    }
    cache
}

#[tokio::test]
async fn eight_processes_set_a_damaged_file_aside_only_once() {
    let directory = tempfile::tempdir().expect("directory");
    fs::write(directory.path().join(FILE_NAME), "damage ".repeat(2000)).expect("file");
    // The processes may warn about the damage, so they only write.
    drop(write_and_be_killed(directory.path(), 8, 2000).await);
    assert!(directory.path().join("metadata.db.corrupt-1").is_file());
    assert!(!directory.path().join("metadata.db.corrupt-2").exists());
    assert!(found(&at(directory.path()), 0..10_000).await >= 2000);
}

#[tokio::test]
async fn processes_killed_while_writing_leave_a_usable_file() {
    let directory = tempfile::tempdir().expect("directory");
    for round in 0..3 {
        let cache = write_and_be_killed(directory.path(), 3, 500 * (round + 1)).await;
        drop(cache);
        let cache = at(directory.path());
        // `found` checks every value.
        assert!(found(&cache, 0..10_000).await >= 500 * (round + 1));
        fill(&cache, 20_000..20_100).await;
        assert_eq!(found(&at(directory.path()), 20_000..20_100).await, 100);
        assert_eq!(cache.warnings(), [""; 0]);
    }
}

#[test]
fn full_disk_stops_writing_but_not_reading() {
    let directory = tempfile::tempdir().expect("directory");
    let task = task(&this_program(), "full", directory.path());
    // Limit the file size to this many blocks of 512 bytes; larger writes fail as
    // on a full disk.
    let mut limited = Command::new("/bin/sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(task.get_program())
        .args(task.get_args())
        .envs(
            task.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    succeeded(&limited.output().expect("a child"));
}

/// Runs a task as a user without write permission. Permissions do not restrict
/// root, so root runs it as nobody.
fn without_permission(words: &str, directory: &Path, mode: u32) {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let surroundings = tempfile::tempdir().expect("directory");
    let program = surroundings.path().join("program");
    let is_root = surroundings.path().metadata().expect("directory").uid() == 0;
    let mut command = if is_root {
        // A program cannot be started while it is open for writing, and for a moment
        // other child processes share the files that this process has open. So `cp`
        // writes the copy.
        let copied = Command::new("cp")
            .args([&this_program(), &program])
            .status();
        assert!(copied.expect("cp").success());
        set(surroundings.path(), 0o755);
        let mut command = task(&program, words, directory);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    } else {
        task(&this_program(), words, directory)
    };
    let mut paths = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).expect("directory") {
        paths.push(entry.expect("entry").path());
    }
    if is_root {
        for path in &paths {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("another owner");
        }
    }
    set(directory, mode);
    let output = command.output().expect("a child");
    set(directory, 0o700);
    succeeded(&output);
}

#[tokio::test]
async fn read_only_directory_can_be_read() {
    let (directory, _) = filled().await;
    without_permission("read-only", directory.path(), 0o500);
}

#[tokio::test]
async fn read_only_file_can_be_read() {
    let (directory, file) = filled().await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).expect("a mode");
    without_permission("read-only", directory.path(), 0o700);
}

#[tokio::test]
async fn read_only_directory_can_be_read_while_others_write() {
    let (directory, _) = filled().await;
    let writer = at(directory.path());
    fill(&writer, 0..300).await;
    for entry in fs::read_dir(directory.path()).expect("directory") {
        let file = entry.expect("entry").path();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).expect("a mode");
    }
    assert!(directory.path().join("metadata.db-wal").is_file());
    without_permission("read-only", directory.path(), 0o500);
}

#[test]
fn empty_read_only_directory_causes_one_warning() {
    let directory = tempfile::tempdir().expect("directory");
    without_permission("unreadable", directory.path(), 0o500);
}

#[tokio::test]
async fn inaccessible_directory_causes_one_warning() {
    let (directory, _) = filled().await;
    without_permission("unreadable", directory.path(), 0);
}
