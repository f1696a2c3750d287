//! How a command ends that cannot do what it was asked.

use std::fmt;
use std::process::ExitCode;

use super::terminal::Terminal;
use crate::cluster::ClusterError;
use crate::collect::CollectError;
use crate::evaluator::SnapshotError;

/// An end with a message.
#[derive(Debug)]
pub(super) struct CommandError {
    /// The exit code: 1 for a failure, 2 for a command that makes no sense.
    code: u8,
    /// The line to print, as kubectl words it.
    message: String,
}

impl CommandError {
    /// Something failed.
    pub(super) fn failed(message: impl fmt::Display) -> Self {
        Self {
            code: 1,
            message: format!("error: {message}"),
        }
    }

    /// The command line makes no sense.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self {
            code: 2,
            ..Self::failed(message)
        }
    }

    /// A line that is already worded.
    fn line(message: String) -> Self {
        Self { code: 1, message }
    }

    /// Prints the message and gives the exit code.
    pub(super) fn report(self, terminal: &mut Terminal) -> ExitCode {
        terminal.complain(&self.message);
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
