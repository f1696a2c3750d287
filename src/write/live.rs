//! A plan written to the cluster.
//!
//! ```text
//! Observed ─► edit ─► dry run ─► patch ─► Event
//!    ^                  │          │
//!    └── read again <───┴── 409 <──┘
//! ```
//!
//! The patch carries the version of the object that the edit was made for. So
//! nothing is written over what others wrote in between, and a patch that was
//! sent twice is applied once.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::event_log::EventLog;
use super::{Applied, Done, DryRun, WriteError};
use crate::cluster::{AccessError, Cluster, ClusterError, Patched};
use crate::plan::{Authorship, Change, Edit, Plan};
use crate::workload::{Observed, WorkloadId};

/// How many workloads are written at once.
const AT_ONCE: usize = 8;

/// How often a change is tried on an object that others write too. A rollout
/// writes its status many times a second; at a hundred writes a second three
/// tries lose one change of a hundred.
const TRIES: u32 = 10;

/// Before a further try, between these: writers who met once shall not meet again.
const SHORTEST_PAUSE: u64 = 5;
const LONGEST_PAUSE: u64 = 100;

/// How live objects are written.
#[derive(Clone)]
pub struct LiveWriter<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// How far it goes.
    pub dry_run: DryRun,
    /// Under which name the server keeps book.
    pub field_manager: &'a str,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
}

/// Writes every change of the plan, at most eight workloads at a time, and tells
/// each result as soon as it is there. `observed` are the objects that the plan
/// was made from, in the plan's order; one that is missing is read anew. The
/// results are in the plan's order. One that fails does not stop the others.
pub async fn write_live(
    plan: &Plan,
    observed: &[Observed],
    writer: &LiveWriter<'_>,
    report: &dyn Fn(&Applied),
) -> Vec<Applied> {
    let observed: BTreeMap<&WorkloadId, &Observed> = observed
        .iter()
        .map(|object| (&object.workload.id, object))
        .collect();
    let events = EventLog::default();
    let writes = plan.changes.iter().enumerate().map(|(place, change)| {
        let object = observed.get(&change.workload).copied();
        let write = Write {
            writer,
            change,
            events: &events,
        };
        async move {
            let applied = write.run(object).await;
            report(&applied);
            (place, applied)
        }
    });
    // In order, one that meets many conflicts would hold up those behind it.
    let writes = stream::iter(writes).buffer_unordered(AT_ONCE);
    let mut applied: Vec<(usize, Applied)> = writes.collect().await;
    applied.sort_by_key(|(place, _)| *place);
    applied.into_iter().map(|(_, applied)| applied).collect()
}

/// The write of one change.
struct Write<'a> {
    writer: &'a LiveWriter<'a>,
    change: &'a Change,
    events: &'a EventLog,
}

