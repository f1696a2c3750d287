//! What becomes of a container, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::election::age::AgeClock;
use crate::image::{
    CanonicalName, CreatedFrom, Digest, FetchFailureKind, ImageReference, SourceKind,
};
use crate::named_enum::named_enum;
use crate::policy::{Lock, Order, State, Warning};

named_enum! {
    /// What would happen now.
    pub enum Outcome {
        /// The image is replaced by the elected one.
        Update = "update",
        /// The image stays, on purpose.
        Keep = "keep",
        /// Nothing could be decided, so the image stays.
        Unknown = "unknown",
    }
}

named_enum! {
    /// Why. Each reason belongs to one [`Outcome`].
    pub enum Reason {
        /// The policy elects a newer image.
        NewerImage = "newer-image",
        /// The policy elects what runs.
        UpToDate = "up-to-date",
        /// The container is not automated.
        Manual = "manual",
        /// The workload is locked.
        Locked = "locked",
        /// The workload is ignored.
        Ignored = "ignored",
        /// The flags of the run leave the image out.
        Excluded = "excluded",
        /// The elected tag is lower than the running one in the policy's order.
        Downgrade = "downgrade",
        /// The elected tag is another variant of the image than the running one.
        VariantChange = "variant-change",
        /// No tag passes the policy.
        NoMatchingTag = "no-matching-tag",
        /// The policy is malformed or ambiguous.
        InvalidPolicy = "invalid-policy",
        /// Order is by creation time, and the running image has none.
        NoCreationTime = "no-creation-time",
        /// The registry's answer is of no use.
        RegistryError = "registry-error",
        /// The registry does not answer.
        RegistryUnreachable = "registry-unreachable",
        /// The registry asks for fewer requests.
        RateLimited = "rate-limited",
        /// The registry refuses the credentials, or wants some.
        Unauthorized = "unauthorized",
        /// The registry knows no such repository or image.
        ImageNotFound = "image-not-found",
        /// The image in the manifest is no image reference.
        UnparsableImage = "unparsable-image",
        /// No tag that passes offers the platforms of the workload.
        WrongPlatform = "wrong-platform",
        /// No tag that passes is old enough.
        TooYoung = "too-young",
    }
}

impl Reason {
    /// The outcome that goes with the reason.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NewerImage => Outcome::Update,
            Self::UpToDate
            | Self::Manual
            | Self::Locked
            | Self::Ignored
            | Self::Excluded
            | Self::Downgrade
            | Self::VariantChange
            | Self::NoMatchingTag => Outcome::Keep,
            Self::InvalidPolicy
            | Self::NoCreationTime
            | Self::RegistryError
            | Self::RegistryUnreachable
            | Self::RateLimited
            | Self::Unauthorized
            | Self::ImageNotFound
            | Self::UnparsableImage
            | Self::WrongPlatform
            | Self::TooYoung => Outcome::Unknown,
        }
    }

    /// The reason as a phrase, for people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NewerImage => "a newer image is elected",
            Self::UpToDate => "the elected image is the running one",
            Self::Manual => "not automated",
            Self::Locked => "locked",
            Self::Ignored => "ignored",
            Self::Excluded => "the image is left out",
            Self::Downgrade => "the elected tag is lower than the running one",
            Self::VariantChange => "the elected tag is another variant",
            Self::NoMatchingTag => "no tag matches the policy",
            Self::InvalidPolicy => "the policy is invalid",
            Self::NoCreationTime => "the running image has no creation time",
            Self::RegistryError => "the registry's answer is of no use",
            Self::RegistryUnreachable => "the registry does not answer",
            Self::RateLimited => "the registry asks for fewer requests",
            Self::Unauthorized => "the registry refuses access",
            Self::ImageNotFound => "the registry knows no such image",
            Self::UnparsableImage => "the image is no image reference",
            Self::WrongPlatform => "no matching tag offers the workload's platforms",
            Self::TooYoung => "no matching tag is old enough",
        }
    }
}

