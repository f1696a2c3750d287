//! From a change to the edit of one object.

use super::change::{Change, ImageChange};
use super::edit::{Edit, ImageEdit};
use super::failure::forgotten::forget_written;
use super::helm_edit;
use super::policy_edit::PolicyEdit;
use super::record::authorship::{Authorship, Override};
use super::record::record::{self, RecordKind};
use super::refusal::Refusal;
use super::rollback::rolled_back_from;
use crate::policy::{is_ignored, lock_on};
use crate::workload::{Observed, WorkloadKind};

impl Change {
    /// The edit that makes this change to the object as it is now. It is empty if
    /// everything is already as requested.
    ///
    /// # Errors
    ///
    /// The object is not what the plan was made for: see [`Refusal`].
    pub fn edit(&self, object: &Observed, authorship: &Authorship) -> Result<Edit, Refusal> {
        if object.workload.is_being_deleted {
            return Err(Refusal::BeingDeleted);
        }
        if object.workload.is_sealed && !self.images.is_empty() {
            return Err(Refusal::Sealed {
                at: object.workload.source.clone(),
            });
        }
        let lock = lock_on(&object.workload);
        let mut edit = match &self.policy {
            // The workload is already locked, and that lock has its own reason.
            Some(PolicyEdit::Lock { .. }) if self.is_rollback && lock.is_some() => Edit::default(),
            Some(policy) if self.is_rollback => {
                let message = rolled_back_from(&self.images);
                policy.clone().with_message(message).edit(object)?
            }
            Some(policy) => policy.edit(object)?,
            None => Edit::default(),
        };
        let pending = self.pending(object)?;
        if pending.is_empty() {
            return Ok(edit);
        }
        let is_asked_for = self.is_rollback && !self.is_automatic_rollback();
        if is_ignored(&object.workload) && !is_asked_for {
            return Err(Refusal::Ignored);
        }
        if let Some(lock) = lock
            && !is_asked_for
            && !authorship.overrides.contains(&Override::Lock)
        {
            return Err(Refusal::Locked {
                by: lock.by,
                message: lock.message,
            });
        }
        if object.workload.id.kind == WorkloadKind::HelmRelease {
            edit.values = helm_edit::value_edits(object, &pending)?;
        } else {
            edit.images = pending.iter().map(|change| change.edit()).collect();
        }
        edit.replaced = record::replaced(object, &pending);
        if !self.is_automatic_rollback() {
            forget_written(&mut edit, &object.workload, self);
        }
        if authorship.is_recorded {
            let kind = match (self.is_rollback, self.is_automatic_rollback()) {
                (_, true) => RecordKind::AutomaticRollback,
                (true, false) => RecordKind::Rollback,
                (false, false) => RecordKind::Update,
            };
            let record = record::annotations(object, &pending, kind, authorship);
            edit.annotations.extend(record);
        }
        Ok(edit)
    }

    /// The images that are not yet as requested, in the order of the spec as it is
    /// now.
    fn pending(&self, object: &Observed) -> Result<Vec<&ImageChange>, Refusal> {
        let mut pending = Vec::new();
        for change in &self.images {
            if let Some(position) = change.position(object)? {
                pending.push((position, change));
            }
        }
        pending.sort_by_key(|(position, _)| *position);
        Ok(pending.into_iter().map(|(_, change)| change).collect())
    }
}

impl ImageChange {
    /// The position of the container, if it still has the image that the plan starts
    /// from; `None`: it already has the target.
    fn position(&self, object: &Observed) -> Result<Option<usize>, Refusal> {
        let containers = &object.workload.containers;
        let position = containers
            .iter()
            .position(|c| c.name == self.container && c.container_type == self.container_type);
        let Some(position) = position else {
            return Err(Refusal::ContainerGone {
                container: self.container.clone(),
                there: containers.iter().map(|c| c.name.clone()).collect(),
            });
        };
        let now = &containers[position].image;
        if *now == self.to.to_string() {
            Ok(None)
        } else if *now == self.from {
            Ok(Some(position))
        } else {
            Err(Refusal::ImageChanged {
                container: self.container.clone(),
                now: now.clone(),
            })
        }
    }

    fn edit(&self) -> ImageEdit {
        ImageEdit {
            container: self.container.clone(),
            container_type: self.container_type,
            image: self.to.to_string(),
        }
    }
}
