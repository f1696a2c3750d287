//! `controller resume`: continues with updates that failures have stopped.

use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::runtime::{now, runtime};
use crate::cli::terminal::confirm::{Prompt, confirm};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{CONTROLLER_LEASE, Cluster};
use crate::controller::resume::{resume_in_lease, resume_namespace};
use crate::image::ImageReference;

/// Continue with updates that failures have stopped
///
/// Failed rollouts stop the updates to an image, in a namespace, or all of them, for an hour. This
/// command has the controller forget the failures until now. It does not change which images the
/// workloads reject: 'unlock' does.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The updates in a namespace
  kubectl imgpolicy controller resume -n shop

  # The updates to one image
  kubectl imgpolicy controller resume --image docker.io/org/app:1.0.1

  # All updates of the controller that runs in the namespace imgpolicy
  kubectl imgpolicy controller resume --all --lease-namespace imgpolicy")]
pub(crate) struct ResumeArgs {
    /// Resume the updates to this image
    #[arg(long, value_name = "IMAGE", conflicts_with = "all")]
    image: Option<ImageReference>,

    /// Resume all updates
    #[arg(long)]
    all: bool,

    /// The namespace where the controller runs, for --all and --image [default: the context's]
    #[arg(long, value_name = "NAMESPACE")]
    lease_namespace: Option<String>,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// The name that the API server records as the author of the change
    #[arg(long, value_name = "NAME", default_value = "imgpolicy")]
    field_manager: String,
}

/// What is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ResumeScope<'a> {
    All,
    Image(&'a ImageReference),
    Namespace(&'a str),
}

impl ResumeScope<'_> {
    /// What is going to happen, for the prompt.
    fn action(&self) -> String {
        match self {
            Self::All => "Resume all updates".to_owned(),
            Self::Image(image) => format!("Resume updates to {image}"),
            Self::Namespace(name) => format!("Resume updates in namespace {name}"),
        }
    }
}

impl ResumeArgs {
    fn scope<'a>(&'a self, namespace: Option<&'a str>) -> Result<ResumeScope<'a>, CommandError> {
        match (namespace, &self.image, self.all) {
            (None, None, false) => Err(CommandError::usage(
                "say what to resume: --image IMAGE, -n NAMESPACE or --all",
            )),
            (Some(_), Some(_), _) | (Some(_), _, true) => Err(CommandError::usage(
                "-n resumes the updates in one namespace, so it cannot be used with --image or \
                 --all; the namespace of the controller is --lease-namespace",
            )),
            (Some(_), None, false) if self.lease_namespace.is_some() => Err(CommandError::usage(
                "--lease-namespace is only for --image and --all",
            )),
            (Some(name), None, false) => Ok(ResumeScope::Namespace(name)),
            (None, Some(image), _) => Ok(ResumeScope::Image(image)),
            (None, None, true) => Ok(ResumeScope::All),
        }
    }
}

pub(crate) fn resume(
    args: &ResumeArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let scope = args.scope(globals.namespace.as_deref())?;
    if !args.yes && !terminal.can_ask() {
        return Err(CommandError::failed(
            "refusing to resume updates without a terminal; pass --yes",
        ));
    }
    let runtime = runtime()?;
    let cluster = runtime.block_on(Cluster::connect(&globals.connection()))?;
    let place = match cluster.context() {
        Some(context) => format!("of context {context}"),
        None => format!("of {}", cluster.server()),
    };
    let prompt = Prompt {
        action: scope.action(),
        what: "updates".to_owned(),
        location: place,
    };
    confirm(&prompt, args.yes, terminal)?;
    let object = runtime.block_on(write(args, &scope, &cluster))?;
    terminal.print(&format!("{object} annotated\n"));
    Ok(ExitCode::SUCCESS)
}

/// Writes the mark. Returns the object that has it.
async fn write(
    args: &ResumeArgs,
    scope: &ResumeScope<'_>,
    cluster: &Cluster,
) -> Result<String, CommandError> {
    let manager = &args.field_manager;
    let image = match scope {
        ResumeScope::Namespace(name) => {
            resume_namespace(cluster, name, now(), manager).await?;
            return Ok(format!("namespace/{name}"));
        }
        ResumeScope::Image(image) => Some(*image),
        ResumeScope::All => None,
    };
    let own = args.lease_namespace.as_deref();
    let namespace = own.unwrap_or_else(|| cluster.namespace());
    if !resume_in_lease(cluster, namespace, image, now(), manager).await? {
        return Err(CommandError::failed(format!(
            "no controller has run in namespace {namespace}; name its namespace with \
             --lease-namespace"
        )));
    }
    Ok(format!("lease.coordination.k8s.io/{CONTROLLER_LEASE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(image: Option<&str>, all: bool, lease_namespace: Option<&str>) -> ResumeArgs {
        ResumeArgs {
            image: image.map(|image| image.parse().expect("an image")),
            all,
            lease_namespace: lease_namespace.map(str::to_owned),
            yes: false,
            field_manager: "imgpolicy".to_owned(),
        }
    }

    #[test]
    fn exactly_one_scope_is_resumed() {
        let image = Some("org/app:1");
        for (args, namespace, said) in [
            (
                args(None, false, None),
                None,
                "--image IMAGE, -n NAMESPACE or --all",
            ),
            (
                args(None, false, Some("a")),
                None,
                "--image IMAGE, -n NAMESPACE or --all",
            ),
            (
                args(image, false, None),
                Some("shop"),
                "cannot be used with --image",
            ),
            (
                args(None, true, None),
                Some("shop"),
                "cannot be used with --image",
            ),
            (
                args(None, false, Some("a")),
                Some("shop"),
                "only for --image and --all",
            ),
        ] {
            let error = args.scope(namespace).expect_err("no single scope");
            assert!(error.message().contains(said), "{}", error.message());
        }
        for (args, namespace, action) in [
            (
                args(None, false, None),
                Some("shop"),
                "Resume updates in namespace shop",
            ),
            (
                args(image, false, Some("a")),
                None,
                "Resume updates to org/app:1",
            ),
            (args(None, true, Some("a")), None, "Resume all updates"),
        ] {
            let scope = args.scope(namespace).map(|scope| scope.action());
            assert_eq!(scope.ok().as_deref(), Some(action));
        }
    }
}
