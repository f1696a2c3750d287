//! What follows a rollout that has failed: the failure is recorded on the workload, and with
//! `imgpolicy.dev/on-failure: rollback` the previous images are restored.

use std::collections::BTreeMap;
use std::time::Duration;

use super::delivered::FailureHandled;
use super::update_writer::UpdateWriter;
use crate::cluster::{AccessError, ClusterError};
use crate::collect::{self, ObservedObject};
use crate::controller::event::ControllerEvent;
use crate::plan::{AfterFailure, Change, FailedUpdate, Plan, after_failure, plan_after_failure};
use crate::secrets;
use crate::workload::Observed;
use crate::write::{Applied, Done, WriteError};

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
        let about = ObservedObject {
            observed: object.clone(),
            consequences: Vec::new(),
        };
        let objects = BTreeMap::from([(id.clone(), about)]);
        let owners = collect::owners(self.cluster, &objects).await;
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
        let observed = std::slice::from_ref(object);
        let applied = self.write(plan, observed, None, &|_| {}).await;
        applied.unwrap_or_else(|| Applied {
            workload: object.workload.id.clone(),
            source: None,
            result: Ok(Done::Unchanged),
            notes: Vec::new(),
            stuck: Vec::new(),
        })
    }
}
