//! Writes a plan to the cluster.
//!
//! ```text
//! Observed ─► edit ─► dry run, once ─► patch ─► Event
//!    ^                                   │
//!    └────────── read again <── 409 ─────┘
//! ```
//!
//! The patch carries the version of the object that the edit was computed for. So it never
//! overwrites a concurrent change, and a patch that is sent twice is applied once. If
//! others write the object all the time, the patch tests the values that it replaces
//! instead.

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

/// How many workloads are written concurrently.
const AT_ONCE: usize = 8;

/// After how many conflicts with other writers of an object its change is given up.
const MAX_CONFLICTS: u32 = 10;

/// After how many conflicts the patch tests values instead of the version. A rollout
/// updates the status many times a second, so on a slow connection there is always another
/// write between two requests.
const CONFLICTS_BEFORE_TESTED_PATCH: u32 = 3;

/// The range of the random pause before a retry, so that writers that collided once do not
/// collide again.
const SHORTEST_PAUSE: u64 = 5;
const LONGEST_PAUSE: u64 = 100;

/// Writes every change of the plan, at most eight workloads at a time, and reports each
/// result as soon as it and those before it are known. `observed` are the live objects that
/// the plan was made from, in the plan's order; one that is missing is read. The results
/// are in the plan's order. A failure does not stop the others.
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
    // If writes were awaited in order, one with many conflicts would hold up those after
    // it. Only the reports are in the plan's order.
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
                    notes.extend(server_notes(&edit, &tried));
                    return Ok(Done::Written);
                }
                is_allowed = true;
            }
            let patch = patch_after(conflicts, &edit, &object);
            let error = match self.patch(&patch, false).await {
                Ok(patched) => {
                    notes.extend(server_notes(&edit, &patched));
                    return Ok(self.written(&patched.object, notes).await);
                }
                Err(error) => error,
            };
            let is_unfit = patch.kind == PatchKind::Json && error.is_unprocessable();
            let is_conflict = error.is_conflict() || is_unfit;
            if is_conflict {
                conflicts += 1;
                if conflicts == MAX_CONFLICTS {
                    return Err(WriteError::Contended(MAX_CONFLICTS));
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
            // It may have been applied even if the response was lost or an error.
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

    /// Sends the edit as a server-side dry run. Nothing is stored, so it needs no version
    /// and meets no conflict.
    async fn try_dry(&self, edit: &Edit, object: &Observed) -> Result<Patched, ClusterError> {
        let mut patch = edit.patch(object);
        if let Some(metadata) = patch.body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.patch(&patch, true).await
    }

    /// Refuses to write an image that an admission policy would revert at once: the record
    /// would describe a change that never happened.
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

/// The patch to send after this many conflicts.
fn patch_after(conflicts: u32, edit: &Edit, object: &Observed) -> Patch {
    let tested = (conflicts >= CONFLICTS_BEFORE_TESTED_PATCH).then(|| edit.tested_patch(object));
    tested.flatten().unwrap_or_else(|| edit.patch(object))
}

/// Whether an object contains everything that an edit writes.
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

/// The server's notes on a successful patch.
fn server_notes(edit: &Edit, patched: &Patched) -> Vec<String> {
    let warnings = patched.warnings.iter().cloned();
    let rewritten = rewritten(edit, &patched.object).map(|(container, image)| {
        format!("container {container}: an admission policy of the cluster made its image {image}")
    });
    warnings.chain(rewritten).collect()
}

/// The containers whose image differs from the one that an edit writes.
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
    // Every new `RandomState` has different keys, which is random enough here.
    let chance = RandomState::new().hash_one(());
    let span = LONGEST_PAUSE - SHORTEST_PAUSE + 1;
    Duration::from_millis(SHORTEST_PAUSE + chance % span)
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
