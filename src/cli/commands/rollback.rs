//! `rollback`: what the last recorded update replaced is put back.

use std::process::ExitCode;

use clap::Args;

use super::update::output_format;
use crate::cli::apply::author::authorship;
use crate::cli::apply::pipeline::{Draft, Manner, carry_out};
use crate::cli::apply::preflight;
use crate::cli::apply::preflight::{Objects, Registry};
use crate::cli::apply::results::Wording;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::{Origin, Reading, default_namespace, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::What;
use crate::files;
use crate::output::Format;
use crate::plan::{HeldBack, HoldReason, LockNote, Overrides, plan_rollback};
use crate::workload::Observed;

/// Put back what the last recorded update replaced, and lock
///
/// Every update keeps a record at the workload. This puts the images back that it
/// names, keeps a record of that too, and locks the workload, so that automation
/// does not update it again; 'unlock' ends that.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The whole last update of a workload
  kubectl imgpolicy rollback deployment/web

  # One container of it, with the reason for whoever finds the lock
  kubectl imgpolicy rollback deployment/web -c app -m 'login fails, see issue 17'

  # What would be put back
  kubectl imgpolicy rollback deployment/web --dry-run")]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Put back the images of these containers only; repeatable
    #[arg(short, long, value_name = "NAME")]
    container: Vec<String>,

    /// The reason, which the lock tells
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Put back images of another repository too, where the record names one
    #[arg(long)]
    override_policy: bool,

    /// Roll back workloads too that GitOps or an operator will revert
    #[arg(long)]
    override_owner: bool,

    /// Output format: json, yaml or name
    #[arg(short, long, value_name = "FORMAT", value_parser = output_format)]
    output: Option<Format>,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    pull_secrets: PullSecretFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

const WORDING: Wording = Wording {
    action: "Roll back",
    line: "rolled back",
    done: "rolled back",
    nothing: "nothing to roll back",
};

pub(crate) fn rollback(
    args: &RollbackArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let what = args.target.chosen()?;
    let is_named = matches!(what, What::Named(_));
    args.target.check_stdin(args.output)?;
    args.write.check(args.target.place())?;
    args.registry.check_to_write()?;
    let place = args.target.place();
    if !place.filename.is_empty() {
        args.pull_secrets.check("--filename")?;
    }
    let overrides = Overrides {
        policy: args.override_policy,
        owner: args.override_owner,
        ..Overrides::default()
    };
    let runtime = workloads::runtime()?;
    let reading = workloads::read_workloads(place, what, globals);
    let Reading {
        snapshot,
        origin,
        empty,
    } = runtime.block_on(reading)?;
    let mut errors = snapshot.errors;
    let is_empty = snapshot.workloads.is_empty() && errors.is_empty();
    let ids = snapshot.workloads.iter().map(|w| w.id.clone());
    let (objects, authorship) = unless_interrupted(runtime, async {
        let objects = match &origin {
            Origin::Cluster(cluster) => preflight::observe(cluster, ids).await,
            Origin::Files { .. } | Origin::Saved => Objects::default(),
        };
        let by = authorship(origin.cluster(), overrides.words()).await;
        (objects, by)
    })?;
    errors.extend(objects.errors.iter().cloned());
    let lock = LockNote {
        by: Some(authorship.by.clone()),
        message: args.message.clone(),
        at: Some(authorship.at),
    };
    let observed: Vec<Observed> = match &origin {
        Origin::Files { stdin } => {
            let namespace = default_namespace(globals);
            files::observe(&snapshot.workloads, stdin.as_deref(), namespace)
        }
        Origin::Cluster(_) | Origin::Saved => {
            let seen = objects.seen.values();
            seen.map(|seen| seen.observed.clone()).collect()
        }
    };
    let mut plan = plan_rollback(&observed, &args.container, &lock, overrides);
    if !is_named {
        // Of all workloads those without a record were not meant.
        let stays = |held: &HeldBack| held.container.is_none() && held.hold == HoldReason::NoRecord;
        plan.held_back.retain(|held| !stays(held));
    }
    let draft = Draft {
        plan,
        origin,
        objects,
        context: snapshot.context,
        authorship,
        errors,
        empty: is_empty.then_some(empty),
    };
    let manner = Manner {
        wording: WORDING,
        flags: &args.write,
        output: args.output,
        overrides,
        wait: None,
        max: None,
        menu: None,
        registry: Registry {
            flags: &args.registry,
            pull_secrets: &args.pull_secrets,
            globals,
        },
    };
    carry_out(draft, &manner, runtime, terminal)
}
