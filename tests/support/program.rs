//! Runs the program as a user does, in an environment without anything from this
//! machine.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// An empty file, instead of those of this machine.
const NO_FILE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// The default time limit of a run. A run that takes longer is killed, and the test
/// fails.
const LIMIT: Duration = Duration::from_secs(40);

/// A home directory with files.
#[derive(Debug)]
pub struct TestEnvironment {
    home: tempfile::TempDir,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    /// `None` if it was ended by a signal.
    pub code: Option<i32>,
    /// The peak resident memory in KiB, if the system reports it.
    pub peak: Option<u64>,
    pub took: Duration,
}

/// A run that has not started yet.
#[derive(Debug)]
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

/// A run in progress.
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

    /// Writes a file below the home directory and returns its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(&path, text).expect("file");
        path
    }

    /// Runs the program with these arguments, in the home directory.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.program(args).run()
    }

    /// A run of the program that can be configured before it starts.
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

    /// Removes an environment variable that every run has by default.
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

    /// The command, to run it on a terminal.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Sets the time limit.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    pub fn run(self) -> Outcome {
        self.start().wait()
    }

    /// Starts the run without waiting for its end.
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
        // The program may end before it reads everything.
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

    /// Runs with a standard output that is already closed on the reading side.
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
    /// Kills the program with a signal that it cannot handle.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Sends the signal of Ctrl-C.
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

/// Reads `VmHWM`, which is the peak value, so the last reading is the peak of the run.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl Outcome {
    /// Asserts that it ended with this code, and prints everything if it did not.
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
