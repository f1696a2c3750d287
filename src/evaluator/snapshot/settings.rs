//! The flags of a run that change decisions, and why a snapshot cannot be used.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::image::{ImageReference, Platform};
use crate::policy::{ContainerPolicy, GlobError, MinAgeClock, RuleError};

/// The flags that change decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `--assume`, for containers without a policy.
    pub assume: Option<String>,
    /// `--min-age`; the longer of this and the workload's own counts.
    pub min_age: Option<SignedDuration>,
    /// `--min-age-clock`; the stricter of this and the workload's own counts.
    #[serde(default)]
    pub min_age_clock: Option<MinAgeClock>,
    /// `--max-candidates`.
    #[serde(default)]
    pub max_candidates: Option<usize>,
    /// `--allow-downgrade`.
    pub allow_downgrade: bool,
    /// `--allow-variant`.
    pub allow_variant_change: bool,
    /// `--platform`, which counts instead of the nodes'.
    pub platforms: Vec<Platform>,
    /// `--include-image`: globs on canonical names; where there are any, an
    /// image that none of them matches is left out.
    #[serde(default)]
    pub include_images: Vec<String>,
    /// `--exclude-image`: globs on canonical names of images that are left out.
    #[serde(default)]
    pub exclude_images: Vec<String>,
    /// `--image`: what it takes to write this image is asked as well. It decides
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
}

/// How many tags the gate may refuse before the search ends, where no flag tells.
const MAX_CANDIDATES: usize = 20;

impl Settings {
    pub(crate) fn max_candidates(&self) -> usize {
        self.max_candidates.unwrap_or(MAX_CANDIDATES)
    }

    /// Puts the flags beside a policy: they demand more age, and lift more.
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

/// A file that is no snapshot of this program.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text does not have the shape of a snapshot.
    #[error("not a snapshot: {0}")]
    Shape(#[from] serde_json::Error),
    /// The snapshot was written by another version.
    #[error("the snapshot has the format {0:?}, and this version reads {FORMAT:?}")]
    Format(String),
    /// The assumed policy is malformed.
    #[error("--assume: {0}")]
    Assume(#[from] RuleError),
    /// A glob on image names is malformed.
    #[error("{flag} {glob:?}: {error}")]
    ImageGlob {
        /// The flag that gives it.
        flag: &'static str,
        /// The glob as it is written.
        glob: String,
        /// What is wrong with it.
        error: GlobError,
    },
}
