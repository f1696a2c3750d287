//! `lock`: nothing changes the images until somebody unlocks.

use std::process::ExitCode;

use clap::Args;

use crate::cli::apply::annotations;
use crate::cli::apply::annotations::{AnswerFlags, Manner};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::terminal::streams::Terminal;
use crate::plan::{LockNote, PolicyEdit};

/// Lock workloads, so that nothing updates their images
///
/// Writes the annotations fluxcd.io/locked, locked_user and locked_msg, and
/// imgpolicy.dev/locked-at. A workload that is locked already stays as it is without --overwrite.
/// No registry is asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # With the reason, which status and unlock show
  kubectl imgpolicy lock deployment/web -m 'release freeze'

  # In the name of somebody else, in a script
  kubectl imgpolicy lock -l tier=production --by release-team -m 'freeze until Monday' --yes")]
pub(crate) struct LockArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Why; status and unlock show it
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Who; by default you, as the API server knows you
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Replace another lock
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    answer: AnswerFlags,
}

pub(crate) fn lock(
    args: &LockArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let manner = Manner {
        write: &args.write,
        output: args.answer.output,
        effect: None,
        globals,
    };
    let edit = PolicyEdit::Lock {
        note: LockNote {
            by: args.by.clone(),
            message: args.message.clone(),
            at: None,
        },
        overwrite: args.overwrite,
    };
    annotations::run(edit, &args.target, &manner, terminal)
}
