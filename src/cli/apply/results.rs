//! What became of each workload of a plan, told as kubectl tells it.

use std::time::Duration;

use super::pipeline::{Manner, rollback_command};
use super::result_lines::{INTERRUPTED_WRITE, ResultLines};
use crate::cli::terminal::streams::Terminal;
use crate::output::WriteResult;
use crate::plan::{Change, Plan};
use crate::workload::{ManifestSource, WorkloadId};
use crate::write::{Applied, Done, DryRun, Rollout, WaitEvent};

/// The words of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording {
    /// `Update` 3 workloads.
    pub(crate) action: &'static str,
    /// deployment.apps/web `image updated`.
    pub(crate) line: &'static str,
    /// 2 `updated`.
    pub(crate) done: &'static str,
    /// Said where the plan is empty.
    pub(crate) nothing: &'static str,
}

/// What was told of one workload.
#[derive(Debug)]
pub(crate) struct Told {
    workload: WorkloadId,
    source: Option<ManifestSource>,
    pub(crate) result: WriteResult,
    /// Why it failed.
    pub(crate) error: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Ctrl-C ended the run before its end.
    pub(crate) is_interrupted: bool,
}

impl Told {
    pub(crate) fn is_about(&self, change: &Change) -> bool {
        self.workload == change.workload && self.source == change.source
    }

    pub(crate) fn is_failure(&self) -> bool {
        matches!(self.result, WriteResult::Failed | WriteResult::NotStarted)
    }
}

/// Tells of workloads as they are done.
pub(crate) struct Teller<'a> {
    manner: &'a Manner<'a>,
    terminal: &'a mut Terminal,
    told: Vec<Told>,
    lines: ResultLines,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(
        manner: &'a Manner<'a>,
        stdout_is_taken: bool,
        terminal: &'a mut Terminal,
    ) -> Self {
        Self {
            manner,
            terminal,
            told: Vec::new(),
            lines: ResultLines {
                output: manner.output,
                dry_run: manner.flags.dry_run(),
                stdout_is_taken,
                is_alone: false,
            },
        }
    }

    /// A workload was written, or not.
    pub(crate) fn applied(&mut self, applied: &Applied) {
        let Applied {
            workload,
            source,
            result,
            notes,
        } = applied;
        let lines = self.lines;
        let (result, error) = match result {
            Ok(Done::Written) => {
                lines.done(workload, self.manner.wording.line, self.terminal);
                match lines.dry_run {
                    DryRun::None => (WriteResult::Updated, None),
                    DryRun::Client | DryRun::Server => (WriteResult::Planned, None),
                }
            }
            Ok(Done::Unchanged) => {
                lines.done(workload, "unchanged", self.terminal);
                (WriteResult::Unchanged, None)
            }
            Ok(Done::NotStarted) => {
                self.terminal
                    .tell(&format!("{workload}: not started after the failure"));
                (WriteResult::NotStarted, None)
            }
            Err(error) => {
                let error = lines.failed(workload, error, self.terminal);
                (WriteResult::Failed, Some(error))
            }
        };
        for note in notes {
            self.terminal.tell(&format!("{workload}: {note}"));
        }
        self.told.push(Told {
            workload: workload.clone(),
            source: source.clone(),
            result,
            error,
            notes: notes.clone(),
            is_interrupted: false,
        });
    }

    /// The same where rollouts are followed.
    pub(crate) fn event(&mut self, event: &WaitEvent<'_>, limit: Duration) {
        let (id, error) = match event {
            WaitEvent::Applied(applied) => return self.applied(applied),
            WaitEvent::Waiting(id, text) => {
                return self.terminal.tell(&format!("{id}: waiting: {text}"));
            }
            WaitEvent::Ended(id, Rollout::Complete) => {
                return self.terminal.tell(&format!("{id}: rolled out"));
            }
            WaitEvent::Ended(id, Rollout::Still(why)) => {
                let line = format!("{id}: nothing to wait for: {why}");
                return self.terminal.tell(&line);
            }
            WaitEvent::Ended(id, Rollout::Failed(why)) => {
                (id, format!("the rollout failed: {why}"))
            }
            WaitEvent::Ended(id, Rollout::TimedOut(waiting)) => {
                let limit = jiff::SignedDuration::try_from(limit).unwrap_or_default();
                (id, format!("not rolled out within {limit:#}: {waiting}"))
            }
        };
        self.terminal.complain(&format!("error: {id}: {error}"));
        self.tell_rollback(id);
        if let Some(told) = self.told.iter_mut().rfind(|told| told.workload == **id) {
            told.result = WriteResult::Failed;
            told.error = Some(error);
        }
    }

    /// Ctrl-C: what was not told of may have been written or not.
    pub(crate) fn interrupted(&mut self, plan: &Plan) {
        if let Some(last) = self.told.last().filter(|_| self.manner.wait.is_some()) {
            let id = last.workload.clone();
            self.tell_rollback(&id);
        }
        self.terminal.tell(INTERRUPTED_WRITE);
        for change in &plan.changes {
            if self.told.iter().any(|told| told.is_about(change)) {
                continue;
            }
            self.told.push(Told {
                workload: change.workload.clone(),
                source: change.source.clone(),
                result: WriteResult::NotStarted,
                error: Some("interrupted".to_owned()),
                notes: Vec::new(),
                is_interrupted: true,
            });
        }
        if let Some(told) = self.told.last_mut() {
            told.is_interrupted = true;
        }
    }

    /// Everything that was told.
    pub(crate) fn end(self) -> Vec<Told> {
        self.told
    }

    fn tell_rollback(&mut self, id: &WorkloadId) {
        let command = rollback_command(id, &self.manner.registry);
        self.terminal.tell(&format!("roll back with: {command}"));
    }
}
