//! The flags of `update` that override safeguards.

use clap::Args;

use crate::plan::Overrides;

/// The flags that override safeguards. None implies another.
#[derive(Debug, Clone, Args)]
pub(crate) struct OverrideFlags {
    /// Write --image even if the policy does not accept it
    #[arg(long, requires = "image")]
    override_policy: bool,

    /// Also update locked workloads
    #[arg(long)]
    override_lock: bool,

    /// Also update workloads where GitOps or an operator will revert the change
    #[arg(long)]
    override_owner: bool,

    /// Also update at a time that a window or a freeze of the workload or its namespace does not
    /// allow
    #[arg(long)]
    override_window: bool,

    /// With -k, or a kustomization in the folders of -f -R, also write images that no registry
    /// could confirm
    #[arg(long)]
    pub(crate) allow_unconfirmed: bool,
}

impl OverrideFlags {
    /// The safeguards that are overridden.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            policy: self.override_policy,
            lock: self.override_lock,
            owner: self.override_owner,
            window: self.override_window,
            unconfirmed: self.allow_unconfirmed,
        }
    }
}
