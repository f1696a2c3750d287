//! What happens to a container's image, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::election::age::AgeClock;
use crate::image::{
    CanonicalName, CreatedFrom, Digest, FetchFailureKind, ImageReference, SourceKind,
};
use crate::named_enum::named_enum;
use crate::policy::{Closure, Lock, Order, Rejection, State, Warning};

named_enum! {
    /// What an update would do now.
    pub enum Outcome {
        /// The image is replaced by the elected one.
        Update = "update",
        /// The image is kept on purpose.
        Keep = "keep",
        /// Nothing could be decided, so the image is kept.
        Unknown = "unknown",
    }
}

named_enum! {
    /// Why an image is updated, kept or undecided. Each reason belongs to one
    /// [`Outcome`].
    pub enum Reason {
        /// The policy elects a newer image.
        NewerImage = "newer-image",
        /// The policy elects the running image.
        UpToDate = "up-to-date",
        /// The container is not automated.
        Manual = "manual",
        /// The workload is locked.
        Locked = "locked",
        /// The workload is ignored.
        Ignored = "ignored",
        /// The flags of the run exclude the image.
        Excluded = "excluded",
        /// The API server is deleting the workload, or its namespace.
        BeingDeleted = "being-deleted",
        /// The elected tag is lower than the running one in the policy's order.
        Downgrade = "downgrade",
        /// The elected tag is of another variant of the image than the running one.
        VariantChange = "variant-change",
        /// A window or a freeze does not allow an update now.
        WaitingForWindow = "waiting-for-window",
        /// The rollout of the best tag's image failed before in the workload, and no other
        /// tag can be elected.
        FailedBefore = "failed-before",
        /// The values of a Helm release contain no tag, so the chart's own tag applies.
        ChartTag = "chart-tag",
        /// No tag passes the policy.
        NoMatchingTag = "no-matching-tag",
        /// The policy is malformed or ambiguous.
        InvalidPolicy = "invalid-policy",
        /// The order is by creation time, and the running image has none.
        NoCreationTime = "no-creation-time",
        /// The registry's response is unusable.
        RegistryError = "registry-error",
        /// The registry is unreachable.
        RegistryUnreachable = "registry-unreachable",
        /// The registry limits the rate of requests.
        RateLimited = "rate-limited",
        /// The registry rejects the credentials, or requires some.
        Unauthorized = "unauthorized",
        /// The registry has no such repository or image.
        ImageNotFound = "image-not-found",
        /// The requests for the repository took too long in total.
        ScanTimeout = "scan-timeout",
        /// The image in the manifest is not a valid image reference.
        UnparsableImage = "unparsable-image",
        /// No tag that passes offers the platforms of the workload.
        WrongPlatform = "wrong-platform",
        /// No tag that passes is old enough.
        TooYoung = "too-young",
    }
}

impl Reason {
    /// The outcome that the reason belongs to.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NewerImage => Outcome::Update,
            Self::UpToDate
            | Self::Manual
            | Self::Locked
            | Self::Ignored
            | Self::Excluded
            | Self::BeingDeleted
            | Self::Downgrade
            | Self::VariantChange
            | Self::WaitingForWindow
            | Self::FailedBefore
            | Self::ChartTag
            | Self::NoMatchingTag => Outcome::Keep,
            Self::InvalidPolicy
            | Self::NoCreationTime
            | Self::RegistryError
            | Self::RegistryUnreachable
            | Self::RateLimited
            | Self::Unauthorized
            | Self::ImageNotFound
            | Self::ScanTimeout
            | Self::UnparsableImage
            | Self::WrongPlatform
            | Self::TooYoung => Outcome::Unknown,
        }
    }

    /// The reason for a container whose best tag the gate refuses.
    pub(crate) fn for_refused(rejection: Rejection) -> Self {
        match rejection {
            Rejection::TooYoung => Self::TooYoung,
            Rejection::WrongPlatform => Self::WrongPlatform,
            Rejection::FailedBefore => Self::FailedBefore,
            _ => Self::NoMatchingTag,
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
            Self::Excluded => "the image is excluded",
            Self::BeingDeleted => "the workload is being deleted",
            Self::Downgrade => "the elected tag is lower than the running one",
            Self::VariantChange => "the elected tag is another variant",
            Self::WaitingForWindow => "waiting for a time at which updates are allowed",
            Self::FailedBefore => "the rollout of the best image failed before",
            Self::ChartTag => "the chart's own tag applies",
            Self::NoMatchingTag => "no tag matches the policy",
            Self::InvalidPolicy => "the policy is invalid",
            Self::NoCreationTime => "the running image has no creation time",
            Self::RegistryError => "the registry's response is unusable",
            Self::RegistryUnreachable => "the registry is unreachable",
            Self::RateLimited => "the registry limits the rate of requests",
            Self::Unauthorized => "the registry denies access",
            Self::ImageNotFound => "the registry has no such image",
            Self::ScanTimeout => "reading the repository took too long",
            Self::UnparsableImage => "the image is not a valid image reference",
            Self::WrongPlatform => "no matching tag offers the workload's platforms",
            Self::TooYoung => "no matching tag is old enough",
        }
    }
}

