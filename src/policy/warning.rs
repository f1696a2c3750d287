//! Warnings about a container's policy, image or workload.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// A warning of a container's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// The kind of warning, for scripts.
    pub code: WarningCode,
    /// The message, as a sentence.
    pub message: String,
}

impl Warning {
    /// Creates a warning with its message.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

named_enum! {
    /// The kinds of warnings.
    pub enum WarningCode {
        /// A switch has a value that looks like true but is not `"true"`, so it is off.
        BooleanTypo = "boolean-typo",
        /// A policy is probably misspelled: it is used as a glob, or its key is not
        /// known.
        PolicyTypo = "policy-typo",
        /// A filter is for a container that the workload does not have.
        DanglingFilter = "dangling-filter",
        /// Two spellings of one annotation disagree.
        AnnotationConflict = "annotation-conflict",
        /// More than one policy applies to the container.
        PolicyConflict = "policy-conflict",
        /// The policy of a container that is not automated is not valid.
        InvalidPolicy = "invalid-policy",
        /// No decision could be made for a container that is not automated.
        Undecided = "undecided",
        /// The image has no tag or the tag `latest`, so the same name may refer to
        /// another image tomorrow.
        MutableTag = "mutable-tag",
        /// The values of a HelmRelease contain no tag for the image, so the chart's own tag
        /// applies, and it is not known.
        ChartTag = "chart-tag",
        /// The Pods run another image than the one that the tag refers to now.
        MovedTag = "moved-tag",
        /// The Pods of the workload run different images.
        MixedImages = "mixed-images",
        /// The running tag no longer exists in the registry.
        RunningTagGone = "running-tag-gone",
        /// The update changes the major version.
        Major = "major",
        /// A newer tag does not refer to an image.
        NotAnImage = "not-an-image",
        /// The config of a newer tag's image is missing. In an order by creation time,
        /// the tag may be newer than the elected one.
        NoConfig = "no-config",
        /// The registry blocks a newer tag, or it has a format that runtimes no longer
        /// pull.
        CannotBePulled = "cannot-be-pulled",
        /// The manifest or the config of a newer tag is too large to be read.
        TooLarge = "too-large",
        /// A newer tag is held back until it is old enough.
        TooYoung = "too-young",
        /// A newer tag does not support a platform that the workload runs on.
        WrongPlatform = "wrong-platform",
        /// The rollout of a newer tag's image failed before in the workload.
        FailedBefore = "failed-before",
        /// The image cannot be changed in place, whatever is elected.
        NotWritable = "not-writable",
        /// A `kustomization.yaml` replaces the image of the manifest.
        OverriddenByKustomization = "overridden-by-kustomization",
        /// An edit of a file that several kustomizations share changes nothing in one of
        /// them, because a later layer decides there.
        HiddenEdit = "hidden-edit",
        /// The tag of a HelmRelease's image is not a string in its values.
        NumericTag = "numeric-tag",
        /// An annotation that maps an image of a HelmRelease does not lead to an image.
        HalfMapping = "half-mapping",
        /// A lock was lost when the Deployment went back to an older revision.
        UndoneLock = "undone-lock",
        /// The elected image ran in a revision that was undone.
        UndoneImage = "undone-image",
        /// Something else also updates this image.
        OtherUpdater = "other-updater",
        /// The image that would be written can be pulled with your credentials, but not
        /// with those of the workload.
        PullableOnlyByYou = "pullable-only-by-you",
        /// The cluster has another image than the Git repository.
        Drift = "drift",
        /// No registry has confirmed that the image exists.
        Unconfirmed = "unconfirmed",
        /// An ImagePolicy, or its ImageRepository, is suspended, so Flux does not renew what
        /// it has recorded.
        Suspended = "suspended",
        /// Flux reports that an ImagePolicy is not ready.
        NotReady = "not-ready",
        /// Flux has not yet acted on the last change of an ImagePolicy.
        StaleStatus = "stale-status",
        /// The image that Flux has recorded in an ImagePolicy is not valid.
        InvalidRecord = "invalid-record",
    }
}

impl WarningCode {
    /// Whether an update cannot or should not change the image where it is.
    #[must_use]
    pub fn prevents_writing(self) -> bool {
        matches!(self, Self::NotWritable | Self::OverriddenByKustomization)
    }

    /// Whether it reports why no decision could be made for a container that is not
    /// automated.
    #[must_use]
    pub fn is_fault(self) -> bool {
        matches!(self, Self::InvalidPolicy | Self::Undecided)
    }
}
