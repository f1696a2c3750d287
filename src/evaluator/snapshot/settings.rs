//! The flags of a run that change decisions, and why a snapshot cannot be used.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::image::{ImageReference, Platform};
use crate::policy::{ContainerPolicy, GlobError, MinAgeClock, RuleError, ScheduleFlags};

/// The flags that change decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `--assume`, for containers without a policy.
    pub assume: Option<String>,
    /// `--min-age`; the longer of this and the workload's own applies.
    pub min_age: Option<SignedDuration>,
    /// `--min-age-clock`; the stricter of this and the workload's own applies.
    #[serde(default)]
    pub min_age_clock: Option<MinAgeClock>,
    /// `--max-candidates`.
    #[serde(default)]
    pub max_candidates: Option<usize>,
    /// `--allow-downgrade`.
    pub allow_downgrade: bool,
    /// `--allow-variant`.
    pub allow_variant_change: bool,
    /// `--platform`, which replaces the platforms of the nodes.
    pub platforms: Vec<Platform>,
    /// `--include-image`: globs on canonical names; if there are any, an image that
    /// matches none of them is excluded.
    #[serde(default)]
    pub include_images: Vec<String>,
    /// `--exclude-image`: globs on canonical names of images that are excluded.
    #[serde(default)]
    pub exclude_images: Vec<String>,
    /// `--container` of `update`: only the containers with these names are decided; empty:
    /// all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// `--elected`: whether the ImagePolicy objects elect, or only what Flux has recorded is
    /// used.
    #[serde(default, skip_serializing_if = "Elected::is_now")]
    pub elected: Elected,
    /// `--window` and `--freeze` of `controller run`.
    #[serde(default, skip_serializing_if = "ScheduleFlags::is_empty")]
    pub schedule: ScheduleFlags,
    /// `--image`: the facts needed to write this image are also requested. It does not
    /// change decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
}

/// Where the image of an ImagePolicy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Elected {
    /// It is elected from the tags in the registry.
    #[default]
    Now,
    /// Flux has recorded it in the status of the object. No registry is asked.
    Recorded,
}

impl Elected {
    fn is_now(&self) -> bool {
        *self == Self::Now
    }
}

/// How many tags the gate may refuse before the search ends, without the flag.
const MAX_CANDIDATES: usize = 20;

impl Settings {
    pub(crate) fn max_candidates(&self) -> usize {
        self.max_candidates.unwrap_or(MAX_CANDIDATES)
    }

    /// Whether the containers with this name are decided.
    pub(crate) fn decides(&self, container: &str) -> bool {
        self.containers.is_empty() || self.containers.iter().any(|name| name == container)
    }

    /// Applies the flags to a policy: they raise the minimum age and lift restrictions.
    pub(crate) fn apply(&self, policy: &mut ContainerPolicy) {
        let min_age = self.min_age.filter(|age| !age.is_zero());
        policy.min_age = policy.min_age.max(min_age);
        policy.min_age_clock = policy.min_age_clock.max(self.min_age_clock);
        policy.allow_downgrade |= self.allow_downgrade;
        policy.allow_variant_change |= self.allow_variant_change;
    }
}

/// The snapshot format that this version reads and writes.
pub(crate) const FORMAT: &str = "imgpolicy.dev/snapshot-v1alpha2";

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text does not have the shape of a snapshot.
    #[error("not a snapshot: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another version wrote the snapshot.
    #[error("the snapshot has the format {0:?}, and this version reads {FORMAT:?}")]
    Format(String),
    /// The assumed policy is malformed.
    #[error("--assume: {0}")]
    Assume(#[from] RuleError),
    /// A glob on image names is malformed.
    #[error("{flag} {glob:?}: {error}")]
    ImageGlob {
        /// The flag.
        flag: &'static str,
        /// The glob as written.
        glob: String,
        /// What is wrong with it.
        error: GlobError,
    },
}
