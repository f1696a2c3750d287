//! Replaces files atomically.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kubectl_imgpolicy::files::{PathOrStdin, read_from, read_text, rewrite};
use tempfile::TempDir;

const TASK: &str = "IMGPOLICY_REWRITE_TASK";

/// A user without permissions here.
const NOBODY: u32 = 65_534;

const OLD: &str = "a: 1\r\n";
const NEW: &str = "a: é\r\n";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yaml");
    fs::write(&file, OLD).expect("a file");
    (folder, file)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn is_root(path: &Path) -> bool {
    path.metadata().expect("metadata").uid() == 0
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("text")
    };
    let mut names: Vec<String> = fs::read_dir(folder).expect("a folder").map(name).collect();
    names.sort();
    names
}

#[test]
fn rewriting_keeps_mode_and_owner() {
    for bits in [0o600, 0o644, 0o755, 0o660] {
        let (folder, file) = folder();
        mode(&file, bits);
        if is_root(&file) {
            chown(&file, Some(1234), Some(5678)).expect("an owner");
        }
        let before = file.metadata().expect("metadata");
        rewrite(&file, OLD, NEW).expect("written");
        let after = file.metadata().expect("metadata");
        assert_eq!(read_text(&file).expect("read"), NEW);
        assert_eq!(after.mode() & 0o7777, bits);
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert_eq!(names(folder.path()), ["web.yaml"]);
    }
}

#[test]
fn link_is_kept_and_its_target_is_replaced() {
    let (folder, file) = folder();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (first, second) = (elsewhere.path().join("first"), elsewhere.path().join("2"));
    symlink(&file, &first).expect("a link");
    symlink("first", &second).expect("a link");
    rewrite(&second, OLD, NEW).expect("written");
    assert_eq!(fs::read_link(&second).expect("a link"), Path::new("first"));
    assert_eq!(fs::read_link(&first).expect("a link"), file);
    assert_eq!(fs::read_to_string(&file).expect("read"), NEW);
    assert_eq!(names(elsewhere.path()), ["2", "first"]);
    assert_eq!(names(folder.path()), ["web.yaml"]);
}

#[test]
fn file_changed_by_another_process_is_not_written() {
    for other in ["a: 1\n", "", "a: 1\r\n ", "b: 1\r\n"] {
        let (folder, file) = folder();
        fs::write(&file, other).expect("a file");
        let error = rewrite(&file, OLD, NEW).expect_err("refused").to_string();
        let expected = format!(
            "{} was changed by someone else in the meantime, so it was left unchanged; run the command again",
            file.display()
        );
        assert_eq!(error, expected);
        assert_eq!(fs::read_to_string(&file).expect("read"), other);
        assert_eq!(names(folder.path()), ["web.yaml"]);
    }
}

#[test]
fn target_that_is_not_a_file_is_reported() {
    let (folder, file) = folder();
    mode(&file, 0o444);
    let missing = folder.path().join("missing.yaml");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for (path, why) in [
        (file.as_path(), "it is read-only"),
        (&missing, "No such file or directory"),
        (&pipe, "it is not a regular file"),
        (folder.path(), "it is not a regular file"),
    ] {
        let error = rewrite(path, OLD, NEW).expect_err("refused").to_string();
        let start = format!("cannot write {}: {why}", path.display());
        assert!(error.starts_with(&start), "{error}");
        assert!(error.ends_with("; nothing was changed"), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).expect("read"), OLD);
    assert_eq!(names(folder.path()), ["pipe", "web.yaml"]);
}

#[test]
fn standard_input_is_kept_for_the_output() {
    let read =
        |paths: &[PathOrStdin], text: &str| read_from(paths, false, "shop", &mut text.as_bytes());
    let listing = read(&[PathOrStdin::Stdin], "# c\r\na: 1");
    assert_eq!(listing.stdin.as_deref(), Some("# c\r\na: 1"));
    let (_folder, file) = folder();
    let listing = read(&[PathOrStdin::Path(file)], "a: 1");
    assert_eq!(listing.stdin, None);
    assert_eq!(read(&[PathOrStdin::Stdin], " ").stdin, None);
}

#[test]
fn rewriting_keeps_hard_links() {
    let (folder, file) = folder();
    let other = folder.path().join("other.yaml");
    fs::hard_link(&file, &other).expect("a link");
    let inode = file.metadata().expect("metadata").ino();
    for (old, new) in [(OLD, NEW), (NEW, "a"), ("a", OLD)] {
        rewrite(&file, old, new).expect("written");
        assert_eq!(read_text(&file).expect("read"), new);
        assert_eq!(read_text(&other).expect("read"), new);
    }
    assert_eq!(file.metadata().expect("metadata").ino(), inode);
    assert_eq!(names(folder.path()), ["other.yaml", "web.yaml"]);
    let changed = rewrite(&other, NEW, "b").expect_err("changed").to_string();
    assert!(changed.contains("was changed"), "{changed}");
}

