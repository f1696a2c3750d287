//! `automate`: shows the effect of a policy, then writes the annotations.

use std::process::ExitCode;

use clap::Args;

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

/// Automate workloads, with policies for their containers
///
/// Writes the annotation fluxcd.io/automated: "true", and fluxcd.io/tag.CONTAINER for each --tag;
/// an existing older spelling is kept. A container without a policy follows glob:*, the newest
/// image. Shows which update each container would get before it asks for confirmation.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Choose workloads and policies from a menu, with a preview of each
  kubectl imgpolicy automate

  # Follow patch versions; the effect is shown first
  kubectl imgpolicy automate deployment/web --tag app='semver:~1.2'

  # The alpine variant, by version
  kubectl imgpolicy automate deployment/proxy --tag nginx='semver:~1.25' \\
    --filter-tags nginx='^(?P<v>.*)-alpine$' --extract nginx='$v'

  # Everything with a label, in a script
  kubectl imgpolicy automate -l tier=staging --yes

  # Manifests instead of a cluster, changed in place
  kubectl imgpolicy automate deployment/web -f ./manifests -R

  # The same, committed to the Git repository in the current folder
  kubectl imgpolicy automate deployment/web --git . --path manifests")]
pub(crate) struct AutomateArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    policies: PolicyTextFlags,

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

pub(crate) fn automate(
    args: &AutomateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let access = &args.access;
    let options = annotations::options(&args.write, Some(access), globals);
    let may_ask = args.policies.is_empty() && args.git.place().is_none();
    if may_ask && menu::wants_menu(&args.target, &options, terminal) {
        return menu::write_policies(Purpose::Automate, &args.target, &options, terminal);
    }
    let edit = PolicyEdit::Automate {
        policies: args.policies.policies()?,
        overwrite: args.overwrite,
    };
    annotations::run(&edit, &args.target, &args.git, &options, terminal)
}
