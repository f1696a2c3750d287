//! When an image was built, and which source of that time is used.
//!
//! Builders write the build time into different places, and some write a fixed time
//! into one of them so that builds are reproducible. The sources are therefore
//! tried in this order: the annotation of the index, then that of the manifest,
//! then the later of the label and the config's `created`. A label may be inherited
//! from the base image, so a later config overrides it. Implausible times are
//! skipped at each step.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// Earlier times are placeholders that reproducible builds write: the Unix epoch,
/// the year 1, and 1980-01-01, the first date of the ZIP format.
const FIRST_BELIEVED: Timestamp = Timestamp::constant(315_619_200, 0);

/// The allowed clock skew: an image is created at most this long after now, and
/// at most this long after it was pushed.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

named_enum! {
    /// The source of an image's build time.
    pub enum CreatedFrom {
        /// The annotation `org.opencontainers.image.created` of the index.
        IndexAnnotation = "index-annotation",
        /// The same annotation in the manifest, or in its entry in the index.
        ManifestAnnotation = "manifest-annotation",
        /// The label `org.opencontainers.image.created`, or
        /// `org.label-schema.build-date`, in the config.
        Label = "label",
        /// The field `created` of the config.
        Config = "config",
        /// The list of tags given by the user.
        Given = "given",
    }
}

/// A plausible build time and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// The time.
    pub at: Timestamp,
    /// Its source.
    pub from: CreatedFrom,
}

/// The build times in an image's metadata, as far as they were read. The sources
/// are read in order, and only as far as needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildTimes {
    /// From the annotation of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Timestamp>,
    /// From the annotation of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Timestamp>,
    /// From a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Timestamp>,
    /// From the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Timestamp>,
    /// From the user's list of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Timestamp>,
}

impl BuildTimes {
    /// A build time from the config only.
    #[must_use]
    pub fn from_config(created: Option<Timestamp>) -> Self {
        Self {
            config: created,
            ..Self::default()
        }
    }

    /// The build time to use. `pushed` is when the image was pushed, if known.
    /// `None` if no source has a plausible time.
    #[must_use]
    pub fn created(&self, now: Timestamp, pushed: Option<Timestamp>) -> Option<Created> {
        let last = pushed.and_then(created_by).unwrap_or(Timestamp::MAX);
        let believed = FIRST_BELIEVED..=later(now, TOLERANCE).min(last);
        let [given, index, manifest, label, config] = [
            (self.given, CreatedFrom::Given),
            (self.index, CreatedFrom::IndexAnnotation),
            (self.manifest, CreatedFrom::ManifestAnnotation),
            (self.label, CreatedFrom::Label),
            (self.config, CreatedFrom::Config),
        ]
        .map(|(at, from)| {
            let at = at.filter(|at| believed.contains(at))?;
            Some(Created { at, from })
        });
        given.or(index).or(manifest).or_else(|| {
            // `max_by_key` keeps the last of equal times, which is the config's.
            let both = [label, config].into_iter().flatten();
            both.max_by_key(|created| created.at)
        })
    }

    /// Adds the times from another response for the same image.
    pub(crate) fn add(&mut self, other: Self) {
        self.index = other.index.or(self.index);
        self.manifest = other.manifest.or(self.manifest);
        self.label = other.label.or(self.label);
        self.config = other.config.or(self.config);
        self.given = other.given.or(self.given);
    }
}

/// Whether this is a plausible time for an image, and not a placeholder.
#[must_use]
pub fn is_believable(at: Timestamp) -> bool {
    at >= FIRST_BELIEVED
}

/// The latest time at which an image can have been created that was pushed at this
/// time. `None` if the push time is implausible.
#[must_use]
pub fn created_by(pushed: Timestamp) -> Option<Timestamp> {
    is_believable(pushed).then(|| later(pushed, TOLERANCE))
}

/// The inverse of [`created_by`]: the push time for a latest creation time.
#[must_use]
pub fn pushed_before(created_by: Timestamp) -> Timestamp {
    created_by.checked_sub(TOLERANCE).unwrap_or(Timestamp::MIN)
}

/// A time plus a duration, or the greatest timestamp if that overflows.
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
    fn implausible_times_are_not_used() {
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
    fn first_source_with_a_plausible_time_is_used() {
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
            // Implausible times are skipped at each step.
            (
                ["1970-01-01", b, c, d],
                "",
                "2026-02-01 manifest-annotation",
            ),
            (["2030-01-01", "1980-01-01", c, d], "", "2026-04-01 config"),
            (["", "", "2030-01-01", c], "", "2026-03-01 config"),
            (["", "", c, "1970-01-01"], "", "2026-03-01 label"),
            // No image is built more than a day after it was pushed.
            ([d, b, c, d], "2026-03-30", "2026-02-01 manifest-annotation"),
            ([d, "", c, d], "2026-03-30", "2026-03-01 label"),
            ([d, "", c, d], "2026-03-31", "2026-04-01 index-annotation"),
            // An implausible push time sets no limit.
            ([d, b, c, d], "1970-01-01", "2026-04-01 index-annotation"),
        ] {
            assert_eq!(of(texts, pushed), expected, "{texts:?} {pushed}");
        }
    }
}
