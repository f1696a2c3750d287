//! The whole command line as clap sees it.

use clap::{Parser, Subcommand};

use super::commands::annotations::automate::AutomateArgs;
use super::commands::annotations::deautomate::DeautomateArgs;
use super::commands::annotations::lock::LockArgs;
use super::commands::annotations::policy::PolicyArgs;
use super::commands::annotations::unlock::UnlockArgs;
use super::commands::cache::CacheArgs;
use super::commands::completion::CompletionArgs;
use super::commands::controller::options::ControllerArgs;
use super::commands::explain::ExplainArgs;
use super::commands::history::HistoryArgs;
use super::commands::images::ImagesArgs;
use super::commands::rollback::RollbackArgs;
use super::commands::status::StatusArgs;
use super::commands::test::TestArgs;
use super::commands::update::UpdateArgs;
use super::commands::version::VersionArgs;
use super::flags::client::Globals;

/// See which image runs where, and what its policy would do.
///
/// Reads workloads from the cluster, or from manifests with -f. For every container
/// it shows whether it is automated or locked, which update its policy would make
/// now, and why.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-imgpolicy",
    version,
    disable_version_flag = true,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
    before_help = EXAMPLES,
    after_help = "Use \"kubectl imgpolicy options\" for the flags that every command accepts.",
    help_template = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Shown first, because an example says more than a synopsis.
const EXAMPLES: &str = "Examples:
  # Every container of the namespace: state, policy, and the update that would happen
  kubectl imgpolicy status

  # The same for manifests, without a cluster
  kubectl imgpolicy status -f ./manifests -R

  # Why one container is or is not updated
  kubectl imgpolicy explain deployment/web -c app

  # Try a policy on real tags before setting it
  kubectl imgpolicy test docker.io/library/nginx:1.25.3 --policy 'semver:~1.25'";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(StatusArgs),
    Explain(ExplainArgs),
    Test(TestArgs),
    Images(ImagesArgs),
    Update(UpdateArgs),
    Rollback(RollbackArgs),
    History(HistoryArgs),
    Automate(Box<AutomateArgs>),
    Deautomate(DeautomateArgs),
    Lock(LockArgs),
    Unlock(UnlockArgs),
    Policy(Box<PolicyArgs>),
    Controller(ControllerArgs),
    Cache(CacheArgs),
    Completion(CompletionArgs),
    Version(VersionArgs),
    /// List the flags that every command accepts
    #[command(after_help = "Examples:
  # kubectl's own client flags, verbosity and colour
  kubectl imgpolicy options")]
    Options,
}
