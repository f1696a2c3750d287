//! Writes a plan one workload after the other, and follows each rollout to its end before
//! the next write. So a failure affects only one workload.

use std::time::Duration;

use serde_json::Value;

use super::context::LiveWriter;
use super::event::{Rollout, WriteEvent};
use super::live::write_live;
use super::stop::StopSignal;
use super::{Applied, Done, DryRun, WriteContext};
use crate::cluster::Cluster;
use crate::plan::Plan;
use crate::workload::{RolloutProgress, WorkloadId, decode, progress};

/// The pause before a rollout is checked again. It starts short, because some rollouts
/// finish at once.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// After how many answers in a row that deny access a rollout is no longer followed. A
/// single one may come from a server that is just being restarted.
const MAX_DENIALS: u32 = 3;

/// Writes the changes of the plan in order and waits for each rollout, for at most `limit`.
/// The first failure stops the rest.
pub(crate) async fn write_and_wait(
    plan: &Plan,
    context: &WriteContext<'_>,
    writer: &LiveWriter<'_>,
    limit: Duration,
    report: &dyn Fn(WriteEvent<'_>),
) -> Vec<Applied> {
    let mut goes_on = true;
    let mut results = Vec::new();
    for change in &plan.changes {
        let is_stopped = context.stop.is_requested();
        if !goes_on || is_stopped {
            let result = if is_stopped {
                Done::Stopped
            } else {
                Done::NotStarted
            };
            let applied = Applied {
                workload: change.workload.clone(),
                source: change.source.clone(),
                result: Ok(result),
                notes: Vec::new(),
                stuck: Vec::new(),
            };
            report(WriteEvent::Applied(&applied));
            results.push(applied);
            continue;
        }
        let one = Plan {
            changes: vec![change.clone()],
            ..Plan::default()
        };
        let mut observed = context.observed.iter();
        let its = observed.find(|object| object.workload.id == change.workload);
        let its = WriteContext {
            observed: its.map_or(&[], std::slice::from_ref),
            ..*context
        };
        let applied = write_live(&one, &its, writer, report).await;
        for Applied { result, .. } in &applied {
            goes_on &= result.is_ok();
        }
        let is_written = applied
            .iter()
            .any(|a| matches!(a.result, Ok(Done::Written)));
        results.extend(applied);
        if !is_written || writer.dry_run != DryRun::None {
            continue;
        }
        let waiting = |text: &str| report(WriteEvent::Waiting(&change.workload, text));
        let limit = Limit {
            time: limit,
            stop: context.stop,
        };
        let rollout = follow(writer.cluster, &change.workload, &limit, &waiting).await;
        report(WriteEvent::Ended(&change.workload, &rollout));
        if !matches!(rollout, Rollout::Complete | Rollout::NothingToFollow(_)) {
            let stuck = writer.cluster.stuck_pods(&change.workload, false).await;
            if !stuck.is_empty() {
                report(WriteEvent::Stuck(&change.workload, &stuck));
            }
        }
        goes_on &= matches!(rollout, Rollout::Complete | Rollout::NothingToFollow(_));
    }
    results
}

/// Follows the rollout of a change that was written before, for at most `limit`. `waiting`: what
/// it waits for, whenever that changes.
pub async fn follow_rollout(
    cluster: &Cluster,
    id: &WorkloadId,
    limit: Duration,
    stop: &StopSignal,
    waiting: &dyn Fn(&str),
) -> Rollout {
    let limit = Limit { time: limit, stop };
    follow(cluster, id, &limit, waiting).await
}

/// When a rollout is no longer followed.
struct Limit<'a> {
    time: Duration,
    stop: &'a StopSignal,
}

