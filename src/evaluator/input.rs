//! What is evaluated: one image, its policy, and what is known of its repository.

use jiff::Timestamp;

use super::creation::{Creation, creation};
use crate::image::{ImageReference, Known, Platform, RepositoryMetadata, Tag, TagOrDigest};
use crate::policy::{ContainerPolicy, Lock, Order};
use crate::workload::RunningImage;

/// What the run knows about one container, whatever its policy says.
#[derive(Debug, Clone)]
pub(crate) struct RunContext<'a> {
    /// The time that counts as now.
    pub(crate) now: Timestamp,
    /// The platforms on which the container can run. `None`: not known, so a new
    /// image must offer every platform of the running image.
    pub(crate) platforms: Option<Vec<Platform>>,
    /// What the Pods report; empty if they were not read.
    pub(crate) running: &'a [RunningImage],
    /// What was undone last, if the workload went back to an older revision.
    pub(crate) undone: Option<Undone<'a>>,
    /// How many tags the gate may refuse before the search ends.
    pub(crate) max_candidates: usize,
    /// Which tag runs if the image names neither a tag nor a digest.
    pub(crate) implied: ImpliedTag,
}

/// Which tag runs if an image names neither a tag nor a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImpliedTag {
    /// `latest`, as for a container runtime.
    Latest,
    /// The one that the chart of a Helm release chooses, which is not known.
    OfChart,
    /// Nothing runs: the image is that of a policy alone.
    Nothing,
}

/// What a container had in a revision that was undone.
#[derive(Debug, Clone)]
pub(crate) struct Undone<'a> {
    /// The number of the revision.
    pub(crate) revision: u64,
    /// The lock that the workload had.
    pub(crate) lock: Option<Lock>,
    /// The container's image.
    pub(crate) image: Option<&'a str>,
}

/// Everything that an evaluation depends on.
#[derive(Debug, Clone)]
pub(crate) struct EvaluationInput<'a> {
    /// The image that the manifest names.
    pub(crate) image: &'a ImageReference,
    /// The tag that a container runtime would pull; `None` if the manifest names
    /// only a digest, or the chart of a Helm release chooses the tag.
    pub(crate) running: Option<Tag>,
    pub(crate) context: &'a RunContext<'a>,
    pub(crate) policy: &'a ContainerPolicy,
    pub(crate) metadata: &'a RepositoryMetadata,
    /// The tags to choose from: normally those of the metadata.
    pub(crate) tags: &'a Known<Vec<Tag>>,
}

impl<'a> EvaluationInput<'a> {
    pub(crate) fn new(
        image: &'a ImageReference,
        context: &'a RunContext<'a>,
        policy: &'a ContainerPolicy,
        metadata: &'a RepositoryMetadata,
    ) -> Self {
        let running = match (image.tag(), image.digest()) {
            (Some(tag), _) => Some(tag.clone()),
            (None, Some(_)) => None,
            (None, None) if context.implied != ImpliedTag::Latest => None,
            (None, None) => match image.pulled() {
                TagOrDigest::Tag(tag) => Some(tag),
                TagOrDigest::Digest(_) => None,
            },
        };
        Self {
            image,
            running,
            context,
            policy,
            metadata,
            tags: &metadata.tags,
        }
    }

    pub(crate) fn order(&self) -> Order {
        self.policy.rule.order()
    }

    /// When an image was built, as far as that is known and plausible.
    pub(crate) fn creation(&self, version: &TagOrDigest) -> Creation {
        creation(self.metadata, version, self.context.now)
    }
}
