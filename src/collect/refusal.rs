//! Whether a registry refused a repository to an account, and why.

use crate::image::{
    FetchFailure, FetchFailureKind, ImageMetadata, Known, RepositoryMetadata, SourceKind,
};

/// Whether the registry did not let the account see the repository, or the single
/// image that was requested.
///
/// A tag that is missing from a visible repository is not a refusal, and neither is
/// any other failure. Offline, metadata that is not remembered for one account may
/// be remembered for another.
pub(crate) fn is_refused(metadata: &RepositoryMetadata) -> bool {
    use FetchFailureKind::{NotFound, NotRemembered, Unauthorized};
    // Local folders have no access control.
    if matches!(metadata.source, SourceKind::OciLayout | SourceKind::Given) {
        return false;
    }
    let kinds: Vec<Option<FetchFailureKind>> =
        metadata.images.values().map(first_failure).collect();
    let is_unauthorized = kinds
        .iter()
        .any(|kind| matches!(kind, Some(Unauthorized | NotRemembered)));
    match &metadata.tags {
        Known::Failed(failure) => {
            matches!(failure.kind, Unauthorized | NotFound | NotRemembered)
        }
        Known::Value(_) => is_unauthorized,
        Known::NotAsked => {
            let is_every_image_hidden = kinds.iter().all(|kind| *kind == Some(NotFound));
            is_unauthorized || (!kinds.is_empty() && is_every_image_hidden)
        }
    }
}

/// The kind of the first failure among an image's facts.
fn first_failure(image: &ImageMetadata) -> Option<FetchFailureKind> {
    failure_kind(&image.digest)
        .or_else(|| failure_kind(&image.members))
        .or_else(|| failure_kind(&image.platforms))
        .or_else(|| failure_kind(&image.created))
}

fn failure_kind<T>(known: &Known<T>) -> Option<FetchFailureKind> {
    match known {
        Known::Failed(failure) => Some(failure.kind),
        Known::Value(_) | Known::NotAsked => None,
    }
}

/// The same metadata, with a further reason appended to the message of each
/// refusal.
pub(crate) fn with_reason(
    metadata: &RepositoryMetadata,
    reason: impl Fn(FetchFailureKind) -> Option<String>,
) -> RepositoryMetadata {
    let mut metadata = metadata.clone();
    add_reason(&mut metadata.tags, &reason);
    for image in metadata.images.values_mut() {
        add_reason(&mut image.digest, &reason);
        add_reason(&mut image.members, &reason);
        add_reason(&mut image.platforms, &reason);
        add_reason(&mut image.created, &reason);
    }
    metadata
}

fn add_reason<T>(known: &mut Known<T>, reason: impl Fn(FetchFailureKind) -> Option<String>) {
    use FetchFailureKind::{NotFound, Unauthorized};
    let Known::Failed(failure) = known else {
        return;
    };
    let FetchFailure { kind, message } = failure;
    if matches!(kind, NotFound | Unauthorized)
        && let Some(reason) = reason(*kind)
    {
        *message = format!("{message}; {reason}");
    }
}
