//! Whether the pull secrets of workloads are used.

use clap::{Args, ValueEnum};

use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Cluster;
use crate::collect::{PullSecretUse, UsedPullSecrets};

/// Flags about the credentials of workloads.
#[derive(Debug, Clone, Args)]
pub(crate) struct PullSecretFlags {
    /// When the pull secrets of workloads are read and shown to registries
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Registries"
    )]
    pull_secrets: WhenPullSecrets,
}

/// When a workload's own credentials are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhenPullSecrets {
    /// Where your own credentials are refused (401, 403, 404)
    Auto,
    /// Wherever a workload has one for the registry
    Always,
    /// Never
    Off,
}

impl PullSecretFlags {
    /// The flag as it is given again; `None` for the default.
    pub(crate) fn repeated(&self) -> Option<&'static str> {
        match self.pull_secrets {
            WhenPullSecrets::Auto => None,
            WhenPullSecrets::Always => Some("--pull-secrets=always"),
            WhenPullSecrets::Off => Some("--pull-secrets=off"),
        }
    }

    /// Refuses to read what is not there; `instead` is the flag that names
    /// another place than a cluster.
    pub(crate) fn check(&self, instead: &str) -> Result<(), CommandError> {
        if self.pull_secrets == WhenPullSecrets::Always {
            return Err(CommandError::usage(format!(
                "--pull-secrets=always reads Secrets of a cluster, and with {instead} none is asked"
            )));
        }
        Ok(())
    }

    /// What the flag means where the workloads came from.
    pub(crate) fn with<'c>(&self, cluster: Option<&'c Cluster>) -> PullSecretUse<'c> {
        match (self.pull_secrets, cluster) {
            (WhenPullSecrets::Off, _) | (_, None) => PullSecretUse::Off,
            (WhenPullSecrets::Auto, Some(cluster)) => PullSecretUse::Auto(cluster),
            (WhenPullSecrets::Always, Some(cluster)) => PullSecretUse::Always(cluster),
        }
    }
}

/// Tells whose credentials an answer rests on beside the user's own.
pub(crate) fn tell_used(used: UsedPullSecrets, terminal: &mut Terminal) {
    let UsedPullSecrets {
        secrets,
        namespaces,
    } = used;
    let plural = |number: usize| if number == 1 { "" } else { "s" };
    if secrets > 0 {
        terminal.tell(&format!(
            "used {secrets} pull secret{} from {namespaces} namespace{}",
            plural(secrets),
            plural(namespaces)
        ));
    }
}
