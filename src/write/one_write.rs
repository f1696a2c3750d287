//! The write of one change to the cluster.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::context::LiveWriter;
use super::event_log::EventLog;
use super::owners::CurrentOwners;
use super::stop::StopSignal;
use super::{Applied, Done, DryRun, WriteError};
use crate::cluster::{AccessError, ClusterError, Patched};
use crate::plan::{
    Admitted, Change, Edit, Override, Patch, PatchKind, Refusal, annotations_not_kept,
    has_record_of, is_description,
};
use crate::policy::AnnotationKey;
use crate::workload::Observed;

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

/// How far a write has come, for the case that it is not awaited to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// Nothing has been written.
    #[default]
    Unwritten,
    /// The patch has been sent, and its result is not known.
    Sent,
    /// The server has confirmed the patch.
    Written,
}

/// The write of one change.
pub(crate) struct Write<'a> {
    pub(crate) writer: &'a LiveWriter<'a>,
    pub(crate) change: &'a Change,
    pub(crate) events: &'a EventLog,
    pub(crate) owners: &'a CurrentOwners<'a>,
    pub(crate) stage: &'a Cell<Stage>,
    pub(crate) stop: &'a StopSignal,
}

impl Write<'_> {
    /// Writes the change, unless it is refused. `observed` is the object that the plan was
    /// made from; `None`: it is read.
    pub(crate) async fn run(
        &self,
        observed: Option<&Observed>,
        refusal: Option<Refusal>,
    ) -> Applied {
        let mut notes = Vec::new();
        let result = match refusal {
            Some(refusal) => Err(refusal.into()),
            None => self.apply(observed, &mut notes).await,
        };
        let is_written = matches!(result, Ok(Done::Written)) && self.writer.dry_run == DryRun::None;
        let id = &self.change.workload;
        let stuck = if is_written && self.change.is_rollback {
            self.writer.cluster.stuck_pods(id, true).await
        } else {
            Vec::new()
        };
        Applied {
            workload: id.clone(),
            source: self.change.source.clone(),
            result,
            notes,
            stuck,
        }
    }

    /// The result of a write that is no longer awaited.
    pub(crate) fn abandoned(&self) -> Applied {
        let done = match self.stage.get() {
            Stage::Unwritten => Done::Stopped,
            Stage::Sent => Done::Unknown,
            Stage::Written => Done::Written,
        };
        Applied {
            workload: self.change.workload.clone(),
            source: self.change.source.clone(),
            result: Ok(done),
            notes: Vec::new(),
            stuck: Vec::new(),
        }
    }

    async fn apply(
        &self,
        observed: Option<&Observed>,
        notes: &mut Vec<String>,
    ) -> Result<Done, WriteError> {
        if self.stop.is_requested() {
            return Ok(Done::Stopped);
        }
        let mut object = match observed {
            Some(object) => object.clone(),
            None => self.observe().await?,
        };
        let mut allowed: Option<Admitted> = None;
        let mut conflicts = 0;
        loop {
            let mut edit = self.change.edit(&object, self.writer.authorship)?;
            if edit.is_empty() {
                return Ok(Done::Unchanged);
            }
            if edit.writes_images() {
                let at = (self.writer.clock)();
                self.change.check_own_policies(&object.workload, at)?;
            }
            if self.writer.dry_run == DryRun::Client {
                return Ok(Done::Written);
            }
            if edit.writes_images() {
                self.owners.check(self.change, &object).await?;
            }
            let admitted = match &allowed {
                Some(admitted) => admitted,
                None => {
                    let tried = self.try_dry(&edit, &object).await;
                    let tried = tried.map_err(|error| self.failed("patch", &error))?;
                    let admitted = Admitted::of(self.change, &tried.object);
                    self.check_images(&admitted)?;
                    check_annotations(&edit, &tried.object)?;
                    if self.writer.dry_run == DryRun::Server {
                        notes.extend(server_notes(&edit, &admitted, &tried));
                        return Ok(Done::Written);
                    }
                    allowed.insert(admitted)
                }
            };
            admitted.record_in(&mut edit);
            if self.stop.is_requested() {
                return Ok(Done::Stopped);
            }
            if let Some(fence) = self.writer.fence {
                fence.check().await.map_err(WriteError::Fenced)?;
            }
            let patch = patch_after(conflicts, &edit, &object);
            self.stage.set(Stage::Sent);
            let error = match self.patch(&patch, false).await {
                Ok(patched) => {
                    self.stage.set(Stage::Written);
                    let made = Admitted::of(self.change, &patched.object);
                    notes.extend(server_notes(&edit, &made, &patched));
                    notes.extend(self.late_change(&patch, &patched.object));
                    if let Err(error) = check_annotations(&edit, &patched.object) {
                        if !edit.writes_images() {
                            return Err(error);
                        }
                        notes.push(error.to_string());
                    }
                    if made != *admitted {
                        notes.extend(self.amend_record(&edit, &made, &patched.object).await);
                    }
                    return Ok(self.written(&patched.object, notes).await);
                }
                Err(error) => error,
            };
            let is_unfit = patch.kind == PatchKind::Json && error.is_unprocessable();
            let is_conflict = error.is_conflict() || is_unfit;
            if is_conflict || !error.is_outcome_unknown() {
                self.stage.set(Stage::Unwritten);
            }
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
            // A patch that was sent again after a lost response conflicts with itself.
            let is_written = is_in(&edit, &object);
            if is_conflict && !(is_written && has_record_of(&edit, &object)) {
                continue;
            }
            // It may have been applied even if the response was lost or an error.
            return if is_written {
                self.stage.set(Stage::Written);
                notes.extend(self.images_now(admitted, &object));
                Ok(self.written(&object, notes).await)
            } else {
                self.stage.set(Stage::Unwritten);
                Err(self.failed("patch", &error))
            };
        }
    }

    /// What the tests of a patch cannot see: a filter for a container that does not exist
    /// may have any key.
    fn late_change(&self, patch: &Patch, now: &Observed) -> Option<String> {
        if patch.kind != PatchKind::Json {
            return None;
        }
        // The update has started, so a window that closes now does not matter.
        let at = self.writer.authorship.at;
        let changed = self.change.check_own_policies(&now.workload, at).err()?;
        Some(format!("written at the same moment as this: {changed}"))
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
    fn check_images(&self, admitted: &Admitted) -> Result<(), WriteError> {
        if let Some(image) = admitted.taken_back(self.change) {
            return Err(WriteError::TakenBack {
                container: image.container.clone(),
                image: image.from.clone(),
            });
        }
        let is_overridden = self.writer.authorship.overrides.contains(&Override::Policy);
        match admitted.restored_elsewhere(self.change) {
            Some(image) if !is_overridden => Err(WriteError::Refused(Refusal::OtherRepository {
                container: image.container.clone(),
                image: image.to.to_string(),
            })),
            _ => Ok(()),
        }
    }

    /// Corrects the record if the server made something else of the images than in its dry
    /// run, such as a webhook that ignores dry runs. Returns a note if that is not possible.
    async fn amend_record(
        &self,
        edit: &Edit,
        made: &Admitted,
        written: &Observed,
    ) -> Option<String> {
        let key = AnnotationKey::LastUpdate.to_string();
        let mut correction = Edit::default();
        let record = edit.annotations.get(&key)?.clone();
        correction.annotations.insert(key, record);
        made.record_in(&mut correction);
        // The controllers are already writing the status, so the version would not fit.
        let tested = correction.tested_patch(written);
        let patch = tested.unwrap_or_else(|| correction.patch(written));
        let error = self.patch(&patch, false).await.err()?;
        Some(format!(
            "the record does not contain what the admission policy made of the images, so a \
             rollback may be held back: {error}"
        ))
    }

    /// Notes on the images that an object has after a response was lost.
    fn images_now(&self, admitted: &Admitted, object: &Observed) -> Vec<String> {
        let now = Admitted::of(self.change, object);
        if now == *admitted {
            return rewritten_notes(&now).collect();
        }
        let notes = now.images().map(|(container, image)| {
            format!("container {container}: after the write, its image is {image}")
        });
        notes.collect()
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

/// Whether an object contains everything that an edit writes. If it has the record that the
/// edit writes, the images are not compared: the record was written in the same patch, and
/// an admission policy may have made something else of the images.
pub(crate) fn is_in(edit: &Edit, object: &Observed) -> bool {
    if check_annotations(edit, object).is_err() {
        return false;
    }
    if has_record_of(edit, object) {
        return true;
    }
    let mut values = edit.values.iter();
    let mut images = edit.images.iter();
    values.all(|edit| {
        let mut path = edit.path.iter();
        let value = object.values.as_ref();
        let value = value.and_then(|values| path.try_fold(values, |at, key| at.get(key)));
        match value {
            Some(value) => *value == edit.value(),
            None => edit.text.is_none(),
        }
    }) && images.all(|edit| {
        let mut containers = object.workload.containers.iter();
        containers.any(|container| {
            container.name == edit.container
                && container.container_type == edit.container_type
                && container.image == edit.image
        })
    })
}

/// Refuses the edit if an admission policy removes or changes an annotation that the edit writes,
/// or keeps one that it removes: the command would report an edit that was not made. A policy may
/// reword what only describes the update.
fn check_annotations(edit: &Edit, answer: &Observed) -> Result<(), WriteError> {
    let mut lost = annotations_not_kept(edit, answer);
    match lost.find(|(key, _)| !is_description(key)) {
        Some((key, does)) => Err(WriteError::AnnotationNotKept {
            key: key.to_owned(),
            does,
        }),
        None => Ok(()),
    }
}

/// The server's notes on a successful patch.
fn server_notes(edit: &Edit, made: &Admitted, patched: &Patched) -> Vec<String> {
    let lost = annotations_not_kept(edit, &patched.object);
    let lost = lost.filter(|(key, _)| is_description(key));
    let lost = lost.map(|(key, does)| {
        format!("an admission policy of the cluster {does} the annotation {key}")
    });
    let warnings = patched.warnings.iter().cloned();
    warnings.chain(rewritten_notes(made)).chain(lost).collect()
}

fn rewritten_notes(made: &Admitted) -> impl Iterator<Item = String> {
    made.images().map(|(container, image)| {
        format!(
            "container {container}: an admission policy of the cluster changed its image to {image}"
        )
    })
}

pub(crate) fn pause() -> Duration {
    // Every new `RandomState` has different keys, which is random enough here.
    let chance = RandomState::new().hash_one(());
    let span = LONGEST_PAUSE - SHORTEST_PAUSE + 1;
    Duration::from_millis(SHORTEST_PAUSE + chance % span)
}

#[cfg(test)]
#[path = "tests/one_write.rs"]
mod tests;

#[cfg(test)]
#[path = "tests/admission.rs"]
mod admission;
