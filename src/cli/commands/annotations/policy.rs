//! `policy`: sets and unsets policies, whatever the state of the workload.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::apply::annotations;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::policy_texts::PolicyTextFlags;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::menu;
use crate::cli::menu::Purpose;
use crate::cli::terminal::streams::Terminal;
use crate::plan::PolicyEdit;

/// Set or unset the policies of containers
///
/// A policy alone does not automate a workload; see the automate command.
#[derive(Debug, Clone, Args)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum PolicyCommand {
    Set(SetArgs),
    Unset(UnsetArgs),
}

/// Set policies after previewing their effect
///
/// Writes the annotation fluxcd.io/tag.CONTAINER for each policy; an existing older spelling is
/// kept.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Choose from a menu, with a preview of each policy
  kubectl imgpolicy policy set

  # Two containers of one workload
  kubectl imgpolicy policy set deployment/web --tag app='glob:dev-*' --tag sidecar='regex:^stg.*'

  # Every container, with images that are at least three days old
  kubectl imgpolicy policy set deployment/web --tag-all 'semver:~1.2' --min-age 72h

  # Replace an existing policy
  kubectl imgpolicy policy set deployment/web --tag app='semver:~1.3' --overwrite")]
struct SetArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    policies: PolicyTextFlags,

    /// The policy for every container that has no --tag of its own
    #[arg(long, value_name = "TYPE:EXPR", help_heading = "Policies")]
    tag_all: Option<String>,

    /// Only elect images that are at least this old, such as 72h or 3d; stored in the workload
    #[arg(long, value_name = "DURATION", help_heading = "Policies")]
    min_age: Option<String>,

    /// Replace existing values
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    access: RegistryAccess,
}

/// Remove policies and their filters
///
/// Removes every spelling of the policy annotations; update records are kept. --all selects
/// workloads, as in every command; --all-policies removes all policy annotations of the selected
/// workloads.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The policy of one container, with its filters
  kubectl imgpolicy policy unset deployment/web --tag app

  # Every policy annotation of a workload, including those of containers that no longer exist
  kubectl imgpolicy policy unset deployment/web --all-policies

  # The minimum age of everything in the namespace
  kubectl imgpolicy policy unset --all --min-age")]
struct UnsetArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Remove the policy of this container; repeatable
    #[arg(long, value_name = "CONTAINER", help_heading = "Policies")]
    tag: Vec<String>,

    /// Remove the minimum age
    #[arg(long, help_heading = "Policies")]
    min_age: bool,

    /// Remove every policy annotation, including those of containers that no longer exist
    #[arg(long, help_heading = "Policies")]
    all_policies: bool,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    access: RegistryAccess,
}

pub(crate) fn policy(
    args: &PolicyArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    match &args.command {
        PolicyCommand::Set(args) => set(args, globals, terminal),
        PolicyCommand::Unset(args) => unset(args, globals, terminal),
    }
}

fn set(
    args: &SetArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let access = &args.access;
    let options = annotations::options(&args.write, Some(access), globals);
    let is_empty = args.policies.is_empty() && args.tag_all.is_none() && args.min_age.is_none();
    let may_ask = is_empty && args.git.place().is_none();
    if may_ask && menu::wants_menu(&args.target, &options, terminal) {
        return menu::write_policies(Purpose::SetPolicy, &args.target, &options, terminal);
    }
    if is_empty {
        return Err(CommandError::usage(
            "nothing to set; give --tag CONTAINER=TYPE:EXPR, --tag-all TYPE:EXPR or --min-age DURATION",
        ));
    }
    let edit = PolicyEdit::set(
        args.policies.policies()?,
        args.tag_all.clone(),
        args.min_age.clone(),
        args.overwrite,
    )?;
    annotations::run(&edit, &args.target, &args.git, &options, terminal)
}

fn unset(
    args: &UnsetArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let access = &args.access;
    let options = annotations::options(&args.write, Some(access), globals);
    if args.tag.is_empty() && !args.min_age && !args.all_policies {
        return Err(CommandError::usage(
            "nothing to remove; give --tag CONTAINER, --min-age or --all-policies",
        ));
    }
    let edit = PolicyEdit::UnsetPolicy {
        containers: args.tag.clone(),
        all: args.all_policies,
        min_age: args.min_age,
    };
    annotations::run(&edit, &args.target, &args.git, &options, terminal)
}
