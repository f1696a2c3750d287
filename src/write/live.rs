//! A plan written to the cluster.
//!
//! ```text
//! Observed ─► edit ─► dry run, once ─► patch ─► Event
//!    ^                                   │
//!    └────────── read again <── 409 ─────┘
//! ```
//!
//! The patch carries the version of the object that the edit was made for. So
//! nothing is written over what others wrote in between, and a patch that was
//! sent twice is applied once. Where others write without pause, it tests what it
//! is going to write instead.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::event_log::EventLog;
use super::live_writer::LiveWriter;
use super::{Applied, Done, DryRun, WriteError};
use crate::cluster::{AccessError, ClusterError, Patched};
use crate::plan::{Change, Edit, Patch, PatchKind, Plan};
use crate::workload::{Observed, WorkloadId};

/// How many workloads are written at once.
const AT_ONCE: usize = 8;

/// How many conflicts with others who write an object are met before a change is
/// given up.
const TRIES: u32 = 10;

/// How many of them before the patch tests what it writes instead of the version.
/// A rollout writes its status many times a second, and between two requests over
/// a long line there is always a write.
const PATIENCE: u32 = 3;

/// Before a further try, between these: writers who met once shall not meet again.
const SHORTEST_PAUSE: u64 = 5;
const LONGEST_PAUSE: u64 = 100;

/// Writes every change of the plan, at most eight workloads at a time, and tells
/// each result as soon as it and those before it are there. `observed` are the objects that the plan
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
        async move { (place, write.run(object).await) }
    });
    // In order, one that meets many conflicts would hold up those behind it; told
    // they are in the plan's order.
    let mut writes = stream::iter(writes).buffer_unordered(AT_ONCE);
    let mut ahead = BTreeMap::new();
    let mut in_order = Vec::new();
    while let Some((place, applied)) = writes.next().await {
        ahead.insert(place, applied);
        while let Some(next) = ahead.remove(&in_order.len()) {
            report(&next);
            in_order.push(next);
        }
    }
    in_order
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
        let mut is_allowed = false;
        let mut conflicts = 0;
        loop {
            let edit = self.change.edit(&object, self.writer.authorship)?;
            if edit.is_empty() {
                return Ok(Done::Unchanged);
            }
            if self.writer.dry_run == DryRun::Client {
                return Ok(Done::Written);
            }
            if !is_allowed {
                let tried = self.try_dry(&edit, &object).await;
                let tried = tried.map_err(|error| self.failed("patch", &error))?;
                self.check_kept(&edit, &tried.object)?;
                if self.writer.dry_run == DryRun::Server {
                    notes.extend(told(&edit, &tried));
                    return Ok(Done::Written);
                }
                is_allowed = true;
            }
            let patch = patch_after(conflicts, &edit, &object);
            let error = match self.patch(&patch, false).await {
                Ok(patched) => {
                    notes.extend(told(&edit, &patched));
                    return Ok(self.written(&patched.object, notes).await);
                }
                Err(error) => error,
            };
            let is_unfit = patch.kind == PatchKind::Json && error.is_unprocessable();
            let is_conflict = error.is_conflict() || is_unfit;
            if is_conflict {
                conflicts += 1;
                if conflicts == TRIES {
                    return Err(WriteError::Contended(TRIES));
                }
                tokio::time::sleep(pause()).await;
            } else if !error.is_outcome_unknown() {
                return Err(self.failed("patch", &error));
            }
            object = self.observe().await.map_err(|lost| {
                if is_conflict {
                    lost
                } else {
                    self.failed("patch", &error)
                }
            })?;
            if is_conflict {
                continue;
            }
            // It may have been applied although the answer was lost or an error.
            return if is_in(&edit, &object) {
                Ok(self.written(&object, notes).await)
            } else {
                Err(self.failed("patch", &error))
            };
        }
    }

    async fn observe(&self) -> Result<Observed, WriteError> {
        let object = self.writer.cluster.observe(&self.change.workload).await;
        object.map_err(|error| self.failed("get", &error))
    }

    /// Asks whether the edit would be taken. Nothing is kept of it, so it needs no
    /// version and meets no conflict.
    async fn try_dry(&self, edit: &Edit, object: &Observed) -> Result<Patched, ClusterError> {
        let mut patch = edit.patch(object);
        if let Some(metadata) = patch.body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.patch(&patch, true).await
    }

    /// Refuses to write what an admission policy takes back at once: the record
    /// would tell what never was.
    fn check_kept(&self, edit: &Edit, tried: &Observed) -> Result<(), WriteError> {
        let mut images = self.change.images.iter();
        let undone = images.find(|image| {
            rewritten(edit, tried).any(|(name, now)| name == image.container && now == image.from)
        });
        match undone {
            Some(image) => Err(WriteError::TakenBack {
                container: image.container.clone(),
                image: image.from.clone(),
            }),
            None => Ok(()),
        }
    }

    async fn patch(&self, patch: &Patch, dry_run: bool) -> Result<Patched, ClusterError> {
        let LiveWriter {
            cluster,
            field_manager,
            ..
        } = self.writer;
        let id = &self.change.workload;
        cluster.patch(id, patch, dry_run, field_manager).await
    }

    async fn written(&self, object: &Observed, notes: &mut Vec<String>) -> Done {
        if self.writer.dry_run == DryRun::None {
            notes.extend(self.events.record(self.writer, self.change, object).await);
        }
        Done::Written
    }

    fn failed(&self, verb: &str, error: &ClusterError) -> WriteError {
        let AccessError { message, hint, .. } =
            AccessError::for_object(&self.change.workload, verb, error);
        WriteError::Cluster { message, hint }
    }
}

/// The patch to send after so many conflicts.
fn patch_after(conflicts: u32, edit: &Edit, object: &Observed) -> Patch {
    let tested = (conflicts >= PATIENCE).then(|| edit.tested_patch(object));
    tested.flatten().unwrap_or_else(|| edit.patch(object))
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
            match value {
                Some(value) => *value == edit.value(),
                None => edit.text.is_none(),
            }
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
