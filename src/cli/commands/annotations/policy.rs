//! `policy`: what restricts updates, set and unset whatever the state.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::apply::annotations;
use crate::cli::apply::annotations::{AnswerFlags, EffectFlags, Manner};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::policy_texts::PolicyTextFlags;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::menu;
use crate::cli::menu::Purpose;
use crate::cli::terminal::streams::Terminal;
use crate::plan::PolicyEdit;

/// Set or unset the policies of containers
///
/// A policy alone automates nothing: see automate.
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

/// Set policies, seeing first what they would do
///
/// Writes the annotation fluxcd.io/tag.CONTAINER for each policy; an older spelling that stands
/// there is kept.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Choose from a menu, seeing what each policy would do
  kubectl imgpolicy policy set

  # Two containers of one workload
  kubectl imgpolicy policy set deployment/web --tag app='glob:dev-*' --tag sidecar='regex:^stg.*'

  # Every container, and only images that are three days old
  kubectl imgpolicy policy set deployment/web --tag-all 'semver:~1.2' --min-age 72h

  # Another policy than the one that stands there
  kubectl imgpolicy policy set deployment/web --tag app='semver:~1.3' --overwrite")]
struct SetArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    policies: PolicyTextFlags,

    /// The policy of every container that has no --tag of its own
    #[arg(long, value_name = "TYPE:EXPR", help_heading = "Policies")]
    tag_all: Option<String>,

    /// Elect only images that are at least this old, as in 72h or 3d; kept at the workload
    #[arg(long, value_name = "DURATION", help_heading = "Policies")]
    min_age: Option<String>,

    /// Replace values that stand there already
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    answer: AnswerFlags,

    #[command(flatten)]
    effect: EffectFlags,
}

/// Remove policies, with what stands beside them
///
/// Removes them in every spelling. Records of updates stay. --all chooses workloads, as in every
/// command; --all-policies removes every policy annotation of those chosen.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The policy of one container, with its filters
  kubectl imgpolicy policy unset deployment/web --tag app

  # Every policy annotation of a workload, also those of containers that are gone
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

    /// Remove every policy annotation, also those of containers that are gone
    #[arg(long, help_heading = "Policies")]
    all_policies: bool,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    answer: AnswerFlags,

    #[command(flatten)]
    effect: EffectFlags,
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
    let manner = Manner {
        write: &args.write,
        output: args.answer.output,
        effect: Some(&args.effect),
        globals,
    };
    let is_empty = args.policies.is_empty() && args.tag_all.is_none() && args.min_age.is_none();
    if is_empty && menu::is_wished(&args.target, &manner, terminal) {
        return menu::write_policies(Purpose::SetPolicy, &args.target, &manner, terminal);
    }
    if is_empty {
        return Err(CommandError::usage(
            "say what to set: --tag CONTAINER=TYPE:EXPR, --tag-all TYPE:EXPR or --min-age DURATION",
        ));
    }
    let edit = PolicyEdit::set(
        args.policies.policies()?,
        args.tag_all.clone(),
        args.min_age.clone(),
        args.overwrite,
    )?;
    annotations::run(edit, &args.target, &manner, terminal)
}

fn unset(
    args: &UnsetArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let manner = Manner {
        write: &args.write,
        output: args.answer.output,
        effect: Some(&args.effect),
        globals,
    };
    if args.tag.is_empty() && !args.min_age && !args.all_policies {
        return Err(CommandError::usage(
            "say what to remove: --tag CONTAINER, --min-age or --all-policies",
        ));
    }
    let edit = PolicyEdit::UnsetPolicy {
        containers: args.tag.clone(),
        all: args.all_policies,
        min_age: args.min_age,
    };
    annotations::run(edit, &args.target, &manner, terminal)
}
