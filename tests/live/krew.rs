//! Installation as users do it: a real krew, with a local index and local archives,
//! and the commands that a user types.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;

use crate::binary::{self, Run};
use crate::process::tool;
use crate::releases::{PLATFORMS, Releases, here, pack, stripped, with_version};

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// A user with kubectl and krew, and nothing from the caller's environment.
struct User {
    home: tempfile::TempDir,
    index: PathBuf,
}

impl User {
    /// A user whose index has this manifest.
    fn new(manifest: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let programs = home.path().join("bin");
        fs::create_dir(&programs).expect("a folder");
        symlink(tool("KUBECTL"), programs.join("kubectl")).expect("a link");
        symlink(tool("KREW"), programs.join("kubectl-krew")).expect("a link");
        let check = programs.join("validate-krew-manifest");
        symlink(tool("VALIDATE_KREW_MANIFEST"), check).expect("a link");
        let index = home.path().join("index");
        fs::create_dir_all(index.join("plugins")).expect("a folder");
        let user = Self { home, index };
        user.git(&["init", "--quiet"]);
        user.index(manifest);
        user
    }

    /// Puts this manifest into the index.
    fn index(&self, manifest: &str) {
        fs::write(self.index.join("plugins/imgpolicy.yaml"), manifest).expect("written");
        self.git(&["add", "--all"]);
        let name = [
            "-c",
            "user.name=index",
            "-c",
            "user.email=index@index.example",
        ];
        self.git(&[&name[..], &["commit", "--quiet", "-m", "imgpolicy"]].concat());
    }

    fn git(&self, words: &[&str]) {
        let run: Run = self
            .command("git")
            .current_dir(&self.index)
            .args(words)
            .output()
            .expect("git is there")
            .into();
        assert_eq!(run.code, 0, "{run:?}");
    }

    fn krew_root(&self) -> PathBuf {
        self.home.path().join(".krew")
    }

    /// A program in the user's environment. PATH has no folder that already holds the
    /// plugin, so only krew's is found.
    fn command(&self, program: &str) -> Command {
        let caller = std::env::var_os("PATH").unwrap_or_default();
        let others = std::env::split_paths(&caller)
            .filter(|folder| !folder.join("kubectl-imgpolicy").exists());
        let own = [self.krew_root().join("bin"), self.home.path().join("bin")];
        let path = std::env::join_paths(own.into_iter().chain(others)).expect("a PATH");
        // Looked up here because a Command searches the caller's PATH.
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{program} is not on PATH"));
        let mut command = binary::command(
            &found,
            self.home.path(),
            Path::new("/nonexistent/kubeconfig"),
        );
        command
            .env("PATH", path)
            .env("KREW_ROOT", self.krew_root())
            .env(
                "KREW_DEFAULT_INDEX_URI",
                format!("file://{}", self.index.display()),
            )
            .env("KREW_NO_UPGRADE_CHECK", "1");
        command
    }

    /// Runs a command line that begins with `kubectl`.
    fn types(&self, line: &str) -> Run {
        let mut words = line.split(' ');
        let mut command = self.command(words.next().expect("a program"));
        command.args(words).output().expect("kubectl runs").into()
    }

    /// Runs a command line that must succeed.
    #[track_caller]
    fn gets(&self, line: &str) -> Run {
        let run = self.types(line);
        assert_eq!(run.code, 0, "{line}: {run:?}");
        run
    }
}

#[test]
fn krew_installs_upgrades_and_removes_the_plugin() {
    let (releases, folder) = (Releases::start(), tempfile::tempdir().expect("a folder"));
    let program = stripped(folder.path());
    let user = User::new(&releases.publish(VERSION, &program));

    user.gets("kubectl krew update");
    let found = user.gets("kubectl krew search imgpolicy");
    assert!(
        found.stdout.contains("See which image updates wait"),
        "{found:?}"
    );
    let installed = user.gets("kubectl krew install imgpolicy");
    let output = format!("{}{}", installed.stdout, installed.stderr);
    assert!(output.contains("Installed plugin: imgpolicy"), "{output}");
    assert!(output.contains("kubectl imgpolicy status -A"), "{output}");

    let version = user.gets("kubectl imgpolicy version");
    assert_eq!(version.stdout, format!("Client Version: {VERSION}\n"));
    let kept = user.krew_root().join("store/imgpolicy").join(VERSION);
    for file in ["LICENSE", "README.md", "man/kubectl-imgpolicy-status.1"] {
        assert!(kept.join(file).is_file(), "{file}");
    }
    let completion = user.gets("kubectl imgpolicy __complete vers");
    assert!(completion.stdout.starts_with("version\t"), "{completion:?}");

    // A version of the same length that was never released.
    let next = format!("v9{}", &VERSION[2..]);
    let program = with_version(&program, VERSION, &next);
    user.index(&releases.publish(&next, &program));
    user.gets("kubectl krew upgrade");
    let version = user.gets("kubectl imgpolicy version");
    assert_eq!(version.stdout, format!("Client Version: {next}\n"));
    assert!(!kept.exists(), "the old version is still there");

    user.gets("kubectl krew uninstall imgpolicy");
    let gone = user.types("kubectl imgpolicy version");
    assert_eq!((gone.code, gone.stdout.as_str()), (1, ""), "{gone:?}");
    assert!(
        gone.stderr.contains("unknown command \"imgpolicy\""),
        "{gone:?}"
    );
}

