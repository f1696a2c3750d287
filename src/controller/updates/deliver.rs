//! The write of one change, and what became of its rollout.

use std::cell::RefCell;

use super::delivered::Delivered;
use super::update_writer::UpdateWriter;
use crate::collect::{self, FreshLook};
use crate::controller::event::ControllerEvent;
use crate::plan::{Change, Overrides, Plan};
use crate::workload::{Observed, RolloutProgress, WorkloadId, progress};
use crate::write::{
    Rollout, WriteEvent, confirm_images, follow_rollout, hold_back_in_cluster, wanted_images,
};

impl UpdateWriter<'_> {
    /// Reads the object again, checks its owner and the image, writes the change, and follows
    /// its rollout. Reports the write and what the rollout waits for.
    pub async fn deliver(&self, change: Change, report: &dyn Fn(ControllerEvent<'_>)) -> Delivered {
        let id = change.workload.clone();
        let objects = collect::observe(self.cluster, [id.clone()]).await;
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
            held_back: std::mem::take(&mut plan.held_back),
            errors: errors.collect(),
            ..Delivered::new(change)
        };
        if plan.changes.is_empty() {
            return delivered;
        }
        let objects = objects.by_id.into_values();
        let observed: Vec<Observed> = objects.map(|object| object.observed).collect();
        let was_available = self.is_available(&id).await;
        self.write_and_follow(&plan, &observed, &mut delivered, report)
            .await;
        self.end(&mut delivered, was_available, report).await;
        delivered
    }

    /// Follows the rollout of an update that was written before this process led. Whether the
    /// workload was available before is not known, so its images are not restored.
    pub async fn take_up(&self, change: Change, report: &dyn Fn(ControllerEvent<'_>)) -> Delivered {
        let id = change.workload.clone();
        let limit = self.rollout_timeout;
        let rollout = follow_rollout(self.cluster, &id, limit, self.stop, &|text: &str| {
            report(ControllerEvent::Waiting(&id, text));
        })
        .await;
        let mut delivered = Delivered {
            rollout: Some(rollout),
            ..Delivered::new(change)
        };
        self.end(&mut delivered, false, report).await;
        delivered
    }

    /// Whether all Pods of a workload are available.
    async fn is_available(&self, id: &WorkloadId) -> bool {
        let object = self.cluster.object(id).await;
        object.is_ok_and(|object| progress(&object) == RolloutProgress::Done)
    }

    /// Records a rollout that has failed.
    async fn end(
        &self,
        delivered: &mut Delivered,
        was_available: bool,
        report: &dyn Fn(ControllerEvent<'_>),
    ) {
        let Some(Rollout::Failed(cause) | Rollout::TimedOut(cause)) = &delivered.rollout else {
            return;
        };
        let change = &delivered.change;
        delivered.failure = self
            .handle_failure(change, cause, was_available, report)
            .await;
    }

    async fn write_and_follow(
        &self,
        plan: &Plan,
        observed: &[Observed],
        delivered: &mut Delivered,
        report: &dyn Fn(ControllerEvent<'_>),
    ) {
        let end = RefCell::new((None, Vec::new()));
        let wait = Some(self.rollout_timeout);
        let applied = self
            .write(plan, observed, wait, &|event| match event {
                WriteEvent::Applied(applied) => {
                    report(ControllerEvent::Written(&delivered.change, applied));
                }
                WriteEvent::Waiting(id, text) => report(ControllerEvent::Waiting(id, text)),
                WriteEvent::Ended(_, rollout) => end.borrow_mut().0 = Some(rollout.clone()),
                WriteEvent::Stuck(_, pods) => end.borrow_mut().1 = pods.to_vec(),
                WriteEvent::Slow(_) => {}
            })
            .await;
        delivered.applied = applied;
        (delivered.rollout, delivered.stuck) = end.into_inner();
    }
}
