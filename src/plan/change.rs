//! What is going to be done, complete before anything is written.

use super::edit::{Edit, ImageEdit};
use super::helm_edit;
use super::policy_edit::PolicyEdit;
use super::record::authorship::{Authorship, Override};
use super::record::record;
use super::rollback::rolled_back_from;
use super::safeguards::held_back::HeldBack;
use crate::image::{Digest, ImageReference};
use crate::policy::{KeyError, Warning, is_ignored, lock_on};
use crate::workload::{
    Container, ContainerType, ManifestSource, Names, Observed, SEALED, WorkloadId, WorkloadKind,
};

/// Everything that one command is going to write. The same plan is shown,
/// confirmed, printed as data and written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One change a workload, sorted by namespace, name and kind.
    pub changes: Vec<Change>,
    /// What stays although somebody might expect otherwise.
    pub held_back: Vec<HeldBack>,
}

impl Plan {
    /// Whether its workloads, also those that are held back, stand in more than one
    /// namespace.
    #[must_use]
    pub fn spans_namespaces(&self) -> bool {
        let mut ids = self.workloads();
        let first = ids.next().map(|id| &id.namespace);
        ids.any(|id| Some(&id.namespace) != first)
    }

    /// What its workloads are called side by side.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names::among(self.workloads())
    }

    fn workloads(&self) -> impl Iterator<Item = &WorkloadId> {
        let changes = self.changes.iter().map(|change| &change.workload);
        changes.chain(self.held_back.iter().map(|held| &held.workload))
    }
}

/// What is going to be done to one workload, all of it at once or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The workload.
    pub workload: WorkloadId,
    /// The file it stands in, if it does.
    pub source: Option<ManifestSource>,
    /// The images that are replaced, in the order of the spec.
    pub images: Vec<ImageChange>,
    /// The annotations that are edited.
    pub policy: Option<PolicyEdit>,
    /// Whether this puts back what an update replaced; recorded as such.
    pub is_rollback: bool,
    /// What to know before saying yes, each in a sentence.
    pub notes: Vec<String>,
}

/// One image that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The image that the plan starts from, as the manifest spells it.
    pub from: String,
    /// The image that is written.
    pub to: ImageReference,
    /// What its tag served when it was elected, where that is known.
    pub digest: Option<Digest>,
    /// The policy as written, for the record; none for an explicit image
    /// without a policy.
    pub policy: Option<String>,
    /// What the policy's named group `build` matched in the tag.
    pub build: Option<String>,
    /// Why, in a sentence.
    pub message: String,
    /// What else to know.
    pub warnings: Vec<Warning>,
    /// In a rollback, the tag as it stood in a Helm release's values, where it stood
    /// there without quotes and is not read as text.
    pub plain_tag: Option<String>,
}

/// Why a change is not made to an object as it is now. Nothing of the change is
/// written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A container of the plan is not there any more.
    #[error(
        "unable to find container named {container:?}{}",
        if there.is_empty() { String::new() } else { format!(" (there are {})", there.join(", ")) }
    )]
    ContainerGone {
        /// Its name.
        container: String,
        /// The containers that are there.
        there: Vec<String>,
    },
    /// Somebody wrote another image since the plan was made.
    #[error("container {container}: the image changed since the plan: now {now}")]
    ImageChanged {
        /// The container.
        container: String,
        /// What it runs now.
        now: String,
    },
    /// Somebody locked the workload since the plan was made.
    #[error(
        "it was locked since the plan was made{}{}",
        by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    Locked {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// Somebody had the workload ignored since the plan was made.
    #[error("it is ignored since the plan was made")]
    Ignored,
    /// The lock that is to go is not the one that was seen.
    #[error(
        "the lock is another one since the plan was made{}{}",
        by.as_ref().map(|by| format!(": now by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    OtherLock {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// An annotation has another value already, in kubectl's words.
    #[error(
        "--overwrite is false but found the following declared annotation(s): {}",
        found.iter().map(|(key, value)| format!("'{key}' already has a value ({value})")).collect::<Vec<_>>().join("; ")
    )]
    AnnotationExists {
        /// Keys with their values.
        found: Vec<(String, String)>,
    },
    /// A container's name fits into no annotation.
    #[error("{0}")]
    IllegalKey(#[from] KeyError),
    /// The object's file is encrypted, with a checksum over all of it.
    #[error(
        "{}{SEALED}",
        at.as_ref().map(|at| format!("{}:{}: ", at.file, at.line)).unwrap_or_default()
    )]
    Sealed {
        /// Where it stands.
        at: Option<ManifestSource>,
    },
    /// An image of a Helm release stands where it cannot be written.
    #[error("container {container}: {reason}")]
    NoPlace {
        /// The container.
        container: String,
        /// Why there is no place for it.
        reason: String,
    },
}

impl Change {
    /// The edit that makes this change to the object as it is now. An empty one:
    /// everything is as wished already.
    ///
    /// # Errors
    ///
    /// The object is not what the plan was made for: see [`Refusal`].
    pub fn edit(&self, object: &Observed, authorship: &Authorship) -> Result<Edit, Refusal> {
        if object.workload.is_sealed && !self.images.is_empty() {
            return Err(Refusal::Sealed {
                at: object.workload.source.clone(),
            });
        }
        let lock = lock_on(&object.workload);
        let mut edit = match &self.policy {
            // What was rolled back is locked already, by somebody with a reason.
            Some(_) if self.is_rollback && lock.is_some() => Edit::default(),
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
        if is_ignored(&object.workload) && !self.is_rollback {
            return Err(Refusal::Ignored);
        }
        if let Some(lock) = lock
            && !self.is_rollback
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
        let record = record::annotations(object, &pending, self.is_rollback, authorship);
        edit.annotations.extend(record);
        Ok(edit)
    }

    /// The images that are not yet as wished, in the order of the spec as it is
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
    /// Whether another repository's image is written: the names are compared as
    /// registries know them, not as they are spelled.
    #[must_use]
    pub fn changes_repository(&self) -> bool {
        is_elsewhere(&self.from, &self.to)
    }

    /// Where the container stands that still runs what the plan starts from;
    /// `None`: it runs the target already.
    fn position(&self, object: &Observed) -> Result<Option<usize>, Refusal> {
        let containers = &object.workload.containers;
        let is_it =
            |c: &Container| c.name == self.container && c.container_type == self.container_type;
        let Some(position) = containers.iter().position(is_it) else {
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

/// Whether an image is of another repository than what runs; what runs and is not a
/// valid image is of none.
pub(crate) fn is_elsewhere(running: &str, image: &ImageReference) -> bool {
    let running = running.parse::<ImageReference>();
    running.map_or(true, |running| running.canonical() != image.canonical())
}
