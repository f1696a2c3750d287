//! What follows a rollout that has failed: the failure is recorded on the workload, and with
//! `imgpolicy.dev/on-failure: rollback` the previous images are restored.

use std::time::Duration;

use super::delivered::FailureHandled;
use super::update_writer::UpdateWriter;
use crate::cluster::{AccessError, ClusterError};
use crate::collect;
use crate::controller::event::ControllerEvent;
use crate::plan::{
    AfterFailure, Authorship, Change, FailedUpdate, Plan, after_failure, plan_after_failure,
};
use crate::secrets;
use crate::workload::Observed;
use crate::write::{Applied, Done, DryRun, LiveWriter, WriteContext, WriteError, Writer};

/// The pause before a failure that could not be recorded is recorded again. Until then, the
/// workload counts as being updated, so that no other one gets the image.
const RETRY: Duration = Duration::from_secs(5);

impl UpdateWriter<'_> {
    /// Records a failed rollout, and tries again until that is done, the program is to stop, or
    /// another replica leads. `None`: it was not done.
    pub(crate) async fn handle_failure(
        &self,
        change: &Change,
        cause: &str,
        was_available: bool,
        report: &dyn Fn(ControllerEvent<'_>),
    ) -> Option<FailureHandled> {
        loop {
            let problem = match self.record_failure(change, cause, was_available).await {
                Ok(handled) => match &handled.applied.result {
                    Ok(Done::Written | Done::Unchanged) => return Some(handled),
                    Ok(_) => return None,
                    Err(error) => error.to_string(),
                },
                // Whoever has deleted it has undone the update.
                Err(error) if error.reason() == "NotFound" => return None,
                Err(error) => AccessError::for_object(&change.workload, "get", &error).message,
            };
            if let Some(fence) = self.fence
                && fence.check().await.is_err()
            {
                return None;
            }
            let text = format!("the failure cannot be recorded: {problem}");
            report(ControllerEvent::Waiting(&change.workload, &text));
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.stop.requested() => return None,
            }
        }
    }

    async fn record_failure(
        &self,
        change: &Change,
        cause: &str,
        was_available: bool,
    ) -> Result<FailureHandled, ClusterError> {
        let id = &change.workload;
        let object = self.cluster.observe(id).await?;
        let objects = collect::observe(self.cluster, [id.clone()]).await;
        let owners = collect::owners(self.cluster, &objects.by_id).await;
        let failed = FailedUpdate {
            change,
            cause: &secrets::redact(cause),
            at: (self.clock)(),
        };
        let mut decision = after_failure(&object.workload, was_available, owners.get(id));
        let plan = plan_after_failure(&failed, &object, &decision);
        let mut applied = self.write_at_once(&plan, &object).await;
        // The workload may have been locked or changed meanwhile.
        if let (AfterFailure::RollBack, Err(WriteError::Refused(why))) =
            (&decision, &applied.result)
        {
            decision = AfterFailure::Keep(why.to_string());
            let object = self.cluster.observe(id).await?;
            let plan = plan_after_failure(&failed, &object, &decision);
            applied = self.write_at_once(&plan, &object).await;
        }
        let workload = match self.cluster.observe(id).await {
            Ok(object) => Some(object.workload),
            Err(_) => None,
        };
        Ok(FailureHandled {
            decision,
            applied,
            workload,
        })
    }

    /// Writes a plan with one change, and does not follow its rollout.
    async fn write_at_once(&self, plan: &Plan, object: &Observed) -> Applied {
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
            observed: std::slice::from_ref(object),
            recheck: None,
            wait: None,
            stop: self.stop,
        };
        let written = writer.write(plan, &context, &|_| {}).await;
        let mut applied = written.applied.into_iter();
        applied.next().unwrap_or_else(|| Applied {
            workload: object.workload.id.clone(),
            source: None,
            result: Ok(Done::Unchanged),
            notes: Vec::new(),
            stuck: Vec::new(),
        })
    }
}