impl From<FetchFailureKind> for Reason {
    fn from(kind: FetchFailureKind) -> Self {
        match kind {
            FetchFailureKind::NotFound | FetchFailureKind::NoConfig => Self::ImageNotFound,
            FetchFailureKind::Unauthorized => Self::Unauthorized,
            FetchFailureKind::RateLimited => Self::RateLimited,
            FetchFailureKind::ScanTimeout => Self::ScanTimeout,
            FetchFailureKind::Unreachable | FetchFailureKind::NotRemembered => {
                Self::RegistryUnreachable
            }
            FetchFailureKind::CannotBePulled
            | FetchFailureKind::TooLarge
            | FetchFailureKind::Registry
            | FetchFailureKind::ServerError => Self::RegistryError,
        }
    }
}

/// The policy that was evaluated, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySummary {
    /// The filter as written: `semver:~1.0`.
    pub filter: String,
    /// The order in which the tags are ranked.
    pub order: Order,
    /// Where the policy is written: `annotation fluxcd.io/tag.app`.
    pub origin: String,
}

/// The facts that a decision is based on, as far as they were requested.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionFacts {
    /// When the running image was built.
    pub current_created: Option<Timestamp>,
    /// Where that time comes from.
    #[serde(default)]
    pub current_created_from: Option<CreatedFrom>,
    /// The digest that the running tag serves now, or that the manifest names.
    pub current_digest: Option<Digest>,
    /// When the elected image was built.
    pub latest_created: Option<Timestamp>,
    /// Where that time comes from.
    #[serde(default)]
    pub latest_created_from: Option<CreatedFrom>,
    /// The digest that the elected tag serves now.
    pub latest_digest: Option<Digest>,
    /// What the age of the elected image counts from; `None` if there is no minimum
    /// age.
    #[serde(default)]
    pub age_clock: Option<AgeClock>,
    /// When the tags were fetched.
    pub asked_at: Option<Timestamp>,
    /// Where the tags came from.
    pub source: SourceKind,
    /// Where they were read, if not from the image's own repository.
    pub place: Option<CanonicalName>,
    /// Where a forge shows what has changed between the running and the elected image, if both
    /// say what they were built from.
    #[serde(default)]
    pub compare: Option<String>,
}

/// The answer of a policy alone, before the workload's state is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// The reason as a sentence, with tags, versions and errors.
    pub message: String,
    /// The image that the policy elects, in the spelling of the manifest.
    pub latest: Option<ImageReference>,
    /// The facts that it is based on; `None` if nothing was requested.
    pub facts: Option<DecisionFacts>,
    /// Further warnings.
    pub warnings: Vec<Warning>,
}

impl Verdict {
    /// A verdict that elects nothing.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            latest: None,
            facts: None,
            warnings: Vec::new(),
        }
    }

    /// The same verdict with an elected image.
    pub(crate) fn electing(self, latest: ImageReference) -> Self {
        Self {
            latest: Some(latest),
            ..self
        }
    }
}

/// The answer for one container, which every command shows or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The state that the annotations describe.
    pub state: State,
    /// The lock, if the state is locked.
    pub lock: Option<Lock>,
    /// Whether it would be automated without its lock.
    pub automated: bool,
    /// The policy. `None`: the container has none and is not automated, or it is
    /// ignored.
    pub policy: Option<PolicySummary>,
    /// What an update would do now.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The reason as a sentence.
    pub message: String,
    /// The image that the policy elects whatever the state, in the spelling of
    /// the manifest.
    pub latest: Option<ImageReference>,
    /// The reason of the policy alone: if this is an update and the outcome is not,
    /// only the state holds the update back.
    pub policy_reason: Option<Reason>,
    /// Why no update may start now, whatever the policy elects; `None`: it may.
    pub closure: Option<Closure>,
    /// What the policy's named group `build` matches in the elected tag.
    pub build: Option<String>,
    /// The facts that it is based on.
    pub facts: Option<DecisionFacts>,
    /// Further warnings, each once, in a fixed order.
    pub warnings: Vec<Warning>,
    /// What an assumed policy would elect, if the container has no policy.
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
    /// The reason as a sentence.
    pub message: String,
}
