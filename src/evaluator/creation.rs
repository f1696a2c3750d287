//! When an image was built, as far as the metadata says, and which failures
//! concern one image only.

use jiff::Timestamp;

use crate::image::{
    Content, Created, FetchFailure, FetchFailureKind, Known, RepositoryMetadata, TagOrDigest,
};
use crate::policy::Rejection;

/// When an image was built.
pub(crate) enum Creation {
    /// A plausible time.
    At(Created),
    /// The image states no time, or an implausible one.
    None,
    /// There is no image whose time could be read; with the failure, if fetching
    /// it failed.
    Rejected(Rejection, Option<FetchFailure>),
    /// It was not requested.
    NotAsked,
    /// It could not be fetched.
    Failed(FetchFailure),
}

/// When an image was built, as far as that is known and plausible.
pub(crate) fn creation(
    metadata: &RepositoryMetadata,
    version: &TagOrDigest,
    now: Timestamp,
) -> Creation {
    let Some(image) = metadata.image(version) else {
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

/// The rejection that follows from a failure which concerns one image only; `None`
/// for failures that say nothing about the image.
pub(crate) fn rejection_of(failure: FetchFailureKind) -> Option<Rejection> {
    match failure {
        FetchFailureKind::NotFound => Some(Rejection::NoManifest),
        FetchFailureKind::NoConfig => Some(Rejection::NoConfig),
        FetchFailureKind::CannotBePulled => Some(Rejection::CannotBePulled),
        FetchFailureKind::TooLarge => Some(Rejection::TooLarge),
        FetchFailureKind::Unauthorized
        | FetchFailureKind::RateLimited
        | FetchFailureKind::Unreachable
        | FetchFailureKind::ScanTimeout
        | FetchFailureKind::NotRemembered
        | FetchFailureKind::Registry
        | FetchFailureKind::ServerError => None,
    }
}
