//! `deautomate`: ends automation.

use std::process::ExitCode;

use clap::Args;

use crate::cli::apply::annotations;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::terminal::streams::Terminal;
use crate::plan::PolicyEdit;

/// Stop automating workloads; their policies are kept
///
/// Removes every spelling of the fluxcd.io/automated annotation. No registry is queried.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Update by hand from now on
  kubectl imgpolicy deautomate deployment/web

  # Turn automation off explicitly, which also overrides a Kustomization's policy
  kubectl imgpolicy deautomate deployment/web --explicit

  # Everything in the namespace
  kubectl imgpolicy deautomate --all")]
pub(crate) struct DeautomateArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Write "false" instead of removing the annotation; this also overrides imagePolicies
    #[arg(long)]
    explicit: bool,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    write: WriteFlags,
}

pub(crate) fn deautomate(
    args: &DeautomateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let options = annotations::options(&args.write, None, globals);
    let edit = PolicyEdit::Deautomate {
        explicit: args.explicit,
    };
    annotations::run(&edit, &args.target, &args.git, &options, terminal)
}
