//! What a user should know although it changes no decision, or changed it.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// A warning of a container's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// The kind of warning, for scripts.
    pub code: WarningCode,
    /// What it is about, in a sentence.
    pub message: String,
}

impl Warning {
    /// A warning with its sentence.
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
        /// A switch is written as something other than `true` or `false`, and
        /// does not count as true.
        BooleanTypo = "boolean-typo",
        /// A policy is probably misspelt: its type is taken as a glob, or its
        /// key is not known.
        PolicyTypo = "policy-typo",
        /// A filter names no container of the workload.
        DanglingFilter = "dangling-filter",
        /// Two spellings of one annotation disagree.
        AnnotationConflict = "annotation-conflict",
        /// More than one policy applies to the container.
        PolicyConflict = "policy-conflict",
        /// The policy of a container that is not automated cannot be used.
        InvalidPolicy = "invalid-policy",
        /// The row of a container that is not automated could not be decided.
        Undecided = "undecided",
        /// The image is untagged or `latest`: the same name may mean another
        /// image tomorrow.
        MutableTag = "mutable-tag",
        /// The Pods run another image than the one the tag serves now.
        MovedTag = "moved-tag",
        /// The Pods of the workload run different images.
        MixedImages = "mixed-images",
        /// The running tag is gone from the registry.
        RunningTagGone = "running-tag-gone",
        /// The update changes the major version.
        Major = "major",
        /// What a newer tag serves is not an image.
        NotAnImage = "not-an-image",
        /// The registry does not let anybody pull a newer tag.
        CannotBePulled = "cannot-be-pulled",
        /// The manifest or the config of a newer tag is too large to be read.
        TooLarge = "too-large",
        /// A newer tag is held back until it is old enough.
        TooYoung = "too-young",
        /// A newer tag lacks a platform that the workload runs on.
        WrongPlatform = "wrong-platform",
        /// The image is not written where it stands, whatever is elected.
        NotWritable = "not-writable",
        /// The tag of a Helm release's image is not a text in its values.
        NumericTag = "numeric-tag",
        /// An annotation that maps an image of a Helm release leads nowhere.
        HalfMapping = "half-mapping",
        /// Something else updates this image as well.
        OtherUpdater = "other-updater",
        /// The registry shows the image that is written to you, and not to the
        /// workload.
        PullableOnlyByYou = "pullable-only-by-you",
    }
}

impl WarningCode {
    /// Whether it tells why a container that is not automated could not be judged.
    #[must_use]
    pub fn is_fault(self) -> bool {
        matches!(self, Self::InvalidPolicy | Self::Undecided)
    }
}
