//! What is known of a container, and reading metadata with a judge's eye.

use jiff::{SignedDuration, Timestamp};

use crate::image::{
    FetchFailure, FetchFailureKind, ImageMetadata, ImageReference, Known, Platform,
    RepositoryMetadata, Tag, TagOrDigest,
};
use crate::workload::RunningImage;

/// The container whose update is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts<'a> {
    /// The image that the manifest names.
    pub image: &'a ImageReference,
    /// The time that counts as now.
    pub now: Timestamp,
    /// The platforms on which the container can run. `None`: not known, and
    /// platforms are not checked.
    pub platforms: Option<Vec<Platform>>,
    /// What the Pods report; empty where they were not read.
    pub running: &'a [RunningImage],
}

impl ContainerFacts<'_> {
    /// The tag that a runtime would ask for; `None` where the digest alone is
    /// written.
    pub(super) fn running_tag(&self) -> Option<Tag> {
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

/// A time before this is what reproducible builds write, not a time: the Unix
/// epoch, the year 1, and 1980-01-01, where ZIP's calendar begins.
const FIRST_BELIEVED: Timestamp = Timestamp::constant(315_619_200, 0);

/// How far clocks may differ: an image is created at most this long after now,
/// and after it was pushed.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// What became of the question when an image was built.
pub(super) enum Creation {
    /// A time that can be believed.
    At(Timestamp),
    /// The image names none, or one that cannot be believed.
    None,
    /// The manifest or the config is gone.
    Gone,
    /// Nobody asked.
    NotAsked,
    /// It could not be had.
    Failed(FetchFailure),
}

/// When an image was built, as far as it can be believed.
pub(super) fn creation(
    metadata: &RepositoryMetadata,
    of: &TagOrDigest,
    now: Timestamp,
) -> Creation {
    let Some(image) = metadata.image(of) else {
        return Creation::NotAsked;
    };
    let is_believable = |at: &Timestamp| {
        let last = created_by(image).unwrap_or(Timestamp::MAX);
        (FIRST_BELIEVED..=later(now, TOLERANCE).min(last)).contains(at)
    };
    match &image.created {
        Known::NotAsked => Creation::NotAsked,
        Known::Value(created) => match created.filter(is_believable) {
            Some(at) => Creation::At(at),
            None => Creation::None,
        },
        Known::Failed(failure) if failure.kind == FetchFailureKind::NotFound => Creation::Gone,
        Known::Failed(failure) => Creation::Failed(failure.clone()),
    }
}

/// When an image was created at the latest, by the time at which it was pushed.
/// `None`: that is not known, or is no time.
pub(super) fn created_by(image: &ImageMetadata) -> Option<Timestamp> {
    let pushed = image.pushed.value().copied().flatten();
    let pushed = pushed.filter(|at| *at >= FIRST_BELIEVED)?;
    Some(later(pushed, TOLERANCE))
}

/// When an image was pushed, of which [`created_by`] tells the latest creation.
pub(super) fn pushed_before(created_by: Timestamp) -> Timestamp {
    created_by.checked_sub(TOLERANCE).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// When an image will be old enough: the latest of what is known of its age,
/// plus the minimum. `None`: nothing is known.
pub(super) fn ripe_at(
    image: &ImageMetadata,
    created: Option<Timestamp>,
    min_age: SignedDuration,
) -> Option<Timestamp> {
    let born = [
        created,
        image.pushed.value().copied().flatten(),
        image.first_seen,
    ]
    .into_iter()
    .flatten()
    .max()?;
    Some(later(born, min_age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_can_be_true_are_believed() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let version = TagOrDigest::Tag("a".parse().expect("a tag"));
        for (created, expected) in [
            ("0001-01-01T00:00:00Z", false),
            ("1970-01-01T00:00:00Z", false),
            ("1980-01-01T00:00:01Z", false),
            ("1980-01-02T00:00:00Z", true),
            ("2026-11-22T11:59:59Z", true),
            ("2026-11-22T12:00:01Z", false),
        ] {
            let mut metadata = RepositoryMetadata::default();
            let image = metadata.images.entry(version.clone()).or_default();
            image.created = Known::Value(Some(created.parse().expect("a time")));
            let believed = matches!(creation(&metadata, &version, now), Creation::At(_));
            assert_eq!(believed, expected, "{created}");
        }
    }
}
