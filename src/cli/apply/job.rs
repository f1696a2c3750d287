//! What is going to be written, and how.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use super::current_folder::CurrentFolder;
use crate::cli::flags::client::Globals;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::target::WriteFlags;
use crate::cli::gather::workloads::WorkloadOrigin;
use crate::cli::menu::CommandScope;
use crate::collect::ObservedObjects;
use crate::evaluator::{Row, ScopeError, Snapshot};
use crate::git::{PushTarget, Repository, TemporaryClone};
use crate::plan::{
    Authorship, Change, CommitPer, Edit, MarkerDecision, MessageTemplate, Overrides, Plan,
};
use crate::registry::{Registries, user_cache_folder};
use crate::workload::{Observed, Workload};
use crate::write::{Applied, DryRun};

/// A plan, its origin, and what is needed to report its results.
pub(crate) struct ApplyJob {
    pub(crate) plan: Plan,
    pub(crate) kind: JobKind,
    pub(crate) origin: WorkloadOrigin,
    /// The live objects that were read for the plan.
    pub(crate) objects: ObservedObjects,
    /// The folder of the locks on files, if there is a place for it.
    pub(crate) locks: Option<PathBuf>,
    /// How the images were confirmed; `None`: they were not.
    pub(crate) confirmation: Option<ConfirmedBy>,
    /// The kubeconfig context.
    pub(crate) context: Option<String>,
    pub(crate) authorship: Authorship,
    /// What could not be read.
    pub(crate) errors: Vec<ScopeError>,
    /// Printed if nothing is in scope.
    pub(crate) empty: Option<String>,
}

/// The registries that have confirmed the images of a plan, and when.
pub(crate) struct ConfirmedBy {
    pub(crate) as_user: Registries,
    pub(crate) as_workload: Registries,
    pub(crate) at: Instant,
}

/// What the plan changes.
pub(crate) enum JobKind {
    /// Images: `update` and `rollback`, with what would be written for each change of the
    /// plan; `None` if it cannot be written as things are.
    Images(Vec<Option<Edit>>),
    /// Annotations: `automate`, `lock`, `policy` and their opposites.
    Annotations(Box<AnnotationJob>),
}

/// What is known about annotation edits before they are written.
pub(crate) struct AnnotationJob {
    /// The workloads as they were read.
    pub(crate) snapshot: Snapshot,
    /// One edit per change of the plan, in its order.
    pub(crate) edits: Vec<PlannedEdit>,
    /// The changes that need no write, or cannot be made.
    pub(crate) not_written: Vec<(Change, Applied)>,
    /// The containers of the edited workloads, as they will be.
    pub(crate) effect: Vec<Row>,
}

/// An edit, computed before the user is asked to confirm it.
pub(crate) struct PlannedEdit {
    pub(crate) change: Change,
    pub(crate) edit: Edit,
    pub(crate) before: Workload,
}

/// The words of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording {
    /// `Update` 3 workloads.
    pub(crate) action: &'static str,
    /// deployment.apps/web `image updated`.
    pub(crate) line: &'static str,
    /// 2 `updated`.
    pub(crate) done: &'static str,
    /// Whether the command undoes an update.
    pub(crate) is_rollback: bool,
    /// Printed if the plan is empty although workloads are in scope.
    pub(crate) nothing: Option<&'static str>,
}

/// How a plan is written.
#[derive(Clone, Copy)]
pub(crate) struct ApplyOptions<'a> {
    pub(crate) wording: Wording,
    pub(crate) write: &'a WriteFlags,
    pub(crate) overrides: Overrides,
    /// Whether the annotations of the workloads record new images.
    pub(crate) is_recorded: bool,
    /// Wait for each rollout, at most this long.
    pub(crate) wait: Option<Duration>,
    /// Change at most this many workloads.
    pub(crate) max: Option<usize>,
    /// Choose the images from a menu. Says how to select the same workloads again.
    pub(crate) menu: Option<&'a CommandScope<'a>>,
    /// How to query registries; `None`: no registry is queried.
    pub(crate) registry: Option<&'a RegistryAccess>,
    /// Where to commit the files.
    pub(crate) git: Option<&'a GitTarget>,
    pub(crate) globals: &'a Globals,
}

/// The repository that a run commits to.
pub(crate) struct GitTarget {
    pub(crate) repository: Repository,
    /// The journal of what is written before it is committed.
    pub(crate) journal: PathBuf,
    /// Where the commits are pushed; `None`: they stay local.
    pub(crate) push: Option<PushTarget>,
    /// What gets a commit of its own.
    pub(crate) per: CommitPer,
    /// The commits of the user that a push includes: the short hash and the subject.
    pub(crate) ahead: Vec<String>,
    /// Whether the run decides again if others push first.
    pub(crate) may_retry: bool,
    /// The user's words for the message.
    pub(crate) template: Option<MessageTemplate>,
    /// The clone of a URL.
    pub(crate) clone: Option<ClonedFolder>,
}

/// A clone that is the current folder. The fields are dropped in this order.
pub(crate) struct ClonedFolder {
    pub(crate) _current_folder: CurrentFolder,
    pub(crate) _clone: TemporaryClone,
    /// Whether nothing was fetched since it was cloned.
    pub(crate) is_fresh: bool,
}

/// How a run of the pipeline ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ApplyEnd {
    /// Everything was reported.
    Reported(ExitCode),
    /// Others have pushed first. Nothing was written, and the plan has to be made again.
    Overtaken,
}

impl ApplyEnd {
    /// The exit code for a command that cannot be overtaken, because it does not push.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Reported(code) => code,
            Self::Overtaken => ExitCode::FAILURE,
        }
    }
}

impl ApplyOptions<'_> {
    pub(crate) fn dry_run(&self) -> DryRun {
        self.write.dry_run()
    }

    /// Whether to print no preview: the output is data, and there is no prompt.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_data = self
            .write
            .output
            .is_some_and(|output| output.data().is_some());
        is_data && (self.write.yes || self.dry_run() != DryRun::None)
    }
}

impl ApplyJob {
    /// The live objects of the plan, in the order of its changes.
    pub(crate) fn observed(&self) -> Vec<Observed> {
        let changes = self.plan.changes.iter();
        changes
            .filter_map(|change| self.objects.by_id.get(&change.workload))
            .map(|object| object.observed.clone())
            .collect()
    }

    /// The marked values that are written and persist.
    pub(crate) fn persistent_markers(&self) -> Vec<&MarkerDecision> {
        let markers = self.plan.markers.iter();
        markers
            .filter(|marker| marker.is_update() && marker.value.source.file != STDIN)
            .collect()
    }

    /// The changes that persist. Manifests from standard input only go to standard output.
    pub(crate) fn persistent_changes(&self) -> Vec<&Change> {
        let changes = self.plan.changes.iter();
        changes
            .filter(|change| {
                change
                    .source
                    .as_ref()
                    .is_none_or(|source| source.file != STDIN)
            })
            .collect()
    }
}

/// The file name that means standard input.
const STDIN: &str = "-";

/// The folder of the locks on files, in the user's cache folder.
pub(crate) fn file_locks() -> Option<PathBuf> {
    Some(user_cache_folder()?.join("locks"))
}
