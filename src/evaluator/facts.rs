//! What is known of a container, and reading metadata with a judge's eye.

use jiff::Timestamp;

use crate::image::{
    Content, Created, FetchFailure, FetchFailureKind, ImageReference, Known, Platform,
    RepositoryMetadata, Tag, TagOrDigest,
};
use crate::policy::Rejection;
use crate::workload::RunningImage;

/// The container whose update is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts<'a> {
    /// The image that the manifest names.
    pub image: &'a ImageReference,
    /// The time that counts as now.
    pub now: Timestamp,
    /// The platforms on which the container can run. `None`: not known, and the
    /// platforms of the running image are demanded.
    pub platforms: Option<Vec<Platform>>,
    /// What the Pods report; empty where they were not read.
    pub running: &'a [RunningImage],
    /// How many tags may be refused by the gate before the search ends.
    pub max_candidates: usize,
}

impl ContainerFacts<'_> {
    /// The tag that a runtime would ask for; `None` where the digest alone is
    /// written.
    pub(crate) fn running_tag(&self) -> Option<Tag> {
        match (self.image.tag(), self.image.digest()) {
            (Some(tag), _) => Some(tag.clone()),
            (None, Some(_)) => None,
            (None, None) => match self.image.pulled() {
                TagOrDigest::Tag(tag) => Some(tag),
                TagOrDigest::Digest(_) => None,
            },
        }
    }
}

/// What became of the question when an image was built.
pub(crate) enum Creation {
    /// A time that can be believed.
    At(Created),
    /// The image names none, or one that cannot be believed.
    None,
    /// There is no image to date; the failure, where a question failed.
    Rejected(Rejection, Option<FetchFailure>),
    /// Nobody asked.
    NotAsked,
    /// It could not be had.
    Failed(FetchFailure),
}

/// When an image was built, as far as it can be believed.
pub(crate) fn creation(
    metadata: &RepositoryMetadata,
    of: &TagOrDigest,
    now: Timestamp,
) -> Creation {
    let Some(image) = metadata.image(of) else {
        return Creation::NotAsked;
    };
    if let Known::Value(Content::Other(_)) = &image.content {
        return Creation::Rejected(Rejection::NotAnImage, None);
    }
    match &image.created {
        Known::NotAsked => Creation::NotAsked,
        Known::Value(_) => image.built(now).map_or(Creation::None, Creation::At),
        Known::Failed(failure) => match rejection_of(failure.kind) {
            Some(rejection) => Creation::Rejected(rejection, Some(failure.clone())),
            None => Creation::Failed(failure.clone()),
        },
    }
}

/// The failures that are the image's own, and spoil no other tag.
pub(crate) fn rejection_of(failure: FetchFailureKind) -> Option<Rejection> {
    match failure {
        FetchFailureKind::NotFound => Some(Rejection::NoManifest),
        FetchFailureKind::CannotBePulled => Some(Rejection::CannotBePulled),
        FetchFailureKind::TooLarge => Some(Rejection::TooLarge),
        FetchFailureKind::Unauthorized
        | FetchFailureKind::RateLimited
        | FetchFailureKind::Unreachable
        | FetchFailureKind::NotRemembered
        | FetchFailureKind::Registry => None,
    }
}