impl From<FetchFailureKind> for Reason {
    fn from(kind: FetchFailureKind) -> Self {
        match kind {
            FetchFailureKind::NotFound => Self::ImageNotFound,
            FetchFailureKind::Unauthorized => Self::Unauthorized,
            FetchFailureKind::RateLimited => Self::RateLimited,
            FetchFailureKind::Unreachable | FetchFailureKind::NotRemembered => {
                Self::RegistryUnreachable
            }
            FetchFailureKind::CannotBePulled
            | FetchFailureKind::TooLarge
            | FetchFailureKind::Registry => Self::RegistryError,
        }
    }
}

/// The policy that was judged by, in the words of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySummary {
    /// The filter as written: `semver:~1.0`.
    pub filter: String,
    /// In which order the tags were ranked.
    pub order: Order,
    /// Where the policy stands: `annotation fluxcd.io/tag.app`.
    pub origin: String,
}

/// The facts that a decision rests on, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionFacts {
    /// When the running image was built.
    pub current_created: Option<Timestamp>,
    /// Which place says so.
    #[serde(default)]
    pub current_created_from: Option<CreatedFrom>,
    /// The digest that the running tag serves now, or that is written.
    pub current_digest: Option<Digest>,
    /// When the elected image was built.
    pub latest_created: Option<Timestamp>,
    /// Which place says so.
    #[serde(default)]
    pub latest_created_from: Option<CreatedFrom>,
    /// The digest that the elected tag serves now.
    pub latest_digest: Option<Digest>,
    /// By which clock the elected image is old enough; `None` where no age is
    /// demanded.
    #[serde(default)]
    pub age_clock: Option<AgeClock>,
    /// When the tags were asked for.
    pub asked_at: Option<Timestamp>,
    /// Where the tags came from.
    pub source: SourceKind,
    /// Where they were read, if not under the image's own name.
    pub place: Option<CanonicalName>,
}

/// The answer of a policy alone, before the workload's state is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// The same in a sentence with the tags, versions and errors in it.
    pub message: String,
    /// The image that the policy elects, in the spelling of the manifest.
    pub latest: Option<ImageReference>,
    /// What it rests on; `None` where nothing was asked.
    pub facts: Option<DecisionFacts>,
    /// What else to know.
    pub warnings: Vec<Warning>,
}

/// The answer for one container: the one thing that every command shows,
/// patches or commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What the annotations say.
    pub state: State,
    /// The lock, where the state is locked.
    pub lock: Option<Lock>,
    /// Whether it would be automated without its lock.
    pub automated: bool,
    /// The policy. `None`: the container has none and is not automated, or it is
    /// ignored.
    pub policy: Option<PolicySummary>,
    /// What would happen now.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The same in a sentence.
    pub message: String,
    /// The image that the policy elects whatever the state, in the spelling of
    /// the manifest.
    pub latest: Option<ImageReference>,
    /// What the policy alone would say: where this is an update and the outcome
    /// is not, only the state holds the update back.
    pub policy_reason: Option<Reason>,
    /// What the policy's named group `build` matches in the elected tag.
    pub build: Option<String>,
    /// What it rests on.
    pub facts: Option<DecisionFacts>,
    /// What else to know, each warning once, in a fixed order.
    pub warnings: Vec<Warning>,
    /// What an assumed policy would elect, where the container has none.
    pub suggestion: Option<Suggestion>,
}

impl Decision {
    /// Whether a newer image is elected and only the state holds it back.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.outcome != Outcome::Update && self.policy_reason == Some(Reason::NewerImage)
    }
}

/// What `--assume` finds for a container without a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The policy that was assumed.
    pub policy: PolicySummary,
    /// What it would elect.
    pub latest: Option<ImageReference>,
    /// Why.
    pub reason: Reason,
    /// The same in a sentence.
    pub message: String,
}
