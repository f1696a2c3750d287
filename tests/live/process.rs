//! Programs that run as long as the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/tools/build.sh");
const SUPERVISE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/supervise.sh");

/// A program with its own folder. `supervise.sh` ends and removes both when this end
/// of its standard input closes: on drop, or when the tests end.
pub(crate) struct Process {
    pub(crate) folder: PathBuf,
    supervisor: Mutex<Child>,
}

impl Process {
    /// Starts a program; `arguments` are made from its new folder.
    pub(crate) fn start(program: &str, arguments: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let name = program.rsplit('/').next().unwrap_or(program);
        let folder = tempfile::Builder::new()
            .prefix(&format!("imgpolicy-live-{name}-"))
            .tempdir()
            .expect("a folder")
            .keep();
        let supervisor = Command::new(SUPERVISE)
            .arg(&folder)
            .arg(program)
            .args(arguments(&folder))
            // It reads none of the user's settings.
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            // Ctrl-C ends the tests, which ends this program.
            .process_group(0)
            .spawn()
            .expect("supervise.sh runs");
        Self {
            folder,
            supervisor: Mutex::new(supervisor),
        }
    }

    /// Whether the program is still running.
    pub(crate) fn runs(&self) -> bool {
        let mut supervisor = self.supervisor.lock().expect("no panic before");
        matches!(supervisor.try_wait(), Ok(None))
    }

    /// The program's output so far.
    pub(crate) fn log(&self) -> String {
        let log = format!("{}.log", self.folder.display());
        std::fs::read_to_string(log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(supervisor) = self.supervisor.get_mut() {
            drop(supervisor.stdin.take());
            let _ = supervisor.wait();
        }
    }
}

/// The path of a tool, after `build.sh` has built it.
pub(crate) fn tool(name: &str) -> &'static str {
    static TOOL_PATHS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let tools = TOOL_PATHS.get_or_init(|| {
        let output = Command::new(TOOLS)
            .args(cfg!(feature = "soak").then_some("--soak"))
            .stderr(Stdio::inherit())
            .output()
            .expect("build.sh runs");
        assert!(
            output.status.success(),
            "{TOOLS} failed; see its output above"
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, path)| (name.to_owned(), path.to_owned()))
            .collect()
    });
    tools.get(name).expect("build.sh names every tool")
}

/// Ports that were free just now, each of which is given to one caller only: several programs
/// start at the same time.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().expect("no panic before");
    loop {
        let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = listeners.map(|listener| listener.local_addr().expect("an address").port());
        if ports.iter().all(|port| !given.contains(port)) {
            given.extend(ports);
            return ports;
        }
    }
}

#[test]
fn no_process_or_folder_is_left_behind() {
    let process = Process::start("sh", |folder| {
        let file = folder.join("pid").display().to_string();
        let lines = format!("echo $$ >'{file}.new'; mv '{file}.new' '{file}'; exec sleep 600");
        vec!["-c".to_owned(), lines]
    });
    let folder = process.folder.clone();
    let pid = (0..1000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        std::fs::read_to_string(folder.join("pid")).ok()
    });
    let pid = pid.expect("it has started");
    let lives = || {
        let kill = Command::new("kill").args(["-0", pid.trim()]).output();
        kill.expect("kill runs").status.success()
    };
    assert!(lives() && process.runs());
    drop(process);
    assert!(!lives());
    assert!(!folder.exists());
    assert!(!Path::new(&format!("{}.log", folder.display())).exists());
}
