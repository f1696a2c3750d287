//! Whether the pull secrets of workloads are used.

use clap::{Args, ValueEnum};

use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Cluster;
use crate::collect::{PullSecretUse, UsedPullSecrets};
use crate::files::SecretInFile;
use crate::output::count;

/// Flags about the credentials of workloads.
#[derive(Debug, Clone, Args)]
pub(crate) struct PullSecretFlags {
    /// When to read the pull secrets of workloads and use them to log in to registries
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
    /// If your own credentials are refused (401, 403, 404)
    Auto,
    /// Whenever a workload has one for the registry
    Always,
    /// Never
    Off,
}

impl PullSecretFlags {
    /// Whether the flag differs from its default.
    pub(crate) fn is_given(&self) -> bool {
        self.pull_secrets != WhenPullSecrets::Auto
    }

    /// Whether pull secrets are never used.
    pub(crate) fn is_off(&self) -> bool {
        self.pull_secrets == WhenPullSecrets::Off
    }

    /// Rejects `always` if no cluster is read. `instead` is the flag that names the other
    /// source.
    pub(crate) fn check(&self, instead: &str) -> Result<(), CommandError> {
        if self.pull_secrets == WhenPullSecrets::Always {
            return Err(CommandError::usage(format!(
                "--pull-secrets=always reads Secrets from a cluster, and {instead} uses none"
            )));
        }
        Ok(())
    }

    /// How pull secrets are used with this cluster, if any, and with those in files.
    pub(crate) fn with<'c>(
        &self,
        cluster: Option<&'c Cluster>,
        in_files: &'c [SecretInFile],
    ) -> PullSecretUse<'c> {
        match (self.pull_secrets, cluster) {
            (WhenPullSecrets::Auto, None) => PullSecretUse::Files(in_files),
            (WhenPullSecrets::Off, _) | (_, None) => PullSecretUse::Off,
            (WhenPullSecrets::Auto, Some(cluster)) => PullSecretUse::Auto(cluster),
            (WhenPullSecrets::Always, Some(cluster)) => PullSecretUse::Always(cluster),
        }
    }
}

/// Reports whose credentials were used in addition to the user's own.
pub(crate) fn report_used(used: UsedPullSecrets, terminal: &mut Terminal) {
    let UsedPullSecrets {
        secrets,
        namespaces,
    } = used;
    if secrets > 0 {
        terminal.note(&format!(
            "used {} from {}",
            count(secrets, "pull secret"),
            count(namespaces, "namespace")
        ));
    }
}
