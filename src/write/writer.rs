//! Chooses between writing to a cluster, writing into files, and committing them.

use std::collections::BTreeMap;

use super::context::LiveWriter;
use super::event::WriteEvent;
use super::files::file_writer::{FileWriter, WrittenFiles, write_files};
use super::files::git_writer::{Delivery, GitWriter};
use super::files::marker_writes::MarkerApplied;
use super::kustomization::{KustomizationWriter, write_kustomizations};
use super::live::write_live;
use super::wait::write_and_wait;
use super::{Applied, DryRun, WriteContext};
use crate::git::GitError;
use crate::plan::{Change, Edit, Plan, Refusal};
use crate::workload::Observed;

/// Where a plan is written.
pub enum Writer<'a> {
    /// To the objects of a cluster.
    Live(LiveWriter<'a>),
    /// Into the files that the workloads were read from.
    Files(FileWriter<'a>),
    /// Into the files of kustomizations that decide the images, and into plain files.
    Kustomization(KustomizationWriter<'a>),
    /// Into these files, and then into a commit.
    Git(GitWriter<'a>),
}

/// What a write did.
#[derive(Debug, Default)]
pub struct Written {
    /// The result of each change, in the plan's order.
    pub applied: Vec<Applied>,
    /// The result of each marked value that was to be written, in the plan's order.
    pub markers: Vec<MarkerApplied>,
    /// The text for standard output: standard input with its changes, or unchanged if none
    /// was possible. `None` in a dry run, or if no workload came from standard input.
    pub stdout: Option<String>,
    /// With Git: the commit, if something was to be committed.
    pub commit: Option<Result<Delivery, GitError>>,
    /// Nothing was written because others have pushed first, and the plan has to be made again.
    pub is_overtaken: bool,
}

impl Writer<'_> {
    /// Whether the write is a dry run, and of which kind.
    #[must_use]
    pub fn dry_run(&self) -> DryRun {
        match self {
            Self::Live(writer) => writer.dry_run,
            Self::Files(writer) => writer.dry_run,
            Self::Kustomization(writer) => writer.dry_run,
            Self::Git(writer) => writer.files.dry_run(),
        }
    }

    /// Whether the edited text of standard input goes to standard output.
    #[must_use]
    pub fn uses_stdout(&self) -> bool {
        match self {
            Self::Live(_) | Self::Git(_) => false,
            Self::Kustomization(writer) => writer.files.as_ref().is_some_and(prints_stdin),
            Self::Files(writer) => prints_stdin(writer),
        }
    }

    /// What would be written for each change, in the plan's order; `None` if it cannot be
    /// written as things are. `observed` are the live objects of the plan.
    #[must_use]
    pub fn edits(&self, plan: &Plan, observed: &[Observed]) -> Vec<Option<Edit>> {
        match self {
            Self::Live(writer) => {
                let observed: BTreeMap<_, _> = observed
                    .iter()
                    .map(|object| (&object.workload.id, object))
                    .collect();
                let edit = |change: &Change| {
                    let object = observed.get(&change.workload)?;
                    change.edit(object, writer.authorship).ok()
                };
                plan.changes.iter().map(edit).collect()
            }
            Self::Files(writer) => writer.edits(plan),
            Self::Kustomization(writer) => writer.edits(plan),
            Self::Git(writer) => writer.files.edits(plan),
        }
    }

    /// Refuses a plan before the user is asked about it, if it could not be committed.
    ///
    /// # Errors
    ///
    /// Why it could not. Nothing was written.
    pub async fn check(&self, plan: &Plan) -> Result<(), GitError> {
        match self {
            Self::Live(_) | Self::Files(_) | Self::Kustomization(_) => Ok(()),
            Self::Git(writer) => writer.check(plan).await,
        }
    }

    /// Writes every change of the plan and reports each result as soon as it and those
    /// before it are known. With a time to wait, live workloads are written one after
    /// another, each rollout is awaited at most that long, and the first failure stops
    /// the rest. Without, a failure does not stop the others.
    pub async fn write(
        &self,
        plan: &Plan,
        context: &WriteContext<'_>,
        report: &dyn Fn(WriteEvent<'_>),
    ) -> Written {
        match (self, context.wait) {
            (Self::Live(writer), Some(limit)) => Written {
                applied: write_and_wait(plan, context, writer, limit, report).await,
                ..Written::default()
            },
            (Self::Live(writer), None) => Written {
                applied: write_live(plan, context, writer, report).await,
                ..Written::default()
            },
            (Self::Kustomization(writer), _) => {
                let refusals = refusals(plan, context).await;
                let written = write_kustomizations(plan, refusals, writer).await;
                report_files(&written, report);
                let stdin = writer.files.as_ref().and_then(|files| files.stdin);
                self.written(written, stdin)
            }
            (Self::Files(writer), _) => {
                let refusals = refusals(plan, context).await;
                let written = write_files(plan, refusals, writer);
                report_files(&written, report);
                self.written(written, writer.stdin)
            }
            (Self::Git(writer), _) => {
                let refusals = refusals(plan, context).await;
                let (written, commit) = writer.write(plan, refusals, context.stop).await;
                if matches!(commit, Some(Err(GitError::Overtaken(_)))) {
                    return Written {
                        is_overtaken: true,
                        ..Written::default()
                    };
                }
                report_files(&written, report);
                Written {
                    applied: written.applied,
                    markers: written.markers,
                    commit,
                    ..Written::default()
                }
            }
        }
    }

    /// What was written into files. `stdin` is the text that was read from standard input.
    fn written(&self, files: WrittenFiles, stdin: Option<&str>) -> Written {
        let stdin = stdin.filter(|_| self.uses_stdout());
        Written {
            applied: files.applied,
            markers: files.markers,
            stdout: stdin.map(|text| files.stdin.unwrap_or_else(|| text.to_owned())),
            ..Written::default()
        }
    }
}

/// Whether the edited text of standard input goes to standard output.
fn prints_stdin(files: &FileWriter<'_>) -> bool {
    files.stdin.is_some() && files.dry_run == DryRun::None
}

/// Why each change may not be written to its file, if the images were looked up again.
async fn refusals(plan: &Plan, context: &WriteContext<'_>) -> Vec<Option<Refusal>> {
    let changes: Vec<&Change> = plan.changes.iter().collect();
    match context.recheck {
        Some(recheck) => recheck.refusals(&changes, &BTreeMap::new()).await,
        None => changes.iter().map(|_| None).collect(),
    }
}

fn report_files(written: &WrittenFiles, report: &dyn Fn(WriteEvent<'_>)) {
    for applied in &written.applied {
        report(WriteEvent::Applied(applied));
    }
}
