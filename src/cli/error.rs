//! How a command ends early.

use std::fmt;
use std::process::ExitCode;

use super::terminal::streams::Terminal;
use crate::cluster::ClusterError;
use crate::collect::CollectError;
use crate::evaluator::SnapshotError;
use crate::git::GitError;

/// The exit code after Ctrl-C, as a shell expects.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command ended early: an error, or the user's decision.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code: 1 for a failure, 2 for a command line that makes no sense, 130 after
    /// Ctrl-C.
    code: u8,
    /// The line to print, as kubectl words it.
    message: String,
    /// Whether the user stopped the command, which is not an error.
    is_declined: bool,
    /// Whether the message has several lines, each of which is printed.
    has_lines: bool,
}

/// Printed if the user declines: nothing that was shown has been done.
const NOTHING_CHANGED: &str = "nothing changed";

impl CommandError {
    /// Something failed.
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self {
            code: 1,
            message: format!("error: {message}"),
            is_declined: false,
            has_lines: false,
        }
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self {
            code: 2,
            ..Self::failed(message)
        }
    }

    /// A complete line, without the prefix `error:`.
    fn line(message: String) -> Self {
        Self {
            code: 1,
            message,
            is_declined: false,
            has_lines: false,
        }
    }

    /// The user said no, pressed Esc or closed the input.
    pub(crate) fn declined() -> Self {
        Self {
            code: 1,
            message: NOTHING_CHANGED.to_owned(),
            is_declined: true,
            has_lines: false,
        }
    }

    /// The user pressed Ctrl-C at a prompt.
    pub(crate) fn interrupted() -> Self {
        Self {
            code: INTERRUPTED,
            ..Self::declined()
        }
    }

    /// Git has failed. What it says may have several lines, with commands to copy.
    pub(crate) fn git(error: GitError) -> Self {
        Self {
            has_lines: true,
            ..Self::failed(error)
        }
    }

    /// The line that is printed.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the message and returns the exit code.
    pub(crate) fn report(self, terminal: &mut Terminal) -> ExitCode {
        if self.is_declined {
            terminal.note(&self.message);
        } else if self.has_lines {
            self.message.lines().for_each(|line| terminal.error(line));
        } else {
            terminal.error(&self.message);
        }
        ExitCode::from(self.code)
    }
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        Self::line(error.line())
    }
}

impl From<SnapshotError> for CommandError {
    fn from(error: SnapshotError) -> Self {
        Self::failed(error)
    }
}

impl From<CollectError> for CommandError {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Cluster(error) => error.into(),
            CollectError::Snapshot(error) => error.into(),
        }
    }
}
