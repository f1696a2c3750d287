//! Releases of the plugin: archives as `make dist` packs them, served where their
//! URIs say, and the krew manifest with their sums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sha2::{Digest, Sha256};

use crate::binary;
use crate::krew_manifest::{TEMPLATE, filled_in};
use crate::test_registry::server_thread::{ServerThread, listen};

/// Packs archives; see there.
const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/dist-archive");

/// The platforms of a release, in krew's words.
pub(crate) const PLATFORMS: [(&str, &str); 5] = [
    ("darwin", "amd64"),
    ("darwin", "arm64"),
    ("linux", "amd64"),
    ("linux", "arm64"),
    ("windows", "amd64"),
];

/// A place on loopback that stands for the host of the real releases.
pub(crate) struct Releases {
    folder: tempfile::TempDir,
    address: String,
    _server: ServerThread,
}

impl Releases {
    /// Without any release yet.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (listener, address) = listen();
        let address = format!("http://{address}");
        let app = Router::new()
            .fallback(download)
            .with_state(folder.path().to_path_buf());
        let server = ServerThread::start(listener, async move |listener| {
            let _ = axum::serve(listener, app).await;
        });
        Self {
            folder,
            address,
            _server: server,
        }
    }

    /// Publishes a program under a tag, and tells the manifest of that release.
    pub(crate) fn publish(&self, tag: &str, program: &Path) -> String {
        let template = TEMPLATE.replace("https://github.com", &self.address);
        let archives = self.folder.path().join(tag);
        pack_all(program, &archives);
        filled_in(&template, tag, |uri| {
            let path = self.file(uri.strip_prefix(&self.address).expect("its own"));
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let name = path.file_name().expect("a name");
            fs::copy(archives.join(name), &path).expect("the archive that the manifest names");
            sum(&fs::read(&path).expect("readable"))
        })
    }

    fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }
}

async fn download(State(folder): State<PathBuf>, request: Request) -> Result<Vec<u8>, StatusCode> {
    let path = folder.join(request.uri().path().trim_start_matches('/'));
    fs::read(path).map_err(|_| StatusCode::NOT_FOUND)
}

/// The SHA-256 of some bytes, in hexadecimal.
fn sum(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This machine, in krew's words.
pub(crate) fn here() -> (&'static str, &'static str) {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    (os, arch)
}

/// Packs a program for this machine. Programs of other systems are not at hand
/// and krew runs none, so the licence stands for them.
fn pack_all(program: &Path, to: &Path) {
    let licence = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE"));
    for platform in PLATFORMS {
        let program = if platform == here() { program } else { licence };
        pack(program, platform, to);
    }
}

/// Packs a program as `.ci/dist` does, with what goes beside it made by the
/// program under test; gives back the archive.
pub(crate) fn pack(program: &Path, (os, arch): (&str, &str), to: &Path) -> PathBuf {
    let beside = tempfile::tempdir().expect("a folder");
    let man = beside.path().join("man");
    crate::man::write(kubectl_imgpolicy::cli::command(), &man).expect("man pages");
    let completion = beside.path().join("kubectl_complete-imgpolicy");
    let script = binary::command(&binary::path(), beside.path(), Path::new("/nonexistent"))
        .args(["completion", "kubectl"])
        .output()
        .expect("the binary runs");
    fs::write(&completion, script.stdout).expect("written");
    let output = Command::new(PACK)
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .args(["--platform", &format!("{os}-{arch}")])
        .args([Path::new("--binary"), program])
        .args([Path::new("--man"), &man])
        .args([Path::new("--completion"), &completion])
        .args([Path::new("--to"), to])
        .output()
        .expect("python3 is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let path = String::from_utf8(output.stdout).expect("a path");
    PathBuf::from(path.trim_end())
}

/// The program under test without what is for debuggers, as a release has it.
pub(crate) fn stripped(folder: &Path) -> PathBuf {
    let program = folder.join("stripped");
    // By another process: no program starts that one of ours has open for writing.
    let copied = Command::new("cp")
        .args([&binary::path(), &program])
        .status();
    assert!(copied.expect("cp").success());
    let strip = Command::new("strip").arg(&program).status();
    assert!(strip.expect("strip is there").success());
    program
}

/// A program that differs from another one in the version that it tells.
pub(crate) fn with_version(program: &Path, old: &str, new: &str) -> PathBuf {
    assert_eq!(old.len(), new.len(), "the program keeps its length");
    let mut bytes = fs::read(program).expect("readable");
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, text)| *text == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{old} is nowhere in the program");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    let changed = program.with_extension(new);
    fs::write(&changed, bytes).expect("written");
    changed
}
