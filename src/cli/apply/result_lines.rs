//! One line for each workload that was written or not, as kubectl prints it.

use crate::cli::terminal::streams::Terminal;
use crate::output::Format;
use crate::output::sanitize;
use crate::workload::WorkloadId;
use crate::write::{DryRun, WriteError};

/// Said after Ctrl-C in a write.
pub(crate) const INTERRUPTED_WRITE: &str =
    "interrupted: what is not told of above may be written or not; a second run is safe";

/// How the lines are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultLines {
    /// `-o`; none: kubectl's lines.
    pub(crate) output: Option<Format>,
    pub(crate) dry_run: DryRun,
    /// Whether standard output gets the edited manifests, and nothing else.
    pub(crate) stdout_is_taken: bool,
    /// Whether one workload is all there is, so that errors need not name it.
    pub(crate) is_alone: bool,
}

impl ResultLines {
    /// `deployment.apps/web annotated (dry run)`, or the name alone.
    pub(crate) fn done(&self, workload: &WorkloadId, word: &str, terminal: &mut Terminal) {
        let name = workload.qualified();
        let line = match self.output {
            None => format!("{name} {word}{}", suffix(self.dry_run)),
            Some(Format::Name) => name,
            Some(_) => return,
        };
        let line = sanitize(&line);
        if self.stdout_is_taken {
            terminal.tell(&line);
        } else {
            terminal.print(&line);
        }
    }

    /// Tells why a workload was not written, and gives that as data has it.
    pub(crate) fn failed(
        &self,
        workload: &WorkloadId,
        error: &WriteError,
        terminal: &mut Terminal,
    ) -> String {
        // A text of the cluster's, such as a lock's message, may have lines.
        let told = error.to_string().replace(['\n', '\r'], " ");
        let (line, hint) = match error {
            WriteError::Cluster { message, hint } => {
                let is_named = self.is_alone || message.contains(workload.name.as_str());
                let line = match is_named {
                    true => message.clone(),
                    false => format!("{workload}: {message}"),
                };
                (line, hint.as_deref())
            }
            WriteError::File(_) => (format!("error: {told}"), None),
            WriteError::Refused(_) if self.is_alone => (format!("error: {told}"), None),
            WriteError::Refused(_) | WriteError::TakenBack { .. } | WriteError::Contended(_) => {
                (format!("error: {workload}: {told}"), None)
            }
        };
        terminal.complain(&line);
        if let Some(hint) = hint {
            terminal.tell(&format!("hint: {hint}"));
        }
        line.strip_prefix("error: ").unwrap_or(&line).to_owned()
    }
}

/// What stands behind a result that was not written.
pub(crate) fn suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}
