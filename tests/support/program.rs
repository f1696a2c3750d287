//! The program itself, run as a user runs it, in surroundings that hold nothing
//! of this machine's.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A file that says nothing, in the place of those of this machine.
const NO_FILE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// No run of a test takes longer, unless it says so; one that does is killed and
/// fails the test.
const LIMIT: Duration = Duration::from_secs(40);

/// A home directory with files, and nothing else.
#[derive(Debug)]
pub struct TestEnvironment {
    home: tempfile::TempDir,
}

/// How one run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    /// The most memory that was resident, in KiB, where the system tells.
    pub peak: Option<u64>,
    pub took: Duration,
}

/// One run to be.
#[derive(Debug)]
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

/// A run that goes on.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<()>,
    heard: Arc<Mutex<Vec<u8>>>,
    started: Instant,
    limit: Duration,
    peak: Option<u64>,
}

impl TestEnvironment {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("directory");
        std::fs::create_dir(home.path().join("bin")).expect("bin");
        Self { home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home directory and gives back its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(&path, text).expect("file");
        path
    }

    /// The program with these arguments, in the home directory.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.program(args).run()
    }

    /// The same, to be changed before it runs.
    pub fn program<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-imgpolicy"));
        let path = std::env::join_paths([
            self.home().join("bin"),
            PathBuf::from("/usr/bin"),
            PathBuf::from("/bin"),
        ]);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("CONTAINERS_REGISTRIES_CONF", NO_FILE)
            .env("PATH", path.expect("PATH"))
            .current_dir(self.home())
            .args(args);
        Run {
            command,
            stdin: Vec::new(),
            limit: LIMIT,
        }
    }
}

impl Run {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away that every run has.
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// The command as it would run, for a terminal.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// May take so long.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    pub fn run(self) -> Outcome {
        self.start().wait()
    }

    /// Starts, and does not wait for the end.
    pub fn start(mut self) -> Running {
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin");
        let given = self.stdin;
        // The program may end without reading it.
        std::thread::spawn(move || drop(stdin.write_all(&given)));
        let mut stdout = child.stdout.take().expect("stdout");
        let mut stderr = child.stderr.take().expect("stderr");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        Running {
            child,
            stdout: std::thread::spawn(move || {
                let mut bytes = Vec::new();
                stdout.read_to_end(&mut bytes).expect("stdout");
                bytes
            }),
            stderr: std::thread::spawn(move || {
                let mut part = [0; 4096];
                while let Ok(length @ 1..) = stderr.read(&mut part) {
                    let mut heard = hears.lock().unwrap_or_else(PoisonError::into_inner);
                    heard.extend_from_slice(&part[..length]);
                }
            }),
            heard,
            started,
            limit: self.limit,
            peak: None,
        }
    }

    /// Runs with a standard output that nobody reads.
    pub fn run_unread(mut self) -> Outcome {
        let started = Instant::now();
        let (reader, writer) = std::io::pipe().expect("pipe");
        drop(reader);
        let output = self
            .command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("the program runs");
        Outcome {
            stdout: String::new(),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            code: output.status.code(),
            peak: None,
            took: started.elapsed(),
        }
    }
}

impl Running {
    /// Presses Ctrl-C.
    /// Ends the program as nothing can defend itself against.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    pub fn interrupt(&self) {
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("kill -INT {}", self.child.id())])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    pub fn wait(mut self) -> Outcome {
        let code = loop {
            self.peak = peak(self.child.id()).or(self.peak);
            if let Some(status) = self.child.try_wait().expect("status") {
                break status.code();
            }
            if self.started.elapsed() > self.limit {
                let _ = self.child.kill();
                let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                panic!(
                    "killed after {:?}: {}",
                    self.limit,
                    String::from_utf8_lossy(&heard)
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let took = self.started.elapsed();
        let stdout = self.stdout.join().expect("stdout");
        self.stderr.join().expect("stderr");
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Outcome {
            stdout: String::from_utf8(stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(heard.clone()).expect("UTF-8 on stderr"),
            code,
            peak: self.peak,
            took,
        }
    }
}

/// `VmHWM`: the system keeps the highest value, so that of the last moment is
/// that of the run.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl Outcome {
    /// It ended with this code; shows everything where it did not.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The items of a list in JSON.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        self.json()["items"].as_array().expect("items").clone()
    }

    /// The only item of a list in JSON.
    #[track_caller]
    pub fn item(&self) -> Value {
        let items = self.items();
        assert_eq!(items.len(), 1, "{self:#?}");
        items[0].clone()
    }
}
