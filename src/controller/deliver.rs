//! The write of one change, and what became of its rollout.

use std::cell::RefCell;
use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::collect::{self, FreshLook, PullSecretUse};
use crate::plan::{Authorship, Change, HeldBack, Overrides, Plan};
use crate::registry::Registries;
use crate::workload::{Observed, PodProblem, WorkloadId};
use crate::write::{
    Applied, DryRun, Fence, LiveWriter, Rollout, StopSignal, WriteContext, WriteEvent, Writer,
    confirm_images, hold_back_in_cluster, wanted_images,
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

/// What became of a change.
#[derive(Debug)]
pub struct Delivered {
    /// The change.
    pub change: Change,
    /// Why it was not written, if it was held back.
    pub held_back: Vec<HeldBack>,
    /// Why the object could not be read, if it could not.
    pub errors: Vec<String>,
    /// What was written, or why not.
    pub applied: Option<Applied>,
    /// How the rollout ended, if one was followed.
    pub rollout: Option<Rollout>,
    /// The Pods that do not start, if the rollout has failed.
    pub stuck: Vec<PodProblem>,
}

impl UpdateWriter<'_> {
    /// Reads the object again, checks its owner and the image, writes the change, and follows
    /// its rollout. `report`: what the rollout waits for.
    pub async fn deliver(&self, change: Change, report: &dyn Fn(&WorkloadId, &str)) -> Delivered {
        let id = change.workload.clone();
        let objects = collect::observe(self.cluster, [id]).await;
        let mut plan = Plan {
            changes: vec![change.clone()],
            ..Plan::default()
        };
        hold_back_in_cluster(&mut plan, &objects, self.cluster, Overrides::default()).await;
        let wanted = wanted_images(&plan, &objects);
        if !wanted.is_empty() {
            let (as_user, as_workload) = (self.as_user.next_run(), self.as_workload.next_run());
            let look = FreshLook {
                as_user: &as_user,
                as_workload: &as_workload,
                pull_secrets: self.pull_secrets,
                accepts_unconfirmed: false,
            };
            confirm_images(&mut plan, &wanted, &look).await;
        }
        let errors = objects.errors.iter().map(|error| error.message.clone());
        let mut delivered = Delivered {
            change,
            held_back: std::mem::take(&mut plan.held_back),
            errors: errors.collect(),
            applied: None,
            rollout: None,
            stuck: Vec::new(),
        };
        if plan.changes.is_empty() {
            return delivered;
        }
        let objects = objects.by_id.into_values();
        let observed: Vec<Observed> = objects.map(|object| object.observed).collect();
        self.write(&plan, &observed, &mut delivered, report).await;
        delivered
    }

    async fn write(
        &self,
        plan: &Plan,
        observed: &[Observed],
        delivered: &mut Delivered,
        report: &dyn Fn(&WorkloadId, &str),
    ) {
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
            wait: Some(self.rollout_timeout),
            stop: self.stop,
        };
        let end = RefCell::new((None, Vec::new()));
        let written = writer
            .write(plan, &context, &|event| match event {
                WriteEvent::Waiting(id, text) => report(id, text),
                WriteEvent::Ended(_, rollout) => end.borrow_mut().0 = Some(rollout.clone()),
                WriteEvent::Stuck(_, pods) => end.borrow_mut().1 = pods.to_vec(),
                WriteEvent::Applied(_) | WriteEvent::Slow(_) => {}
            })
            .await;
        delivered.applied = written.applied.into_iter().next();
        (delivered.rollout, delivered.stuck) = end.into_inner();
    }
}
