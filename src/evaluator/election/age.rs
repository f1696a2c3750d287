//! How old an image is, by a clock that it cannot set itself.
//!
//! Whoever pushes an image writes its date too, so a minimum age that counts
//! from that date delays nobody who wants to deceive. The clock is what the image
//! cannot set: the time of the push where the registry tells it, else the
//! `Last-Modified` of the registry's answer, else the time at which our cache saw
//! the digest first. The image's own date can only make it younger.

use jiff::Timestamp;

use crate::image::{ImageMetadata, RepositoryMetadata, SourceKind, is_believable, later};
use crate::named_enum::named_enum;
use crate::policy::{MinAge, MinAgeClock};

named_enum! {
    /// What the age of an image counts from.
    pub enum AgeClock {
        /// When it was pushed, as the registry tells.
        Push = "push",
        /// The earliest `Last-Modified` that the registry sent with it.
        LastModified = "last-modified",
        /// When our cache saw its digest first.
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

/// Whether the time of a push bears on the age that is demanded.
pub(crate) fn needs_push(min_age: MinAge, metadata: &RepositoryMetadata) -> bool {
    min_age.clock == MinAgeClock::Registry && has_clock(metadata)
}

/// When an image will be old enough: the later of its clock and its own date,
/// plus the minimum. `None`: it has no clock.
pub(crate) fn ripeness(
    image: &ImageMetadata,
    min_age: MinAge,
    metadata: &RepositoryMetadata,
    now: Timestamp,
) -> Option<Ripeness> {
    let created = image.built(now).map(|created| created.at);
    let own = created.map(|at| (AgeClock::Image, at));
    // A time of 1970 is what a store without times of its own says.
    let told = |at: Option<Timestamp>, clock| Some((clock, at.filter(|at| is_believable(*at))?));
    let (clock, at) = match min_age.clock {
        MinAgeClock::Image => own,
        MinAgeClock::Registry => told(image.pushed_at(), AgeClock::Push)
            .or_else(|| told(image.last_modified, AgeClock::LastModified))
            .or_else(|| told(image.first_seen, AgeClock::FirstSeen))
            .or(own.filter(|_| !has_clock(metadata))),
    }?;
    let at = later(at.max(created.unwrap_or(at)), min_age.age);
    Some(Ripeness { clock, at })
}

/// Whether what was asked has a clock of its own: a directory and a list of tags
/// have none, and an older snapshot was not asked for it. Then the images' own
/// dates count.
fn has_clock(metadata: &RepositoryMetadata) -> bool {
    match metadata.source {
        SourceKind::OciLayout | SourceKind::Given => false,
        SourceKind::Registry | SourceKind::Cache => !metadata.is_closed,
    }
}
