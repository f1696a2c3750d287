//! Starts the kustomize program.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use tokio::process::Command;

use super::private_copy::PrivateCopy;
use crate::child_output::{self, ChildOutput};

/// How long one build may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The most that is read of each stream, in bytes.
const MAX_OUTPUT: u64 = 64 << 20;

/// The longest message that is shown, in characters.
const MAX_MESSAGE: usize = 1_000;

/// An address where no proxy answers. Paths are checked before, and this is a second barrier.
const NO_PROXY_THERE: &str = "http://127.0.0.1:9";

/// Variables without which programs do not start on Windows.
const OF_THE_SYSTEM: [&str; 3] = ["SystemRoot", "SystemDrive", "windir"];

/// A program that builds kustomizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The absolute path.
    pub(crate) path: PathBuf,
    pub(crate) kind: ProgramKind,
}

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgramKind {
    /// `kustomize build`.
    Kustomize,
    /// `kubectl kustomize`.
    Kubectl,
}

impl Program {
    /// Builds a folder of the copy. Returns what the program prints.
    ///
    /// # Errors
    ///
    /// It cannot be started, takes too long, prints too much, or fails; the reason.
    pub(crate) async fn build(&self, copy: &PrivateCopy, root: &str) -> Result<String, String> {
        let verb = match self.kind {
            ProgramKind::Kustomize => "build",
            ProgramKind::Kubectl => "kustomize",
        };
        let root = copy.place(root);
        let output = self.run(&[verb.as_ref(), root.as_os_str()], copy).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(message(&copy.with_own_paths(&said)));
        }
        String::from_utf8(output.stdout).map_err(|_| "it printed text that is not UTF-8".to_owned())
    }

    /// Its name and version, as it says itself.
    pub(crate) async fn version(&self, copy: &PrivateCopy) -> String {
        let (words, name): (&[&str], _) = match self.kind {
            ProgramKind::Kustomize => (&["version"], "kustomize"),
            ProgramKind::Kubectl => (&["version", "--client"], "kubectl kustomize"),
        };
        let words: Vec<&std::ffi::OsStr> = words.iter().map(AsRef::as_ref).collect();
        let output = self.run(&words, copy).await;
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let said = said.unwrap_or_default();
        let mut lines = said.lines();
        let version = match self.kind {
            ProgramKind::Kustomize => lines.next(),
            ProgramKind::Kubectl => lines.find_map(|line| line.strip_prefix("Kustomize Version:")),
        };
        match version.map(str::trim).filter(|version| !version.is_empty()) {
            Some(version) => format!("{name} {}", shortened(version, 80)),
            None => format!("{name} ({})", self.path.display()),
        }
    }

    /// What tells it from another version, without starting it: its file, with the size and the
    /// time of the last change. `None`: these are not known.
    pub(crate) fn identity(&self) -> Option<String> {
        let path = fs::canonicalize(&self.path).ok()?;
        let found = fs::metadata(&path).ok()?;
        let since = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (kind, size) = (self.kind, found.len());
        Some(format!(
            "{kind:?} {size} {} {}",
            since.as_nanos(),
            path.display()
        ))
    }

    /// Runs it with as little as possible from outside.
    async fn run(
        &self,
        words: &[&std::ffi::OsStr],
        copy: &PrivateCopy,
    ) -> Result<ChildOutput, String> {
        let mut command = Command::new(&self.path);
        command
            .args(words)
            .env_clear()
            .envs(of_the_system())
            .env("PATH", copy.no_programs())
            .envs(
                ["HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
                    .map(|name| (name, copy.home())),
            )
            .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, copy.home())))
            .envs(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, NO_PROXY_THERE)))
            .current_dir(copy.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let program = self.path.display();
        let mut child = command
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        // On a time-out the child is dropped, which kills it.
        let output = tokio::time::timeout(LIMIT, child_output::read(&mut child, MAX_OUTPUT))
            .await
            .map_err(|_| format!("it was stopped after {} s", LIMIT.as_secs()))?
            .map_err(|error| error.to_string())?;
        let is_long = |bytes: &[u8]| u64::try_from(bytes.len()).is_ok_and(|all| all > MAX_OUTPUT);
        if is_long(&output.stdout) {
            return Err(format!("it printed more than {} MiB", MAX_OUTPUT >> 20));
        }
        Ok(output)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "these describe the system, and no decision depends on them"
)]
fn of_the_system() -> Vec<(&'static str, std::ffi::OsString)> {
    let names = OF_THE_SYSTEM.into_iter();
    names
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        .collect()
}

/// What a failed run said, on one line.
fn message(said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().collect();
    let text = words.join(" ");
    let text = text
        .strip_prefix("Error: ")
        .or(text.strip_prefix("error: "))
        .unwrap_or(&text);
    match text {
        "" => "it failed without a message".to_owned(),
        text => shortened(text, MAX_MESSAGE),
    }
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::manifest::ProgramInput;

    fn program(script: &str) -> (tempfile::TempDir, Program) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kustomize");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        let kind = ProgramKind::Kustomize;
        (folder, Program { path, kind })
    }

    fn copy() -> PrivateCopy {
        let mut copy = PrivateCopy::new().expect("a copy");
        let files = [(
            "/repo/prod/kustomization.yaml".to_owned(),
            b"a: b\n".to_vec(),
        )];
        let root = "/repo/prod".to_owned();
        copy.write(&ProgramInput {
            root,
            files: files.into(),
        })
        .expect("written");
        copy
    }

    #[tokio::test]
    async fn program_sees_only_the_copy_and_an_empty_environment() {
        let (_folder, program) = program(
            "echo \"$1 $PATH $HOME $KUBECONFIG\"; [ -f \"$2/kustomization.yaml\" ] && echo found\n\
             echo \"cannot read $2/x\" >&2; case $0 in *fails) exit 1;; esac",
        );
        let copy = copy();
        let said = program.build(&copy, "/repo/prod").await.expect("it ran");
        let expected = format!(
            "build {} {} \nfound\n",
            copy.no_programs().display(),
            copy.home().display()
        );
        assert_eq!(said, expected);
        let failing = program.path.with_file_name("fails");
        fs::copy(&program.path, &failing).expect("copied");
        let path = failing;
        let failing = Program { path, ..program };
        let error = failing
            .build(&copy, "/repo/prod")
            .await
            .expect_err("it fails");
        assert_eq!(error, "cannot read /repo/prod/x");
    }

    #[tokio::test]
    async fn missing_program_is_an_error() {
        let path = PathBuf::from("/nonexistent/kustomize");
        let kind = ProgramKind::Kustomize;
        let error = Program { path, kind }.build(&copy(), "/repo/prod").await;
        assert!(error.expect_err("none").contains("cannot be started"));
    }
}
