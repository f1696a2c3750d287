//! What is held back although the user might expect a change, with the reason.

use crate::image::ImageReference;
use crate::named_enum::named_enum;
use crate::plan::other_repository::is_other_repository;
use crate::workload::WorkloadId;

named_enum! {
    /// Why a container, or a whole workload, is not changed.
    pub enum HoldReason {
        /// It is not automated, and manual containers were not requested.
        Manual = "manual",
        /// It is locked.
        Locked = "locked",
        /// It is ignored.
        Ignored = "ignored",
        /// The elected tag is lower than the running one.
        Downgrade = "downgrade",
        /// The elected tag is another variant.
        VariantChange = "variant-change",
        /// The values of a Helm release have no tag, so what runs is not known.
        ChartTag = "chart-tag",
        /// A window or a freeze does not allow an update now.
        WaitingForWindow = "waiting-for-window",
        /// The policy does not accept the requested image.
        NotAccepted = "not-accepted",
        /// What was requested is not an image.
        NotAnImage = "not-an-image",
        /// The image to restore is of another repository.
        OtherRepository = "other-repository",
        /// It cannot be written in its current place.
        NotWritable = "not-writable",
        /// A `kustomization.yaml` replaces the image of the manifest.
        OverriddenByKustomization = "overridden-by-kustomization",
        /// The API server is deleting it, or its namespace.
        BeingDeleted = "being-deleted",
        /// It belongs to GitOps or to an operator, which would revert the change.
        Owned = "owned",
        /// It could not be decided.
        Undecided = "undecided",
        /// The registry no longer has the image.
        Gone = "gone",
        /// It could not be checked whether the image still exists.
        Unconfirmed = "unconfirmed",
        /// The plan already has `--max` workloads.
        BeyondMax = "beyond-max",
        /// It has another image than the one that the last update wrote.
        ChangedSince = "changed-since",
        /// There is no record to roll back to.
        NoRecord = "no-record",
        /// The last record is a rollback.
        AlreadyRolledBack = "already-rolled-back",
    }
}

impl HoldReason {
    /// The flag that overrides it, if there is one.
    #[must_use]
    pub fn lifted_by(self) -> Option<&'static str> {
        match self {
            Self::Manual => Some("--include-manual"),
            Self::Locked => Some("--override-lock"),
            Self::Downgrade => Some("--allow-downgrade"),
            Self::VariantChange => Some("--allow-variant"),
            Self::ChartTag | Self::OverriddenByKustomization => Some("--image"),
            Self::WaitingForWindow => Some("--override-window"),
            Self::NotAccepted | Self::OtherRepository => Some("--override-policy"),
            Self::Owned => Some("--override-owner"),
            Self::BeyondMax => Some("--max"),
            Self::Ignored
            | Self::NotAnImage
            | Self::NotWritable
            | Self::BeingDeleted
            | Self::Undecided
            | Self::Gone
            | Self::Unconfirmed
            | Self::ChangedSince
            | Self::NoRecord
            | Self::AlreadyRolledBack => None,
        }
    }
}

/// A container or workload that is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The workload.
    pub workload: WorkloadId,
    /// The kustomization that builds it, if one does.
    pub root: Option<String>,
    /// The container; `None`: the whole workload.
    pub container: Option<String>,
    /// The current image, as the manifest spells it.
    pub from: Option<String>,
    /// The image that would be written.
    pub to: Option<ImageReference>,
    /// The reason.
    pub hold: HoldReason,
    /// The reason as a sentence, with names.
    pub message: String,
}

impl HeldBack {
    /// Whether the image that would be written is of another repository than the current
    /// one.
    #[must_use]
    pub fn changes_repository(&self) -> bool {
        let images = self.from.as_deref().zip(self.to.as_ref());
        images.is_some_and(|(from, to)| is_other_repository(from, to))
    }
}
