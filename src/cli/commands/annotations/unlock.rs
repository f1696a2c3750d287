//! `unlock`: shows who locked what, when and why, then removes the locks.

use std::process::ExitCode;

use clap::Args;

use crate::cli::apply::annotations;
use crate::cli::apply::job::{ApplyEnd, ApplyOptions};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::WorkloadSelector;
use crate::plan::{PolicyEdit, plan_policy};
use crate::policy::{AnnotationKey, Lock, lock_on};
use crate::workload::Workload;

/// Unlock workloads
///
/// Lists each lock with its age and message, asks for confirmation, and removes every spelling of
/// the lock's annotations. Images whose rollouts failed may be written again: the annotation
/// imgpolicy.dev/failed is also removed. No registry is queried.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # One workload
  kubectl imgpolicy unlock deployment/web

  # The locks of one team for one reason
  kubectl imgpolicy unlock --all --locked-by release-team --msg freeze")]
pub(crate) struct UnlockArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Remove only locks set by this user
    #[arg(long, value_name = "NAME")]
    locked_by: Option<String>,

    /// Remove only locks whose message contains this text
    #[arg(long, value_name = "TEXT")]
    msg: Option<String>,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    write: WriteFlags,
}

pub(crate) fn unlock(
    args: &UnlockArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let options = annotations::options(&args.write, None, globals);
    annotations::in_repository(
        &args.target,
        &args.git,
        &options,
        terminal,
        |target, options, terminal| args.unlock(target, options, terminal),
    )
}

/// Whether images are not written because their rollouts failed.
fn has_failures(workload: &Workload) -> bool {
    let failed = AnnotationKey::Failed.find(&workload.annotations);
    failed.is_some()
}

impl UnlockArgs {
    fn unlock(
        &self,
        target: &TargetArgs,
        options: &ApplyOptions<'_>,
        terminal: &mut Terminal,
    ) -> Result<ApplyEnd, CommandError> {
        let mut reading = annotations::read(target, options)?;
        let are_named = matches!(target.workload_selector()?, WorkloadSelector::Named(_));
        let mut wanted: Vec<Workload> = Vec::new();
        for workload in &reading.snapshot.workloads {
            match lock_on(workload) {
                Some(lock) if self.wants(&lock) => wanted.push(workload.clone()),
                Some(_) if are_named => terminal.note(&format!(
                    "{} stays locked: the lock does not match the filter",
                    workload.id
                )),
                // A named workload is also cleared of the leftovers of an old lock.
                None if (are_named || has_failures(workload)) && !self.narrows() => {
                    wanted.push(workload.clone());
                }
                Some(_) | None => {}
            }
        }
        if !reading.snapshot.workloads.is_empty() {
            "No locks found.".clone_into(&mut reading.empty);
        }
        let plan = plan_policy(&wanted, &PolicyEdit::Unlock { seen: None });
        annotations::apply_plan(plan, reading, options, terminal)
    }

    fn narrows(&self) -> bool {
        self.locked_by.is_some() || self.msg.is_some()
    }

    fn wants(&self, lock: &Lock) -> bool {
        let by = self.locked_by.is_none() || self.locked_by == lock.by;
        let message = self.msg.as_deref().is_none_or(|part| {
            let message = lock.message.as_deref();
            message.is_some_and(|message| message.contains(part))
        });
        by && message
    }
}
