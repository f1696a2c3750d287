//! What happens to one marked value.

use super::reason::MarkerReason;
use crate::evaluator::Outcome;
use crate::named_enum::named_enum;
use crate::workload::{MarkedValue, MarkerPart, MarkerTarget};

/// What happens to one marked value, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerDecision {
    /// The value and its marker.
    pub value: MarkedValue,
    /// The text that the policy stands for, if that is known.
    pub to: Option<String>,
    /// The reason.
    pub reason: MarkerReason,
    /// The reason as a sentence.
    pub message: String,
    /// What to know before confirming.
    pub warnings: Vec<MarkerWarning>,
}

/// An image whose parts are marked in one mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageOfParts<'a> {
    file: &'a str,
    parent: &'a [String],
    namespace: &'a str,
    policy: &'a str,
}

/// A warning about a marked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerWarning {
    /// The kind of warning, for scripts.
    pub code: MarkerWarningCode,
    /// The message, as a sentence.
    pub message: String,
}

named_enum! {
    /// The kinds of warnings about marked values.
    pub enum MarkerWarningCode {
        /// The ImagePolicy is suspended, so its record may be old.
        Suspended = "suspended",
        /// The ImagePolicy is not ready, so its record may be old.
        NotReady = "not-ready",
        /// The value is of another image than the policy's.
        OtherImage = "other-image",
        /// The value names a digest, and the record has none.
        PinLost = "pin-lost",
        /// The value does not look like the part that the marker stands for.
        OtherPart = "other-part",
        /// The marker stands for a digest, and the record has none.
        EmptyDigest = "empty-digest",
        /// A `kustomization.yaml` replaces the image of the manifest.
        OverriddenByKustomization = "overridden-by-kustomization",
    }
}

impl<'a> ImageOfParts<'a> {
    /// The image that a marked part belongs to; `None` for a whole image.
    pub(crate) fn of(value: &'a MarkedValue) -> Option<Self> {
        let target = value.marker.as_ref().ok();
        let target = target.filter(|target| target.part != MarkerPart::Image)?;
        Some(Self {
            file: &value.source.file,
            parent: &value.parent,
            namespace: &target.namespace,
            policy: &target.name,
        })
    }
}

impl MarkerDecision {
    /// The marker; `None` if it has no effect.
    #[must_use]
    pub fn target(&self) -> Option<&MarkerTarget> {
        self.value.marker.as_ref().ok()
    }

    /// What the name, the tag and the digest of one image have in common, if they are marked
    /// next to each other. They are written together or not at all.
    #[must_use]
    pub fn image_of_part(&self) -> Option<ImageOfParts<'_>> {
        ImageOfParts::of(&self.value)
    }

    /// Whether the value is to be written.
    #[must_use]
    pub fn is_update(&self) -> bool {
        self.reason.outcome() == Outcome::Update
    }

    /// Keeps the value.
    pub(crate) fn keep(&mut self, reason: MarkerReason, message: String) {
        self.reason = reason;
        self.message = message;
        self.warnings.clear();
    }
}
