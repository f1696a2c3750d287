//! How the controller writes.

use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::collect::PullSecretUse;
use crate::registry::Registries;
use crate::write::{Fence, StopSignal};

/// How changes are written.
#[derive(Clone)]
pub struct UpdateWriter<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Registries without a cache, which confirm images with the controller's own credentials.
    pub as_user: &'a Registries,
    /// The same, with the credentials of workloads.
    pub as_workload: &'a Registries,
    /// Whether the pull secrets of workloads are used.
    pub pull_secrets: PullSecretUse<'a>,
    /// The field manager name that the API server records.
    pub field_manager: &'a str,
    /// Who writes, as the record says.
    pub by: &'a str,
    /// How long a rollout is awaited.
    pub rollout_timeout: Duration,
    /// The current time.
    pub clock: fn() -> Timestamp,
    /// Whether this process may still write.
    pub fence: Option<&'a dyn Fence>,
    /// When to stop.
    pub stop: &'a StopSignal,
}