#[test]
fn manifest_serves_exactly_the_five_platforms() {
    let releases = Releases::start();
    let user = User::new(&releases.publish(VERSION, &placeholder_binary()));
    user.gets("kubectl krew update");
    for (os, arch) in PLATFORMS {
        let run: Run = user
            .command("kubectl")
            .env("KREW_OS", os)
            .env("KREW_ARCH", arch)
            .args(["krew", "install", "imgpolicy"])
            .output()
            .expect("kubectl runs")
            .into();
        assert_eq!(run.code, 0, "{os}/{arch}: {run:?}");
        let end = if os == "windows" { ".exe" } else { "" };
        let kept = user.krew_root().join("store/imgpolicy").join(VERSION);
        assert!(
            kept.join(format!("kubectl-imgpolicy{end}")).is_file(),
            "{os}/{arch}"
        );
        user.gets("kubectl krew uninstall imgpolicy");
    }
    let run: Run = user
        .command("kubectl")
        .env("KREW_OS", "linux")
        .env("KREW_ARCH", "riscv64")
        .args(["krew", "install", "imgpolicy"])
        .output()
        .expect("kubectl runs")
        .into();
    assert_ne!(run.code, 0, "{run:?}");
}

/// A short file is enough for tests that never run the program.
fn placeholder_binary() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("LICENSE")
}

#[test]
fn krew_validation_accepts_the_manifest_and_every_archive() {
    let releases = Releases::start();
    let manifest = releases.publish(VERSION, &placeholder_binary());
    let user = User::new(&manifest);
    let check = |manifest: &str, flags: &[&str]| -> Run {
        let file = user.home.path().join("imgpolicy.yaml");
        fs::write(&file, manifest).expect("written");
        let mut command = user.command("validate-krew-manifest");
        let output = command.arg("-manifest").arg(&file).args(flags).output();
        output.expect("the check runs").into()
    };
    let structure = check(&manifest, &["-skip-install"]);
    assert_eq!(structure.code, 0, "{structure:?}");
    let installed = check(&manifest, &[]);
    assert_eq!(installed.code, 0, "{installed:?}");
    assert!(
        installed
            .stderr
            .contains("all 5 spec.platforms installed fine"),
        "{installed:?}"
    );

    // The check rejects a wrong manifest.
    let unversioned = manifest.replace(&format!("version: {VERSION}"), "version: 1.2.3");
    assert_ne!(check(&unversioned, &["-skip-install"]).code, 0);
    let sum = manifest.split("sha256: ").nth(1).expect("a sum");
    let damaged = manifest.replace(&sum[..64], &"0".repeat(64));
    assert_ne!(check(&damaged, &[]).code, 0);
}

/// An entry of a tar archive.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    mode: u64,
    owner: (u64, u64),
    time: u64,
    kind: char,
}

fn entries(archive: &Path) -> Vec<Entry> {
    let mut bytes = Vec::new();
    let file = fs::File::open(archive).expect("an archive");
    GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    let mut found = Vec::new();
    let mut at = 0;
    while bytes.get(at).is_some_and(|byte| *byte != 0) {
        let header = &bytes[at..at + 512];
        let text = |from: usize, to: usize| {
            let text = String::from_utf8_lossy(&header[from..to]).into_owned();
            text.trim_matches(['\0', ' ']).to_owned()
        };
        let number = |from, to| u64::from_str_radix(&text(from, to), 8).expect("octal");
        let size = usize::try_from(number(124, 136)).expect("small");
        found.push(Entry {
            name: text(0, 100),
            mode: number(100, 108),
            owner: (number(108, 116), number(116, 124)),
            time: number(136, 148),
            kind: char::from(header[156]),
        });
        at += 512 + size.div_ceil(512) * 512;
    }
    found
}

#[test]
fn archive_holds_ordered_regular_files_without_an_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = entries(&pack(&placeholder_binary(), here(), folder.path()));
    let names: Vec<&str> = packed.iter().map(|entry| entry.name.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    for name in ["LICENSE", "README.md", "man/kubectl-imgpolicy.1"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for entry in &packed {
        let runs = ["kubectl-imgpolicy", "kubectl_complete-imgpolicy"];
        let mode = if runs.contains(&entry.name.as_str()) {
            0o755
        } else {
            0o644
        };
        let expected = (mode, (0, 0), 1_767_225_600, '0');
        let found = (entry.mode, entry.owner, entry.time, entry.kind);
        assert_eq!(found, expected, "{entry:?}");
    }
    let windows = entries(&pack(
        &placeholder_binary(),
        ("windows", "amd64"),
        folder.path(),
    ));
    let names: Vec<&str> = windows.iter().map(|entry| entry.name.as_str()).collect();
    assert!(names.contains(&"kubectl-imgpolicy.exe"), "{names:?}");
    assert!(!names.contains(&"kubectl_complete-imgpolicy"), "{names:?}");
}

#[test]
fn archives_are_reproducible() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = pack(&placeholder_binary(), here(), &folder.path().join("first"));
    // A different time, different permissions, a different name.
    let copy = folder.path().join("copy");
    fs::write(&copy, fs::read(placeholder_binary()).expect("readable")).expect("written");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
    let file = fs::File::options().write(true).open(&copy).expect("a file");
    file.set_modified(old).expect("set");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&copy, private).expect("set");
    let second = pack(&copy, here(), &folder.path().join("second"));
    let bytes = |path: &Path| fs::read(path).expect("an archive");
    assert!(bytes(&first) == bytes(&second), "they differ");

    let sum = fs::read_to_string(format!("{}.sha256", second.display())).expect("a sum");
    let name = second.file_name().expect("a name").to_string_lossy();
    let (digits, named) = sum
        .trim_end()
        .split_once("  ")
        .expect("the format of sha256sum");
    assert_eq!((digits.len(), named), (64, name.as_ref()));
}
