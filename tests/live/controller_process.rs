//! A controller that runs while a test goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::binary::{command, path};
use crate::shop::Shop;

const WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct ControllerProcess {
    child: Child,
    home: tempfile::TempDir,
}

/// What a process uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Resident memory in KiB.
    pub(crate) resident: u64,
    /// The most that was resident, in KiB.
    pub(crate) peak: u64,
    /// Time on a core.
    pub(crate) cpu: Duration,
}

impl ControllerProcess {
    /// Starts `controller run` with these arguments, in the namespace of a shop.
    pub(crate) fn start(shop: &Shop, arguments: &[&str]) -> Self {
        Self::start_as(&shop.kubeconfig, arguments)
    }

    /// The same with another kubeconfig.
    pub(crate) fn start_as(kubeconfig: &Path, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let log = File::create(home.path().join("log")).expect("a file");
        let child = command(&path(), home.path(), kubeconfig)
            .args(["controller", "run"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        Self { child, home }
    }

    /// Everything that it has written.
    pub(crate) fn log(&self) -> String {
        let file: PathBuf = self.home.path().join("log");
        std::fs::read_to_string(file).expect("a log")
    }

    /// The lines that contain a text.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains(text));
        lines.map(str::to_owned).collect()
    }

    /// Waits for a line that contains a text.
    pub(crate) async fn says(&mut self, text: &str) {
        let started = Instant::now();
        while self.lines(text).is_empty() {
            let end = self.child.try_wait().expect("a state");
            assert!(end.is_none(), "it ended: {}", self.log());
            let log = self.log();
            assert!(started.elapsed() < WITHIN, "{text:?} is not in: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The resident memory now and at its peak in KiB, and the CPU time, where the system tells.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        // Its name may contain spaces, so what follows it is counted from its end.
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks: Vec<u64> = fields.get(11..13)?.iter().flat_map(|n| n.parse()).collect();
        let per_second = rustix::param::clock_ticks_per_second();
        Some(Usage {
            resident: field("VmRSS:")?,
            peak: field("VmHWM:")?,
            cpu: Duration::from_millis(ticks.iter().sum::<u64>() * 1000 / per_second),
        })
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        self.child.wait().expect("an end");
        self.log()
    }

    /// Stops the whole process for a while, or lets it go on.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        self.signal(if is_frozen {
            Signal::STOP
        } else {
            Signal::CONT
        });
    }

    fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration, String) {
        let started = Instant::now();
        self.signal(Signal::TERM);
        let end = self.child.wait().expect("an end");
        (end, started.elapsed(), self.log())
    }
}

impl Drop for ControllerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
