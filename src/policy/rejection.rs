//! Why a tag is not a candidate.

use crate::named_enum::named_enum;

named_enum! {
    /// The reason why a tag was rejected. The order is the order of the checks.
    pub enum Rejection {
        /// The tag was created by a signing tool or a registry: `sha256-` and a digest.
        ArtifactTag = "artifact-tag",
        /// `latest` in any case is never elected.
        Latest = "latest",
        /// The tag does not match `filter-tags`, or the entry's regex.
        Filtered = "filtered",
        /// The tag does not match `allow-tags`.
        NotAllowed = "not-allowed",
        /// The tag matches `ignore-tags`.
        Ignored = "ignored",
        /// The text that `extract` makes of the tag is longer than 1 KiB.
        ExtractTooLong = "extract-too-long",
        /// The tag does not start with the identifier.
        NoIdentifier = "no-identifier",
        /// The tag does not match the glob or the regular expression.
        NoMatch = "no-match",
        /// The tag is not a semantic version.
        NoVersion = "no-version",
        /// The tag has one or two numeric parts, and not as many as the running tag.
        PartialVersion = "partial-version",
        /// The version is outside the range.
        OutOfRange = "out-of-range",
        /// The version is within the range, but it is a pre-release, and the range does
        /// not include pre-releases.
        PreRelease = "pre-release",
        /// The tag is not a decimal number.
        NoNumber = "no-number",
        /// The tag was pushed too early for its image to be the newest.
        OlderByPushTime = "older-by-push-time",
        /// The tag is listed, but its manifest does not exist.
        NoManifest = "no-manifest",
        /// The manifest exists, but the config of the image does not.
        NoConfig = "no-config",
        /// The registry blocks this image, or it has a format that runtimes no longer
        /// pull.
        CannotBePulled = "cannot-be-pulled",
        /// The manifest or the config exceeds the size limit.
        TooLarge = "too-large",
        /// The tag does not refer to an image, but to a chart, a signature or a build cache.
        NotAnImage = "not-an-image",
        /// The image has no plausible creation time.
        NoCreationTime = "no-creation-time",
        /// The image does not support a platform that the workload runs on.
        WrongPlatform = "wrong-platform",
        /// The image is younger than the minimum age.
        TooYoung = "too-young",
        /// The rollout of this image failed before in the workload.
        FailedBefore = "failed-before",
    }
}

impl Rejection {
    /// The reason, as the end of a sentence that starts with the tag.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::ArtifactTag => "belongs to another image: a signature, an attestation or an SBOM",
            Self::Latest => "is a moving tag and never elected",
            Self::Filtered => "does not match the tag filter",
            Self::NotAllowed => "is not among the allowed tags",
            Self::Ignored => "is among the ignored tags",
            Self::ExtractTooLong => "gives an extracted text of more than 1 KiB",
            Self::NoIdentifier => "does not begin with the identifier",
            Self::NoMatch => "does not match the pattern",
            Self::NoVersion => "is not a semantic version",
            Self::PartialVersion => {
                "has fewer than three numbers, and not as many as the running tag"
            }
            Self::OutOfRange => "lies outside the range",
            Self::PreRelease => "is a pre-release, which the range does not ask for",
            Self::NoNumber => "is not a decimal number",
            Self::OlderByPushTime => "was pushed too early to be the newest",
            Self::NoManifest => "is listed, but its manifest is missing",
            Self::NoConfig => "is listed, but the config of its image is missing",
            Self::CannotBePulled => "is listed, but cannot be pulled",
            Self::TooLarge => "has a manifest or a config that is too large",
            Self::NotAnImage => "is not an image",
            Self::NoCreationTime => "has no usable creation time",
            Self::WrongPlatform => "lacks a platform that the workload runs on",
            Self::TooYoung => "is younger than the minimum age",
            Self::FailedBefore => "failed before in this workload",
        }
    }

    /// What the remaining tags have in common, for the funnel of `explain`.
    #[must_use]
    pub fn survivors(self) -> &'static str {
        match self {
            Self::ArtifactTag => "are not artifact tags",
            Self::Latest => "are not latest",
            Self::Filtered => "match the tag filter",
            Self::NotAllowed => "are allowed",
            Self::Ignored => "are not ignored",
            Self::ExtractTooLong => "give a short extracted text",
            Self::NoIdentifier => "begin with the identifier",
            Self::NoMatch => "match the pattern",
            Self::NoVersion => "are versions",
            Self::PartialVersion => "have enough numbers",
            Self::OutOfRange => "are in range",
            Self::PreRelease => "are not pre-releases",
            Self::NoNumber => "are numbers",
            Self::OlderByPushTime => "were pushed late enough",
            Self::NoManifest => "have a manifest",
            Self::NoConfig => "have a config",
            Self::CannotBePulled => "are not blocked",
            Self::TooLarge => "are not too large",
            Self::NotAnImage => "are images",
            Self::NoCreationTime => "have a creation time",
            Self::WrongPlatform => "fit the platforms",
            Self::TooYoung => "are old enough",
            Self::FailedBefore => "have not failed before",
        }
    }
}
