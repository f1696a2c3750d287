//! `rollback`: restores what the last recorded update replaced.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::SignedDuration;

use crate::cli::apply::author::authorship;
use crate::cli::apply::job::{ApplyEnd, ApplyJob, ApplyOptions, JobKind, Wording, file_locks};
use crate::cli::apply::pipeline::apply;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::target::{RecordFlag, TargetArgs, WriteFlags};
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::{Reading, WorkloadOrigin, default_namespace};
use crate::cli::runtime::runtime;
use crate::cli::runtime::unless_interrupted;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::WorkloadSelector;
use crate::collect::{self, ObservedObjects};
use crate::files;
use crate::plan::{HoldReason, LockNote, Overrides, plan_rollback};
use crate::policy::parse_age;
use crate::workload::Observed;

/// Undo the last recorded update and lock the workload
///
/// Every update is recorded in the workload's annotations. This command restores the images that
/// the last update replaced, records the rollback, and locks the workload so that automation does
/// not update it again; 'unlock' removes the lock.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The last update of a workload
  kubectl imgpolicy rollback deployment/web

  # Only one of its containers, with a reason that is stored in the lock
  kubectl imgpolicy rollback deployment/web -c app -m 'login fails, see issue 17'

  # Preview the rollback
  kubectl imgpolicy rollback deployment/web --dry-run")]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Only roll back these containers; repeatable
    #[arg(short, long, value_name = "CONTAINER")]
    container: Vec<String>,

    /// The reason, recorded in the lock
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Also restore an image from another repository, if the record names one
    #[arg(long)]
    override_policy: bool,

    /// Also roll back workloads where GitOps or an operator will revert the change
    #[arg(long)]
    override_owner: bool,

    /// Roll back one workload at a time, wait for each rollout, and stop at the first one that
    /// fails or takes longer than this [default: 5m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "5m", value_parser = parse_age, conflicts_with = "filename")]
    wait: Option<SignedDuration>,

    #[command(flatten)]
    record: RecordFlag,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    access: RegistryAccess,
}

const WORDING: Wording = Wording {
    action: "Roll back",
    line: "rolled back",
    done: "rolled back",
    is_rollback: true,
    nothing: Some("nothing to roll back"),
};

pub(crate) fn rollback(
    args: &RollbackArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let selector = args.target.chosen()?;
    let is_named = matches!(selector, WorkloadSelector::Named(_));
    args.target.check_write(&args.write)?;
    args.access.registry.check_to_write()?;
    let place = args.target.place();
    if !place.filename.is_empty() {
        args.access.pull_secrets.check("-f")?;
    }
    let overrides = Overrides {
        policy: args.override_policy,
        owner: args.override_owner,
        ..Overrides::default()
    };
    let is_recorded = args.record.is_recorded();
    let runtime = runtime()?;
    let reading = workloads::read_workloads(place, selector, globals);
    let Reading {
        snapshot,
        origin,
        empty,
        ..
    } = runtime.block_on(reading)?;
    let mut errors = snapshot.errors;
    let is_empty = snapshot.workloads.is_empty() && errors.is_empty();
    let ids = snapshot.workloads.iter().map(|w| w.id.clone());
    let (objects, authorship) = unless_interrupted(runtime, async {
        let objects = match &origin {
            WorkloadOrigin::Cluster(cluster) => collect::observe(cluster, ids).await,
            WorkloadOrigin::Files { .. } | WorkloadOrigin::Kustomization(_) => {
                ObservedObjects::default()
            }
        };
        let by = authorship(
            origin.cluster(),
            Path::new("."),
            overrides.words(),
            is_recorded,
        );
        (objects, by.await)
    })?;
    errors.extend(objects.errors.iter().cloned());
    let lock = LockNote {
        by: Some(authorship.by.clone()),
        message: args.message.clone(),
        at: Some(authorship.at),
    };
    let observed: Vec<Observed> = match &origin {
        WorkloadOrigin::Files { stdin, .. } => {
            let namespace = default_namespace(globals);
            files::observe(&snapshot.workloads, stdin.as_deref(), namespace)
        }
        WorkloadOrigin::Kustomization(_) => Vec::new(),
        WorkloadOrigin::Cluster(_) => {
            let read = objects.by_id.values();
            read.map(|object| object.observed.clone()).collect()
        }
    };
    let mut plan = plan_rollback(&observed, &args.container, &lock, overrides);
    if !is_named {
        // With --all or -l, a workload without a record is not a failure.
        plan.held_back
            .retain(|held| held.container.is_some() || held.hold != HoldReason::NoRecord);
    }
    let job = ApplyJob {
        plan,
        kind: JobKind::Images(Vec::new()),
        origin,
        objects,
        locks: file_locks(),
        confirmation: None,
        context: snapshot.context,
        authorship,
        errors,
        empty: is_empty.then_some(empty),
    };
    let options = ApplyOptions {
        wording: WORDING,
        write: &args.write,
        overrides,
        is_recorded,
        wait: args.wait.map(|wait| wait.unsigned_abs()),
        max: None,
        menu: None,
        registry: Some(&args.access),
        git: None,
        globals,
    };
    apply(job, &options, terminal).map(ApplyEnd::code)
}