#[cfg(target_os = "linux")]
#[test]
fn rewriting_keeps_extended_attributes() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    let (_folder, file) = folder();
    let value = b"kept \0 whole";
    match setxattr(&file, "user.note", value, XattrFlags::empty()) {
        // Some file systems have none.
        Err(rustix::io::Errno::OPNOTSUPP) => return,
        set => set.expect("an attribute"),
    }
    rewrite(&file, OLD, NEW).expect("written");
    let mut found = [0_u8; 64];
    let length = getxattr(&file, "user.note", &mut found).expect("the attribute");
    assert_eq!(&found[..length], value);
}

/// A command that performs a task in a folder in another process: this program, which a
/// variable makes run [`child`].
fn task(program: &Path, words: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "manifest::rewrite::child", "--nocapture"])
        .env(TASK, format!("{words} {}", folder.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The child process of the tests here. When run as a test, it writes a file once.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a variable passes the task to the child"
)]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        let (_folder, file) = folder();
        return rewrite(&file, OLD, NEW).expect("written");
    };
    let (words, folder) = task.rsplit_once(' ').expect("words and a folder");
    let file = Path::new(folder).join("web.yaml");
    match words {
        "endless" => loop {
            let old = read_text(&file).expect("read");
            let new = if old.starts_with('a') { "b" } else { "a" };
            rewrite(&file, &old, &new.repeat(100_000)).expect("written");
        },
        "own-group" => rewrite(&file, OLD, NEW).expect("written"),
        words => {
            let error = rewrite(&file, OLD, NEW).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
            assert!(error.contains(folder), "{error}");
        }
    }
}

/// Performs a task as a user other than root.
#[track_caller]
fn as_nobody(words: &str, folder: &Path) {
    let this = std::env::current_exe().expect("this program");
    if !is_root(folder) {
        return run(task(&this, words, folder));
    }
    let program = tempfile::tempdir().expect("a folder");
    let copy = program.path().join("program");
    // A program cannot be started while it is open for writing, and other children of this
    // process briefly inherit its open files. So another process makes the copy.
    let copied = Command::new("cp").args([&this, &copy]).status();
    assert!(copied.expect("cp").success());
    mode(program.path(), 0o755);
    let mut command = task(&copy, words, folder);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    run(command);
}

#[track_caller]
fn run(mut command: Command) {
    let output = command.output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn folder_without_write_permission_is_reported() {
    let (folder, file) = folder();
    mode(&file, 0o666);
    mode(folder.path(), 0o555);
    as_nobody("because its folder", folder.path());
    mode(folder.path(), 0o755);
    assert_eq!(fs::read_to_string(&file).expect("read"), OLD);
    assert_eq!(names(folder.path()), ["web.yaml"]);
}

#[test]
fn file_of_another_user_is_reported_even_in_a_writable_folder() {
    let (folder, file) = folder();
    if !is_root(&file) {
        // Only root can create a file of another user.
        return;
    }
    mode(&file, 0o644);
    mode(folder.path(), 0o777);
    as_nobody("Permission denied", folder.path());
    assert_eq!(fs::read_to_string(&file).expect("read"), OLD);
    assert_eq!(names(folder.path()), ["web.yaml"]);
}

#[test]
fn non_root_writer_may_write_shared_files_of_others() {
    let (folder, file) = folder();
    mode(&file, 0o666);
    mode(folder.path(), 0o777);
    as_nobody("own-group", folder.path());
    assert_eq!(fs::read_to_string(&file).expect("read"), NEW);
    assert_eq!(file.metadata().expect("metadata").mode() & 0o777, 0o666);
}

#[test]
fn killed_writer_leaves_a_complete_file() {
    let (folder, file) = folder();
    fs::write(&file, "a".repeat(100_000)).expect("a file");
    let this = std::env::current_exe().expect("this program");
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..10 {
        let mut child = task(&this, "endless", folder.path())
            .spawn()
            .expect("a child");
        let end = Instant::now() + Duration::from_millis(150 + 7 * round);
        while Instant::now() < end {
            let text = fs::read_to_string(&file).expect("read");
            assert_eq!(text.len(), 100_000);
            assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]));
            seen.insert(text.as_bytes()[0]);
        }
        child.kill().expect("killed");
        child.wait().expect("an end");
        let text = fs::read_to_string(&file).expect("read");
        assert!(text == "a".repeat(100_000) || text == "b".repeat(100_000));
    }
    assert_eq!(seen.len(), 2, "nothing was written");
    // A file that a killed writer leaves behind must not look like a manifest.
    for name in names(folder.path()) {
        assert!(
            name == "web.yaml" || (name.starts_with(".web.yaml.") && name.ends_with(".tmp")),
            "{name}"
        );
    }
}
