//! Why a tag is no candidate.

use crate::named_enum::named_enum;

named_enum! {
    /// The reason for which a tag was passed over, in the order in which tags
    /// are tested.
    pub enum Rejection {
        /// The tag is one that signing tools and registries make: `sha256-` and a
        /// digest.
        ArtifactTag = "artifact-tag",
        /// `latest` in any case is never elected.
        Latest = "latest",
        /// The tag does not match `filter-tags`, or the entry's regex.
        Filtered = "filtered",
        /// The tag is not in `allow-tags`.
        NotAllowed = "not-allowed",
        /// The tag is in `ignore-tags`.
        Ignored = "ignored",
        /// The tag does not begin with the identifier.
        NoIdentifier = "no-identifier",
        /// The tag does not match the glob or the regular expression.
        NoMatch = "no-match",
        /// The tag is not a semantic version.
        NoVersion = "no-version",
        /// The tag has one or two numeric parts, and the running one another
        /// number of them.
        PartialVersion = "partial-version",
        /// The version lies outside the range.
        OutOfRange = "out-of-range",
        /// The version would match, but is a pre-release and the range does not
        /// ask for those.
        PreRelease = "pre-release",
        /// The tag is not a decimal number.
        NoNumber = "no-number",
        /// The tag was pushed so early that its image cannot be the newest.
        OlderByPushTime = "older-by-push-time",
        /// The tag is listed and its manifest or config is gone.
        NoManifest = "no-manifest",
        /// The registry does not let anybody pull this image, or it is of a format
        /// that no runtime pulls any more.
        CannotBePulled = "cannot-be-pulled",
        /// The manifest or the config is larger than any that makes sense.
        TooLarge = "too-large",
        /// What the tag serves is not an image: a chart, a signature, a build cache.
        NotAnImage = "not-an-image",
        /// The image names no usable time of creation.
        NoCreationTime = "no-creation-time",
        /// The image lacks a platform that the workload runs on.
        WrongPlatform = "wrong-platform",
        /// The image is younger than the minimum age.
        TooYoung = "too-young",
    }
}

impl Rejection {
    /// The reason as the end of a sentence that begins with the tag.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::ArtifactTag => "belongs to another image: a signature, an attestation or an SBOM",
            Self::Latest => "is a moving tag and never elected",
            Self::Filtered => "does not match the tag filter",
            Self::NotAllowed => "is not among the allowed tags",
            Self::Ignored => "is among the ignored tags",
            Self::NoIdentifier => "does not begin with the identifier",
            Self::NoMatch => "does not match the pattern",
            Self::NoVersion => "is not a semantic version",
            Self::PartialVersion => {
                "has fewer than three numbers, and the running tag has not as many"
            }
            Self::OutOfRange => "lies outside the range",
            Self::PreRelease => "is a pre-release, which the range does not ask for",
            Self::NoNumber => "is not a decimal number",
            Self::OlderByPushTime => "was pushed too early to be the newest",
            Self::NoManifest => "is listed, but its manifest is missing",
            Self::CannotBePulled => "is listed, but cannot be pulled",
            Self::TooLarge => "has a manifest or a config that is too large",
            Self::NotAnImage => "is not an image",
            Self::NoCreationTime => "names no usable time of creation",
            Self::WrongPlatform => "lacks a platform that the workload runs on",
            Self::TooYoung => "is younger than the minimum age",
        }
    }

    /// The reason as a line of the funnel: what the remaining tags are.
    #[must_use]
    pub fn survivors(self) -> &'static str {
        match self {
            Self::ArtifactTag => "are not those of signatures",
            Self::Latest => "are not latest",
            Self::Filtered => "match the tag filter",
            Self::NotAllowed => "are allowed",
            Self::Ignored => "are not ignored",
            Self::NoIdentifier => "begin with the identifier",
            Self::NoMatch => "match the pattern",
            Self::NoVersion => "are versions",
            Self::PartialVersion => "are written with enough numbers",
            Self::OutOfRange => "are in range",
            Self::PreRelease => "are no pre-releases",
            Self::NoNumber => "are numbers",
            Self::OlderByPushTime => "were pushed late enough",
            Self::NoManifest => "have a manifest",
            Self::CannotBePulled => "are not blocked",
            Self::TooLarge => "are of a sensible size",
            Self::NotAnImage => "are images",
            Self::NoCreationTime => "have a creation time",
            Self::WrongPlatform => "fit the platforms",
            Self::TooYoung => "are old enough",
        }
    }
}
