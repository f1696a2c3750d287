//! One line per workload, written or not, as kubectl prints it.

use crate::cli::terminal::streams::Terminal;
use crate::output::{Format, sanitize};
use crate::workload::WorkloadId;
use crate::write::{DryRun, WriteError};

/// Printed after Ctrl-C during a write, if something was not written.
pub(crate) const INTERRUPTED_WRITE: &str = "interrupted: workloads not listed above were not \
     written; it is safe to run this again";

/// How the lines are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultLines {
    /// `-o`; `None`: kubectl's lines.
    pub(crate) output: Option<Format>,
    pub(crate) dry_run: DryRun,
    /// Whether standard output gets the edited manifests and nothing else.
    pub(crate) uses_stdout: bool,
}

impl ResultLines {
    /// `deployment.apps/web annotated (dry run)`, or the name alone.
    pub(crate) fn done(&self, workload: &WorkloadId, word: &str, terminal: &mut Terminal) {
        self.line(&workload.qualified(), word, terminal);
    }

    /// The same for anything that was written, by its name.
    pub(crate) fn line(&self, name: &str, word: &str, terminal: &mut Terminal) {
        let line = match self.output {
            None => format!("{name} {word}{}", dry_run_suffix(self.dry_run)),
            Some(Format::Name) => name.to_owned(),
            Some(_) => return,
        };
        let line = sanitize(&line);
        if self.uses_stdout {
            terminal.note(&line);
        } else {
            terminal.print(&line);
        }
    }

    /// Reports why a workload was not written, and returns the reason for the data.
    pub(crate) fn failed(
        &self,
        workload: &WorkloadId,
        error: &WriteError,
        terminal: &mut Terminal,
    ) -> String {
        // Text from the cluster, such as the message of a lock, may span several lines.
        let text = error.to_string().replace(['\n', '\r'], " ");
        let (line, hint) = match error {
            WriteError::Cluster { message, hint } => {
                let line = if message.contains(workload.name.as_str()) {
                    message.clone()
                } else {
                    format!("{workload}: {message}")
                };
                (line, hint.as_deref())
            }
            WriteError::File(_) => (format!("error: {text}"), None),
            WriteError::Refused(_)
            | WriteError::NotCommitted(_)
            | WriteError::TakenBack { .. }
            | WriteError::AnnotationNotKept { .. }
            | WriteError::Fenced(_)
            | WriteError::Contended(_) => (format!("error: {workload}: {text}"), None),
        };
        terminal.error(&line);
        if let Some(hint) = hint {
            terminal.note(&format!("hint: {hint}"));
        }
        line.strip_prefix("error: ").unwrap_or(&line).to_owned()
    }
}

/// The suffix of result lines in a dry run.
pub(crate) fn dry_run_suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}
