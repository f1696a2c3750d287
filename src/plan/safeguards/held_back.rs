//! What somebody might expect to change and what stays, with the reason.

use crate::image::ImageReference;
use crate::named_enum::named_enum;
use crate::plan::change::is_elsewhere;
use crate::workload::WorkloadId;

named_enum! {
    /// Why a container, or a workload, stays as it is.
    pub enum Hold {
        /// It is not automated, and nobody asked for manual ones.
        Manual = "manual",
        /// It is locked.
        Locked = "locked",
        /// It is ignored.
        Ignored = "ignored",
        /// The elected tag is lower than the running one.
        Downgrade = "downgrade",
        /// The elected tag is another variant.
        VariantChange = "variant-change",
        /// The image that was asked for is not one that the policy accepts.
        NotAccepted = "not-accepted",
        /// What was asked for is not an image.
        NotAnImage = "not-an-image",
        /// The image that would be put back is of another repository.
        OtherRepository = "other-repository",
        /// It stands where it is not written.
        NotWritable = "not-writable",
        /// It belongs to GitOps or to an operator, which would revert it.
        Owned = "owned",
        /// It could not be decided.
        Undecided = "undecided",
        /// The registry no longer has the image.
        Gone = "gone",
        /// Nobody could tell whether the image is still there.
        Unconfirmed = "unconfirmed",
        /// `--max` workloads are in the plan already.
        BeyondMax = "beyond-max",
        /// It runs another image than the one that the last update wrote.
        ChangedSince = "changed-since",
        /// There is no record to roll back to.
        NoRecord = "no-record",
        /// The last record is a rollback.
        AlreadyRolledBack = "already-rolled-back",
    }
}

impl Hold {
    /// The flag that lifts it, where one does.
    #[must_use]
    pub fn lifted_by(self) -> Option<&'static str> {
        match self {
            Self::Manual => Some("--include-manual"),
            Self::Locked => Some("--override-lock"),
            Self::Downgrade => Some("--allow-downgrade"),
            Self::VariantChange => Some("--allow-variant"),
            Self::NotAccepted | Self::OtherRepository => Some("--override-policy"),
            Self::Owned => Some("--override-owner"),
            Self::BeyondMax => Some("--max"),
            Self::Ignored
            | Self::NotAnImage
            | Self::NotWritable
            | Self::Undecided
            | Self::Gone
            | Self::Unconfirmed
            | Self::ChangedSince
            | Self::NoRecord
            | Self::AlreadyRolledBack => None,
        }
    }
}

/// Something that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The workload.
    pub workload: WorkloadId,
    /// The container; `None`: the whole workload.
    pub container: Option<String>,
    /// The image that runs, as the manifest spells it.
    pub from: Option<String>,
    /// The image that would be written.
    pub to: Option<ImageReference>,
    /// Why.
    pub hold: Hold,
    /// The same in a sentence, with names in it.
    pub message: String,
}

impl HeldBack {
    /// Whether the image that would be written is of another repository than what
    /// runs.
    #[must_use]
    pub fn changes_repository(&self) -> bool {
        let images = self.from.as_deref().zip(self.to.as_ref());
        images.is_some_and(|(from, to)| is_elsewhere(from, to))
    }
}
