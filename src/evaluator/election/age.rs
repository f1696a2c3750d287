//! How old an image is, by a clock that its author cannot set.
//!
//! The author of an image also writes its date, so a minimum age that counts from
//! that date does not stop an attacker. The clock is a time that the author cannot
//! set: the push time if the registry reports it, otherwise the `Last-Modified` of
//! the registry's response, otherwise the time when our cache first saw the digest.
//! The image's own date can only make the image younger.

use jiff::Timestamp;

use crate::image::{ImageMetadata, RepositoryMetadata, SourceKind, is_believable, later};
use crate::named_enum::named_enum;
use crate::policy::{MinAge, MinAgeClock};

named_enum! {
    /// What the age of an image counts from.
    pub enum AgeClock {
        /// The push time that the registry reports.
        Push = "push",
        /// The earliest `Last-Modified` that the registry sent with it.
        LastModified = "last-modified",
        /// When our cache first saw its digest.
        FirstSeen = "first-seen",
        /// The image's own date.
        Image = "image",
    }
}

/// When an image will be old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ripeness {
    /// What its age counts from.
    pub(crate) clock: AgeClock,
    /// When it is old enough.
    pub(crate) at: Timestamp,
}

/// Whether the push time matters to the required age.
pub(crate) fn needs_push(min_age: MinAge, metadata: &RepositoryMetadata) -> bool {
    min_age.clock == MinAgeClock::Registry && has_clock(metadata)
}

/// When an image will be old enough: the later of its clock and its own date, plus
/// the minimum age. `None`: it has no clock.
pub(crate) fn ripeness(
    image: &ImageMetadata,
    min_age: MinAge,
    metadata: &RepositoryMetadata,
    now: Timestamp,
) -> Option<Ripeness> {
    let created = image.built(now).map(|created| created.at);
    let own = created.map(|at| (AgeClock::Image, at));
    let (clock, at) = match min_age.clock {
        MinAgeClock::Image => own,
        MinAgeClock::Registry => [
            (AgeClock::Push, image.pushed_at()),
            (AgeClock::LastModified, image.last_modified),
            (AgeClock::FirstSeen, image.first_seen),
        ]
        .into_iter()
        // A store that keeps no times reports 1970.
        .find_map(|(clock, at)| Some((clock, at.filter(|at| is_believable(*at))?)))
        .or(own.filter(|_| !has_clock(metadata))),
    }?;
    let at = later(at.max(created.unwrap_or(at)), min_age.age);
    Some(Ripeness { clock, at })
}

/// Whether the source of the metadata has a clock: a directory and a list of tags
/// have none, and older snapshots do not contain it. Without one, the images' own
/// dates count.
fn has_clock(metadata: &RepositoryMetadata) -> bool {
    match metadata.source {
        SourceKind::OciLayout | SourceKind::Given => false,
        SourceKind::Registry | SourceKind::Cache => !metadata.is_closed,
    }
}
