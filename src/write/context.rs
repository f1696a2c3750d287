//! How a plan is written.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use super::DryRun;
use super::recheck::Recheck;
use super::stop::StopSignal;
use crate::cluster::Cluster;
use crate::plan::Authorship;
use crate::workload::Observed;

/// How live objects are written.
#[derive(Clone)]
pub struct LiveWriter<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Whether this is a dry run, and of which kind.
    pub dry_run: DryRun,
    /// The field manager name recorded by the API server.
    pub field_manager: &'a str,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
    /// The current time. A window may close while rollouts are awaited.
    pub clock: fn() -> Timestamp,
    /// Asked just before each patch whether this process may still write; `None`: it may. The
    /// error says why not.
    pub fence: Option<&'a dyn Fence>,
}

/// Whether this process may still write.
pub trait Fence {
    /// # Errors
    ///
    /// Why it may not.
    fn check(&self) -> LocalBoxFuture<'_, Result<(), String>>;
}

/// What a write needs besides the plan.
#[derive(Debug, Clone, Copy)]
pub struct WriteContext<'a> {
    /// The live objects that the plan was made from.
    pub observed: &'a [Observed],
    /// How to look up images again; `None`: the plan's images are not from a registry.
    pub recheck: Option<&'a Recheck<'a>>,
    /// Wait for each rollout, at most this long.
    pub wait: Option<Duration>,
    /// When to stop.
    pub stop: &'a StopSignal,
}
