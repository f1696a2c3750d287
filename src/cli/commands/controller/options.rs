//! The subcommands of `controller`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::manifests::{ManifestsArgs, manifests};
use super::resume::{ResumeArgs, resume};
use super::run::{RunArgs, run};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::terminal::streams::Terminal;

/// Let automated workloads follow their policies by themselves
///
/// The loop watches workloads, scans the registries of their images, and writes the tags that
/// their policies elect, with the same decisions and the same writes as 'update'.
#[derive(Debug, Clone, Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct ControllerArgs {
    #[command(subcommand)]
    command: ControllerCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum ControllerCommand {
    Run(Box<RunArgs>),
    Resume(ResumeArgs),
    Manifests(Box<ManifestsArgs>),
}

pub(crate) fn controller(
    args: &ControllerArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    match &args.command {
        ControllerCommand::Run(args) => run(args, globals, terminal),
        ControllerCommand::Resume(args) => resume(args, globals, terminal),
        ControllerCommand::Manifests(args) => manifests(args, globals, terminal),
    }
}