/// Follows a rollout. Reports what it waits for whenever that changes.
async fn follow(
    cluster: &Cluster,
    id: &WorkloadId,
    limit: &Limit<'_>,
    waiting: &dyn Fn(&str),
) -> Rollout {
    let mut reported = String::new();
    let mut is_readable = true;
    let mut said = Vec::new();
    let mut causes = Causes::default();
    let end = async {
        let mut denials = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let object = cluster.object(id).await;
            is_readable = object.is_ok();
            denials = match &object {
                Err(error) if error.is_access_denied() => denials + 1,
                _ => 0,
            };
            let text = match object {
                Ok(object) => match progress(&object) {
                    RolloutProgress::Done => return Rollout::Complete,
                    RolloutProgress::Still(why) => return Rollout::NothingToFollow(why),
                    RolloutProgress::Failed(why) => {
                        return Rollout::Failed(causes.add(cluster, id, &object, why).await);
                    }
                    RolloutProgress::Waiting(text) => causes.add(cluster, id, &object, text).await,
                },
                Err(error) if error.reason() == "NotFound" => {
                    return Rollout::Failed(error.line());
                }
                Err(error) if denials == MAX_DENIALS => return Rollout::Unknown(error.line()),
                // A server that is unavailable may come back in time.
                Err(error) => error.line(),
            };
            // What a Pod reports may alternate, such as ErrImagePull and ImagePullBackOff.
            if !said.contains(&text) {
                waiting(&text);
                said.clear();
                said.extend([std::mem::take(&mut reported), text.clone()]);
            }
            reported = text;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    tokio::select! {
        rollout = end => rollout,
        () = tokio::time::sleep(limit.time) => if is_readable {
            Rollout::TimedOut(reported)
        } else {
            Rollout::Unknown(reported)
        },
        () = limit.stop.requested() => Rollout::Stopped(reported),
    }
}

/// Looks for what keeps a rollout from going on.
#[derive(Debug, Default)]
struct Causes {
    /// The first look is skipped: most Pods start at once.
    is_second_look: bool,
    /// The Pods cannot be listed.
    is_closed: bool,
}

impl Causes {
    /// Adds why the Pods cannot be created or do not start, if that is so.
    async fn add(
        &mut self,
        cluster: &Cluster,
        id: &WorkloadId,
        object: &Value,
        text: String,
    ) -> String {
        let refused = cluster.refused_pods(object).await;
        let cause = match refused {
            Some(refused) => Some(refused),
            None => self.find(cluster, id, object).await,
        };
        match cause {
            Some(cause) => format!("{text}; {cause}"),
            None => text,
        }
    }

    /// The first Pod that does not start, and why.
    async fn find(&mut self, cluster: &Cluster, id: &WorkloadId, object: &Value) -> Option<String> {
        if !std::mem::replace(&mut self.is_second_look, true) || self.is_closed {
            return None;
        }
        let workload = decode(object, &id.namespace).ok()??;
        match cluster.failing_pods(&workload).await {
            Ok(pods) => pods.first().map(|pod| pod.problem.to_string()),
            Err(error) => {
                tracing::debug!("the Pods of {id} are not shown: {error}");
                self.is_closed = true;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cluster::fake::{cluster, status};
    use crate::write::fake::{object, observed};

    /// How a rollout ends if the answers from the given one on are another status.
    async fn followed(from: usize, code: u16, reason: &'static str) -> Rollout {
        let answers = AtomicUsize::new(0);
        let (cluster, _) = cluster(move |_| {
            let n = answers.fetch_add(1, Ordering::Relaxed);
            if n >= from {
                return status(code, reason, "m");
            }
            let mut object = object("web", 7, "org/app:1");
            object["metadata"]["generation"] = 2.into();
            (200, object.to_string())
        });
        let id = observed("web", 7).workload.id;
        let limit = Limit {
            time: Duration::from_secs(60),
            stop: &StopSignal::never(),
        };
        follow(&cluster, &id, &limit, &|_| {}).await
    }

    #[tokio::test(start_paused = true)]
    async fn rollout_that_cannot_be_read_is_not_called_unfinished() {
        for (code, reason, line) in [
            (
                401,
                "Unauthorized",
                "error: You must be logged in to the server (m)",
            ),
            (403, "Forbidden", "Error from server (Forbidden): m"),
            (500, "InternalError", "Error from server (InternalError): m"),
        ] {
            for from in [0, 4] {
                let rollout = followed(from, code, reason).await;
                assert_eq!(rollout, Rollout::Unknown(line.to_owned()));
            }
        }
        let unfinished = "its controller has not seen the change yet";
        let rollout = followed(usize::MAX, 500, "").await;
        assert_eq!(rollout, Rollout::TimedOut(unfinished.to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn access_that_stays_denied_is_not_awaited() {
        let started = tokio::time::Instant::now();
        followed(0, 401, "Unauthorized").await;
        assert!(started.elapsed() < Duration::from_secs(5));
        followed(0, 500, "InternalError").await;
        assert!(started.elapsed() > Duration::from_secs(60));
    }
}
