//! Runs `kubectl-imgpolicy` as a user would, in its own environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The result of a run of the binary.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }
}

impl Run {
    /// The standard output of a successful run, as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON")
    }

    /// The row of the container with this name in this workload.
    pub(crate) fn row(&self, workload: &str, container: &str) -> Value {
        let list = self.json();
        let items = list["items"].as_array().expect("a list");
        let is_it =
            |item: &&Value| item["workload"]["name"] == workload && item["container"] == container;
        let row = items.iter().find(is_it);
        row.unwrap_or_else(|| panic!("no row for {workload}: {self:?}"))
            .clone()
    }

    /// The lines of standard output, with single spaces between words.
    pub(crate) fn table(&self) -> Vec<String> {
        self.stdout
            .lines()
            .map(|line: &str| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }
}

/// The binary under test: cargo's, or `IMGPOLICY_E2E_BINARY`, for example the
/// release binary.
pub(crate) fn path() -> PathBuf {
    let given = std::env::var_os("IMGPOLICY_E2E_BINARY");
    given.map_or_else(
        || env!("CARGO_BIN_EXE_kubectl-imgpolicy").into(),
        PathBuf::from,
    )
}

/// A program with a kubeconfig. It inherits nothing from the caller's environment:
/// no proxy, KUBECONFIG, docker login, cache, or colour.
pub(crate) fn command(program: &Path, home: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("KUBECONFIG", kubeconfig)
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// Runs the binary.
pub(crate) fn imgpolicy(kubeconfig: &Path, arguments: &[&str]) -> Run {
    let home = tempfile::tempdir().expect("a folder");
    let output = command(&path(), home.path(), kubeconfig)
        .args(arguments)
        .output();
    output.expect("the binary runs").into()
}

/// Runs the binary and measures it.
pub(crate) fn measured(kubeconfig: &Path, arguments: &[&str]) -> (Run, Duration, Option<u64>) {
    let home = tempfile::tempdir().expect("a folder");
    measure(command(&path(), home.path(), kubeconfig).args(arguments))
}

/// Runs a command and measures its time and its peak memory in KiB (on Linux).
pub(crate) fn measure(command: &mut Command) -> (Run, Duration, Option<u64>) {
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let status = format!("/proc/{}/status", child.id());
    // The peak only grows, so the last value read is accurate until shortly before the end.
    let sampler = std::thread::spawn(move || {
        let mut peak = None;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            let Some(kib) = number.and_then(|number| number.parse().ok()) else {
                break;
            };
            peak = Some(kib);
            std::thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut stream = stream.expect("a pipe");
            stream.read_to_end(&mut text).expect("readable");
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let code = child.wait().expect("it ends").code().unwrap_or(-1);
    let took = started.elapsed();
    let run = Run {
        stdout: stdout.join().expect("read"),
        stderr: stderr.join().expect("read"),
        code,
    };
    (run, took, sampler.join().expect("sampled"))
}

/// Prints a message for the user, bypassing `cargo test`, which hides the output of
/// passing tests.
pub(crate) fn say(text: &str) {
    // A closed standard error is not a failure.
    let _ = writeln!(std::io::stderr(), "live: {text}");
}