impl Write<'_> {
    async fn run(&self, observed: Option<&Observed>) -> Applied {
        let mut notes = Vec::new();
        Applied {
            workload: self.change.workload.clone(),
            source: self.change.source.clone(),
            result: self.apply(observed, &mut notes).await,
            notes,
        }
    }

    async fn apply(
        &self,
        observed: Option<&Observed>,
        notes: &mut Vec<String>,
    ) -> Result<Done, WriteError> {
        let mut object = match observed {
            Some(object) => object.clone(),
            None => self.observe().await?,
        };
        let mut allowed = false;
        let mut sent: Option<Edit> = None;
        for attempt in 1..=TRIES {
            if attempt > 1 {
                tokio::time::sleep(pause()).await;
                object = self.observe().await?;
                // The client may have repeated a patch that was applied already.
                if sent.as_ref().is_some_and(|edit| is_in(edit, &object)) {
                    return Ok(self.written(&object, notes).await);
                }
            }
            let edit = self.change.edit(&object, self.writer.authorship)?;
            if edit.is_empty() {
                return Ok(Done::Unchanged);
            }
            if self.writer.dry_run == DryRun::Client {
                return Ok(Done::Written);
            }
            if !allowed {
                match self.patch(&edit, &object, true).await {
                    Ok(patched) if self.writer.dry_run == DryRun::Server => {
                        notes.extend(told(&edit, &patched));
                        return Ok(Done::Written);
                    }
                    Ok(_) => allowed = true,
                    Err(error) if error.is_conflict() => continue,
                    Err(error) => return Err(self.failed("patch", &error)),
                }
            }
            match self.patch(&edit, &object, false).await {
                Ok(patched) => {
                    notes.extend(told(&edit, &patched));
                    return Ok(self.written(&patched.object, notes).await);
                }
                Err(error) if error.is_conflict() => sent = Some(edit),
                Err(error) => {
                    return match self.applied_after(&error, &edit).await {
                        Some(object) => Ok(self.written(&object, notes).await),
                        None => Err(self.failed("patch", &error)),
                    };
                }
            }
        }
        Err(WriteError::Contended(TRIES))
    }

    async fn observe(&self) -> Result<Observed, WriteError> {
        let object = self.writer.cluster.observe(&self.change.workload).await;
        object.map_err(|error| self.failed("get", &error))
    }

    async fn patch(
        &self,
        edit: &Edit,
        object: &Observed,
        dry_run: bool,
    ) -> Result<Patched, ClusterError> {
        let LiveWriter {
            cluster,
            field_manager,
            ..
        } = self.writer;
        let patch = edit.patch(object);
        let id = &self.change.workload;
        cluster.patch(id, &patch, dry_run, field_manager).await
    }

    /// The object, if a patch was applied although its answer never came.
    async fn applied_after(&self, error: &ClusterError, edit: &Edit) -> Option<Observed> {
        if !error.is_undecided() {
            return None;
        }
        let object = self.writer.cluster.observe(&self.change.workload).await;
        object.ok().filter(|object| is_in(edit, object))
    }

    async fn written(&self, object: &Observed, notes: &mut Vec<String>) -> Done {
        notes.extend(self.events.record(self.writer, self.change, object).await);
        Done::Written
    }

    fn failed(&self, verb: &str, error: &ClusterError) -> WriteError {
        let AccessError { message, hint, .. } =
            AccessError::on_object(&self.change.workload, verb, error);
        WriteError::Cluster { message, hint }
    }
}

/// Whether an object has all that an edit writes.
fn is_in(edit: &Edit, object: &Observed) -> bool {
    let mut annotations = edit.annotations.iter();
    let mut values = edit.values.iter();
    annotations.all(|(key, text)| object.annotations.get(key) == text.as_ref())
        && values.all(|edit| {
            let mut path = edit.path.iter();
            let value = object.values.as_ref();
            let value = value.and_then(|values| path.try_fold(values, |at, key| at.get(key)));
            value.and_then(Value::as_str) == Some(edit.text.as_str())
        })
        && rewritten(edit, object).next().is_none()
}

/// What the server tells beside a success.
fn told(edit: &Edit, patched: &Patched) -> Vec<String> {
    let warnings = patched.warnings.iter().cloned();
    let rewritten = rewritten(edit, &patched.object).map(|(container, image)| {
        format!("container {container}: an admission policy of the cluster made its image {image}")
    });
    warnings.chain(rewritten).collect()
}

/// The containers whose image is another one than an edit writes.
fn rewritten<'a>(edit: &'a Edit, object: &'a Observed) -> impl Iterator<Item = (&'a str, &'a str)> {
    edit.images.iter().filter_map(|edit| {
        let mut containers = object.workload.containers.iter();
        let found = containers
            .find(|c| c.name == edit.container && c.container_type == edit.container_type);
        let image = found.map_or("<none>", |container| container.image.as_str());
        (image != edit.image).then_some((edit.container.as_str(), image))
    })
}

fn pause() -> Duration {
    // Every new one has other keys, which is all the chance that is needed here.
    let chance = RandomState::new().hash_one(());
    let span = LONGEST_PAUSE - SHORTEST_PAUSE + 1;
    Duration::from_millis(SHORTEST_PAUSE + chance % span)
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
