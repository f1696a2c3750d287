//! What became of each workload, in kubectl's words or as data.

use std::process::ExitCode;

use super::annotations::Manner;
use super::result_lines::{INTERRUPTED_WRITE, ResultLines, suffix};
use crate::cli::error::CommandError;
use crate::cli::gather::workloads::{INTERRUPTED, Origin};
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{Row, Snapshot};
use crate::output::{AnnotationEdit, AnnotationEditList, EditResult, Format, WorkloadItem, encode};
use crate::write::{Applied, Done, DryRun};

/// The results so far.
pub(crate) struct Results {
    items: Vec<AnnotationEdit>,
    /// The containers of the edited workloads, as they will be.
    pub(crate) effect: Vec<Row>,
    lines: ResultLines,
    is_interrupted: bool,
}

impl Results {
    pub(crate) fn new(workloads: usize, manner: &Manner<'_>, origin: &Origin) -> Self {
        let dry_run = manner.write.dry_run();
        let reads_stdin = matches!(origin, Origin::Files { stdin: Some(_) });
        Self {
            items: Vec::new(),
            effect: Vec::new(),
            lines: ResultLines {
                output: manner.output,
                dry_run,
                stdout_is_taken: reads_stdin && dry_run == DryRun::None,
                is_alone: workloads == 1,
            },
            is_interrupted: false,
        }
    }

    /// Takes a result and tells it.
    pub(crate) fn add(
        &mut self,
        mut item: AnnotationEdit,
        applied: &Applied,
        terminal: &mut Terminal,
    ) {
        let lines = self.lines;
        item.notes.extend(applied.notes.iter().cloned());
        match &applied.result {
            Ok(done) => {
                item.result = match (done, lines.dry_run) {
                    (Done::Written, DryRun::None) => EditResult::Annotated,
                    (Done::Written, _) => EditResult::Planned,
                    (Done::Unchanged, _) => EditResult::Unchanged,
                    (Done::NotStarted, _) => EditResult::NotStarted,
                };
                let word = match done {
                    Done::Written => "annotated",
                    Done::Unchanged => "unchanged",
                    Done::NotStarted => "not started",
                };
                lines.done(&applied.workload, word, terminal);
            }
            Err(error) => {
                item.result = EditResult::Failed;
                item.error = Some(lines.failed(&applied.workload, error, terminal));
            }
        }
        for note in &applied.notes {
            terminal.tell(&format!("{}: {note}", applied.workload));
        }
        self.items.push(item);
    }

    /// Ctrl-C: what was not told of may have been written or not.
    pub(crate) fn interrupted(&mut self, terminal: &mut Terminal) {
        self.is_interrupted = true;
        terminal.tell(INTERRUPTED_WRITE);
    }

    fn count(&self, result: EditResult) -> usize {
        let items = self.items.iter();
        items.filter(|item| item.result == result).count()
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Whether anything was written.
    pub(crate) fn any_written(&self) -> bool {
        self.count(EditResult::Annotated) > 0
    }

    /// Prints what belongs to the end, and gives the exit code.
    pub(crate) fn finish(
        mut self,
        snapshot: &Snapshot,
        stream: Option<String>,
        terminal: &mut Terminal,
    ) -> Result<ExitCode, CommandError> {
        if let Some(stream) = stream {
            terminal.pass_on(&stream)?;
        }
        let failed = self.count(EditResult::Failed);
        if self.items.len() > 1 {
            terminal.tell(&self.summary());
        }
        if let Some(format) = self.lines.output.and_then(Format::data) {
            self.items.sort_by(|a, b| {
                let key = |item: &AnnotationEdit| {
                    let WorkloadItem {
                        namespace,
                        name,
                        kind,
                        ..
                    } = &item.workload;
                    (namespace.clone(), name.clone(), kind.clone())
                };
                key(a).cmp(&key(b))
            });
            let dry_run = self.lines.dry_run.as_str();
            let list = AnnotationEditList::new(snapshot, dry_run, self.items, &self.effect);
            terminal.print(&encode(&list, format).map_err(CommandError::failed)?);
        }
        if self.is_interrupted {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        if failed == 0 && snapshot.errors.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Ok(ExitCode::FAILURE)
        }
    }

    /// `2 annotated, 1 unchanged, 1 failed (dry run)`.
    fn summary(&self) -> String {
        let written = self.count(EditResult::Annotated) + self.count(EditResult::Planned);
        let parts = [
            (written, "annotated"),
            (self.count(EditResult::Unchanged), "unchanged"),
            (self.count(EditResult::NotStarted), "not started"),
            (self.count(EditResult::Failed), "failed"),
        ];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        format!("{}{}", parts.join(", "), suffix(self.lines.dry_run))
    }
}
