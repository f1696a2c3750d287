//! When an image was built, and which of the places that say so counts.
//!
//! Builders write the time of a build into different places, and some write a
//! fixed time into one of them, so that equal builds give equal digests. So the
//! places are asked in an order: the annotation of the index, else the one of the
//! manifest, else the later of the label and the config's `created`. A label may
//! be inherited from the base image, so it does not count against a later config. A
//! time that cannot be true is passed over at each step.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// A time before this is what reproducible builds write, not a time: the Unix
/// epoch, the year 1, and 1980-01-01, where ZIP's calendar begins.
const FIRST_BELIEVED: Timestamp = Timestamp::constant(315_619_200, 0);

/// How far clocks may differ: an image is created at most this long after now,
/// and after it was pushed.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

named_enum! {
    /// Which place named the time at which an image was built.
    pub enum CreatedFrom {
        /// The annotation `org.opencontainers.image.created` of the index.
        IndexAnnotation = "index-annotation",
        /// The same annotation of the manifest, or of its entry in the index.
        ManifestAnnotation = "manifest-annotation",
        /// The label `org.opencontainers.image.created`, or
        /// `org.label-schema.build-date`, in the config.
        Label = "label",
        /// The field `created` of the config.
        Config = "config",
        /// The list of tags that the user gave.
        Given = "given",
    }
}

/// A time that can be true, and where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// The time.
    pub at: Timestamp,
    /// The place that names it.
    pub from: CreatedFrom,
}

/// The times that an image names, as far as they were read. The places are read
/// in order, and no further than needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildTimes {
    /// In the annotation of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Timestamp>,
    /// In the annotation of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Timestamp>,
    /// In a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Timestamp>,
    /// In the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Timestamp>,
    /// In the user's own list of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Timestamp>,
}

impl BuildTimes {
    /// The time in the config alone.
    #[must_use]
    pub fn from_config(created: Option<Timestamp>) -> Self {
        Self {
            config: created,
            ..Self::default()
        }
    }

    /// The time that counts, for an image that was pushed at `pushed`, where that
    /// is known. `None`: no place names a time that can be true.
    #[must_use]
    pub fn created(&self, now: Timestamp, pushed: Option<Timestamp>) -> Option<Created> {
        let last = pushed.and_then(created_by).unwrap_or(Timestamp::MAX);
        let believed = FIRST_BELIEVED..=later(now, TOLERANCE).min(last);
        let named = |at: Option<Timestamp>, from| {
            let at = at.filter(|at| believed.contains(at))?;
            Some(Created { at, from })
        };
        let label = named(self.label, CreatedFrom::Label);
        let config = named(self.config, CreatedFrom::Config);
        named(self.given, CreatedFrom::Given)
            .or_else(|| named(self.index, CreatedFrom::IndexAnnotation))
            .or_else(|| named(self.manifest, CreatedFrom::ManifestAnnotation))
            .or_else(|| {
                let both = [config, label].into_iter().flatten();
                // Of two equal times the config's is named: `max` keeps the last.
                both.rev().max_by_key(|created| created.at)
            })
    }

    /// Adds what another answer told of the same image.
    pub(crate) fn add(&mut self, other: Self) {
        self.index = other.index.or(self.index);
        self.manifest = other.manifest.or(self.manifest);
        self.label = other.label.or(self.label);
        self.config = other.config.or(self.config);
        self.given = other.given.or(self.given);
    }
}

/// Whether this can be the time of anything that happened to an image.
#[must_use]
pub fn is_believable(at: Timestamp) -> bool {
    at >= FIRST_BELIEVED
}

/// When an image was created at the latest, if it was pushed at this time.
/// `None`: that cannot be the time of a push.
#[must_use]
pub fn created_by(pushed: Timestamp) -> Option<Timestamp> {
    is_believable(pushed).then(|| later(pushed, TOLERANCE))
}

/// When an image was pushed, of which [`created_by`] gives the latest creation.
#[must_use]
pub fn pushed_before(created_by: Timestamp) -> Timestamp {
    created_by.checked_sub(TOLERANCE).unwrap_or(Timestamp::MIN)
}

/// A time plus a duration, or the last time there is.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn time(text: &str) -> Timestamp {
        let text = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            _ => text.to_owned(),
        };
        text.parse().expect("a time")
    }

    #[test]
    fn only_times_that_can_be_true_are_believed() {
        for (created, expected) in [
            ("0001-01-01T00:00:00Z", false),
            ("1970-01-01T00:00:00Z", false),
            ("1980-01-01T00:00:01Z", false),
            ("1980-01-02T00:00:00Z", true),
            ("2026-11-22T11:59:59Z", true),
            ("2026-11-22T12:00:01Z", false),
        ] {
            let times = BuildTimes::from_config(Some(time(created)));
            let believed = times.created(time(NOW), None).is_some();
            assert_eq!(believed, expected, "{created}");
        }
    }

    #[test]
    fn the_first_place_with_a_time_that_can_be_true_counts() {
        let of = |texts: [&str; 4], pushed: &str| {
            let [index, manifest, label, config] =
                texts.map(|text| (!text.is_empty()).then(|| time(text)));
            let times = BuildTimes {
                index,
                manifest,
                label,
                config,
                given: None,
            };
            let pushed = (!pushed.is_empty()).then(|| time(pushed));
            let created = times.created(time(NOW), pushed);
            created.map_or_else(String::new, |c| {
                format!("{} {}", &c.at.to_string()[..10], c.from)
            })
        };
        let (a, b, c, d) = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01");
        for (texts, pushed, expected) in [
            ([a, b, c, d], "", "2026-01-01 index-annotation"),
            (["", b, c, d], "", "2026-02-01 manifest-annotation"),
            // A label may come from the base image, a config may be rebuilt.
            (["", "", c, d], "", "2026-04-01 config"),
            (["", "", d, c], "", "2026-04-01 label"),
            (["", "", c, c], "", "2026-03-01 config"),
            (["", "", c, ""], "", "2026-03-01 label"),
            (["", "", "", ""], "", ""),
            // What cannot be true is passed over at each step.
            (
                ["1970-01-01", b, c, d],
                "",
                "2026-02-01 manifest-annotation",
            ),
            (["2030-01-01", "1980-01-01", c, d], "", "2026-04-01 config"),
            (["", "", "2030-01-01", c], "", "2026-03-01 config"),
            (["", "", c, "1970-01-01"], "", "2026-03-01 label"),
            // Nothing is built more than a day after it was pushed.
            ([d, b, c, d], "2026-03-30", "2026-02-01 manifest-annotation"),
            ([d, "", c, d], "2026-03-30", "2026-03-01 label"),
            ([d, "", c, d], "2026-03-31", "2026-04-01 index-annotation"),
            // A time that no push can have bounds nothing.
            ([d, b, c, d], "1970-01-01", "2026-04-01 index-annotation"),
        ] {
            assert_eq!(of(texts, pushed), expected, "{texts:?} {pushed}");
        }
    }
}
