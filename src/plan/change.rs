//! What is going to be done, complete before anything is written.

use super::authorship::Authorship;
use super::edit::{Edit, ImageEdit};
use super::hold::HeldBack;
use super::policy_edit::PolicyEdit;
use crate::image::{Digest, ImageReference};
use crate::policy::{KeyError, Warning};
use crate::workload::{Container, ContainerType, Observed, Source, WorkloadId};

/// Everything that one command is going to write. The same plan is shown,
/// confirmed, printed as data and written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One change a workload, sorted by namespace, name and kind.
    pub changes: Vec<Change>,
    /// What stays although somebody might expect otherwise.
    pub held_back: Vec<HeldBack>,
}

/// What is going to be done to one workload, all of it at once or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The workload.
    pub workload: WorkloadId,
    /// The file it stands in, if it does.
    pub source: Option<Source>,
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
        let mut edit = match &self.policy {
            Some(policy) => policy.edit(object)?,
            None => Edit::default(),
        };
        for change in &self.images {
            change.check(object)?;
            // The plan helper: images, values of Helm releases, and the record.
            edit.images.push(ImageEdit {
                container: change.container.clone(),
                container_type: change.container_type,
                image: change.to.to_string(),
            });
        }
        let _ = authorship;
        Ok(edit)
    }
}

impl ImageChange {
    /// Whether the container still runs what the plan starts from.
    fn check(&self, object: &Observed) -> Result<(), Refusal> {
        let containers = &object.workload.containers;
        let is_it =
            |c: &&Container| c.name == self.container && c.container_type == self.container_type;
        match containers.iter().find(is_it) {
            None => Err(Refusal::ContainerGone {
                container: self.container.clone(),
                there: containers.iter().map(|c| c.name.clone()).collect(),
            }),
            Some(found) if found.image != self.from => Err(Refusal::ImageChanged {
                container: self.container.clone(),
                now: found.image.clone(),
            }),
            Some(_) => Ok(()),
        }
    }
}
