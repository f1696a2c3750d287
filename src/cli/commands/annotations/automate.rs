//! `automate`: the effect of a policy first, then the annotations.

use std::process::ExitCode;

use clap::Args;

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

/// Automate workloads, with policies for their containers
///
/// Writes the annotation fluxcd.io/automated: "true", and fluxcd.io/tag.CONTAINER for each --tag;
/// an older spelling that stands there is kept. A container without a policy of its own follows
/// glob:*, the newest image. Before it asks, it shows which update each container would get.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Choose workloads and policies from a menu, seeing what each would do
  kubectl imgpolicy automate

  # Follow patch versions, seeing first what would be updated
  kubectl imgpolicy automate deployment/web --tag app='semver:~1.2'

  # The alpine variant, by version
  kubectl imgpolicy automate deployment/proxy --tag nginx='semver:~1.25' \\
    --filter-tags nginx='^(?P<v>.*)-alpine$' --extract nginx='$v'

  # Everything with a label, in a script
  kubectl imgpolicy automate -l tier=staging --yes

  # Manifests instead of a cluster, changed in place
  kubectl imgpolicy automate deployment/web -f ./manifests -R")]
pub(crate) struct AutomateArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    policies: PolicyTextFlags,

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

pub(crate) fn automate(
    args: &AutomateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let manner = Manner {
        write: &args.write,
        output: args.answer.output,
        effect: Some(&args.effect),
        globals,
    };
    if menu::is_wished(&args.target, &manner, terminal) && args.policies.is_empty() {
        return menu::write_policies(Purpose::Automate, &args.target, &manner, terminal);
    }
    let edit = PolicyEdit::Automate {
        policies: args.policies.policies()?,
        overwrite: args.overwrite,
    };
    annotations::run(edit, &args.target, &manner, terminal)
}
