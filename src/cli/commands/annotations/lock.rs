//! `lock`: keeps images unchanged until the workload is unlocked.

use std::process::ExitCode;

use clap::Args;

use crate::cli::apply::annotations;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::terminal::streams::Terminal;
use crate::plan::{LockNote, PolicyEdit};

/// Lock workloads, so that 'update' leaves their images unchanged
///
/// Writes the annotations fluxcd.io/locked, locked_user and locked_msg, and
/// imgpolicy.dev/locked-at. An existing lock is kept unless --overwrite is given. Other updaters,
/// such as Keel, may ignore a lock; the command warns about those that update the workload. No
/// registry is queried.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # With a reason, which status and unlock show
  kubectl imgpolicy lock deployment/web -m 'release freeze'

  # In a Git repository: commits the annotations, and pushes the commit
  kubectl imgpolicy lock deployment/web -m 'release freeze' --git . --path apps --push

  # On behalf of somebody else, in a script
  kubectl imgpolicy lock -l tier=production --by release-team -m 'freeze until Monday' --yes")]
pub(crate) struct LockArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// The reason, which status and unlock show
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<String>,

    /// The owner of the lock; by default, your user name as known to the API server
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Replace an existing lock
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    write: WriteFlags,
}

pub(crate) fn lock(
    args: &LockArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let options = annotations::options(&args.write, None, globals);
    let edit = PolicyEdit::Lock {
        note: LockNote {
            by: args.by.clone(),
            message: args.message.clone(),
            at: None,
        },
        overwrite: args.overwrite,
    };
    annotations::run(&edit, &args.target, &args.git, &options, terminal)
}
