//! Starts the `git` program.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::error::GitError;
use crate::child_output;
use crate::secrets;

/// The most that is read of each stream, in bytes. A status of 100,000 changed paths fits.
const MAX_OUTPUT: u64 = 16 << 20;

/// How long git may wait for another repository.
const NETWORK_LIMIT: Duration = Duration::from_secs(600);

/// Variables that would make git use another repository than the one that was named, for
/// example because a hook has started this program, or read a path as a pattern.
const REDIRECTING: [&str; 11] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// Settings under which nothing that comes from a repository is executed. They come before
/// those of the user and of the repository. The user's own programs for credentials, signatures
/// and ssh still run.
const OF_OTHERS: [&str; 12] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    // Files of LFS stay what they are in the repository: pointers.
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    // The clone is removed soon.
    "gc.auto=0",
    "maintenance.auto=false",
];

/// The git program in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
    asking: GitQuestions,
    /// Whether the content of the repository is not the user's, so that it may start nothing.
    is_of_others: bool,
}

/// Whether git may ask the user, for example for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitQuestions {
    /// Somebody can answer at the terminal.
    Allowed,
    /// Git fails instead.
    Never,
}

/// What git printed, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct GitOutput {
    pub(crate) is_success: bool,
    pub(crate) stdout: Vec<u8>,
    /// Both streams, as text: hooks use either.
    pub(crate) message: String,
}

impl Git {
    pub(crate) fn in_folder(folder: &Path, asking: GitQuestions) -> Self {
        Self {
            folder: folder.to_owned(),
            asking,
            is_of_others: false,
        }
    }

    /// The same for a repository whose content may start nothing.
    pub(crate) fn of_others(self) -> Self {
        Self {
            is_of_others: true,
            ..self
        }
    }

    /// The same in another folder.
    pub(crate) fn moved_to(&self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..self.clone()
        }
    }

    /// Runs git, with this text as its standard input.
    ///
    /// # Errors
    ///
    /// Git cannot be started, or prints too much.
    pub(crate) async fn run(&self, words: &[&str], stdin: &str) -> Result<GitOutput, GitError> {
        let mut command = Command::new("git");
        for name in REDIRECTING {
            command.env_remove(name);
        }
        if self.asking == GitQuestions::Never {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        if self.is_of_others {
            command.env("GIT_LFS_SKIP_SMUDGE", "1");
            for setting in OF_OTHERS {
                command.args(["-c", setting]);
            }
        }
        let mut child = command
            .args(words)
            // Only a run with a time limit is ever abandoned.
            .kill_on_drop(true)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::NotStarted)?;
        if let Some(mut pipe) = child.stdin.take() {
            // Git may end before it reads its input; its exit code says why.
            let _ = pipe.write_all(stdin.as_bytes()).await;
        }
        let output = child_output::read(&mut child, MAX_OUTPUT)
            .await
            .map_err(GitError::NotStarted)?;
        let is_long = |bytes: &[u8]| u64::try_from(bytes.len()).is_ok_and(|all| all > MAX_OUTPUT);
        if is_long(&output.stdout) {
            return Err(GitError::TooLong);
        }
        Ok(GitOutput {
            is_success: output.status.success(),
            message: message(&output.stderr, &output.stdout),
            stdout: output.stdout,
        })
    }

    /// Runs git for something that needs another repository, with a time limit.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`], or the time is over.
    pub(crate) async fn run_remote(&self, words: &[&str]) -> Result<GitOutput, GitError> {
        match tokio::time::timeout(NETWORK_LIMIT, self.run(words, "")).await {
            Ok(output) => output,
            Err(_) => Err(GitError::TooSlow(NETWORK_LIMIT.as_secs() / 60)),
        }
    }

    /// The standard output of a run that has to succeed.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`], or git failed.
    pub(crate) async fn read(&self, words: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = self.run(words, "").await?;
        if output.is_success {
            Ok(output.stdout)
        } else {
            Err(GitError::Failed(output.message))
        }
    }

    /// The one line that a run prints; `None` if it failed.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`].
    pub(crate) async fn line(&self, words: &[&str]) -> Result<Option<String>, GitError> {
        let output = self.run(words, "").await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Ok(Some(line.to_owned()).filter(|line| output.is_success && !line.is_empty()))
    }
}

/// What a run said, without the passwords of URLs.
fn message(stderr: &[u8], stdout: &[u8]) -> String {
    let streams = [stderr, stdout].map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        secrets::redact(text.trim()).into_owned()
    });
    let said: Vec<String> = streams
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    if said.is_empty() {
        return "git failed without a message".to_owned();
    }
    said.join("\n")
}
