//! How the controller writes.

use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::{Cluster, ClusterError, EventNote};
use crate::collect::PullSecretUse;
use crate::plan::{Authorship, Plan};
use crate::registry::Registries;
use crate::secrets;
use crate::workload::{Observed, WorkloadId};
use crate::write::{
    Applied, DryRun, Fence, LiveWriter, StopSignal, WriteContext, WriteEvent, Writer,
};

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

impl UpdateWriter<'_> {
    /// Records an Event about a state of a workload.
    ///
    /// # Errors
    ///
    /// It cannot be read, or no Event may be recorded.
    pub async fn record_state(
        &self,
        id: &WorkloadId,
        event: EventNote,
    ) -> Result<(), ClusterError> {
        let object = self.cluster.observe(id).await?;
        let event = EventNote {
            note: secrets::redact(&event.note).into_owned(),
            ..event
        };
        let now = (self.clock)();
        self.cluster
            .record_state_event(&object, &event, self.field_manager, now)
            .await
    }

    /// Writes a plan with one change. `wait`: how long its rollout is followed; `None`: it is not.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        observed: &[Observed],
        wait: Option<Duration>,
        report: &dyn Fn(WriteEvent<'_>),
    ) -> Option<Applied> {
        let authorship = Authorship {
            by: self.by.to_owned(),
            at: (self.clock)(),
            overrides: Vec::new(),
            is_recorded: true,
        };
        let writer = Writer::Live(LiveWriter {
            cluster: self.cluster,
            dry_run: DryRun::None,
            field_manager: self.field_manager,
            authorship: &authorship,
            clock: self.clock,
            fence: self.fence,
        });
        let context = WriteContext {
            observed,
            recheck: None,
            wait,
            stop: self.stop,
        };
        let written = writer.write(plan, &context, report).await;
        written.applied.into_iter().next()
    }
}
