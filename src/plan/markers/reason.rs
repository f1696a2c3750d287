//! Why a marked value is written or kept.

use crate::evaluator::Outcome;
use crate::named_enum::named_enum;

named_enum! {
    /// Why a marked value is written or kept.
    pub enum MarkerReason {
        /// The policy elects another image now.
        Elected = "elected",
        /// The policy has recorded another image.
        Recorded = "recorded",
        /// The value is that of the elected or recorded image.
        UpToDate = "up-to-date",
        /// The elected or recorded tag is lower than the tag in the file.
        Downgrade = "downgrade",
        /// The workload with the marked image is locked.
        Locked = "locked",
        /// The workload with the marked image is ignored.
        Ignored = "ignored",
        /// A window or a freeze of the workload with the marked image does not allow an update.
        WaitingForWindow = "waiting-for-window",
        /// The container has a policy from another source, which decides.
        OwnPolicy = "own-policy",
        /// The flags of the run exclude the image.
        Excluded = "excluded",
        /// The plan already has `--max` workloads and marked values.
        BeyondMax = "beyond-max",
        /// No ImageUpdateAutomation applies the policy to this file.
        OutOfReach = "out-of-reach",
        /// The marker has no effect in Flux.
        NoEffect = "no-effect",
        /// The files have no ImagePolicy of this name.
        UnknownPolicy = "unknown-policy",
        /// No tag passes the ImagePolicy.
        NotElected = "not-elected",
        /// The ImagePolicy has not recorded an image yet.
        NotRecorded = "not-recorded",
        /// The recorded image is not valid.
        InvalidRecord = "invalid-record",
        /// The ImagePolicy or its ImageRepository is not valid, is missing, or may not be used.
        InvalidPolicy = "invalid-policy",
        /// The registry could not be read, so nothing is elected.
        Undecided = "undecided",
        /// Several ImagePolicy objects have this name, with different images.
        AmbiguousPolicy = "ambiguous-policy",
        /// The value cannot be edited.
        NotWritable = "not-writable",
        /// A document of the file cannot be read.
        UnreadableFile = "unreadable-file",
    }
}

impl MarkerReason {
    /// The outcome that the reason belongs to.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Elected | Self::Recorded => Outcome::Update,
            Self::UpToDate
            | Self::Downgrade
            | Self::Locked
            | Self::Ignored
            | Self::WaitingForWindow
            | Self::OwnPolicy
            | Self::Excluded
            | Self::BeyondMax
            | Self::OutOfReach
            | Self::NoEffect
            | Self::UnknownPolicy
            | Self::NotElected
            | Self::NotRecorded => Outcome::Keep,
            Self::InvalidRecord
            | Self::InvalidPolicy
            | Self::Undecided
            | Self::AmbiguousPolicy
            | Self::NotWritable
            | Self::UnreadableFile => Outcome::Unknown,
        }
    }

    /// The flag that overrides it, if there is one.
    #[must_use]
    pub fn lifted_by(self) -> Option<&'static str> {
        match self {
            Self::Downgrade => Some("--allow-downgrade"),
            Self::Locked => Some("--override-lock"),
            Self::WaitingForWindow => Some("--override-window"),
            Self::BeyondMax => Some("--max"),
            _ => None,
        }
    }
}
