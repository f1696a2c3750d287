//! The keys of annotations, and their spellings.
//!
//! Flux has several spellings of most keys. Both reading and writing use
//! [`AnnotationKey`], so that an edit changes the annotation that is read.

use std::collections::BTreeMap;

/// The prefix that is written. It takes precedence.
const PREFIX: &str = "fluxcd.io/";
/// The prefix of Flux before 1.15.
const OLD_PREFIX: &str = "flux.weave.works/";
/// A later prefix that only filters have.
const FILTER_PREFIX: &str = "filter.fluxcd.io/";
/// The prefix of this program's own annotations.
const OWN_PREFIX: &str = "imgpolicy.dev/";

/// The text between Flux's prefix and a container's name.
const TAG: &str = "tag.";

/// The longest name part of a key that Kubernetes accepts, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// An annotation by its meaning. Those about one container include its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationKey<'c> {
    /// Whether the workload is updated automatically.
    Automated,
    /// Whether the workload is locked against changes.
    Locked,
    /// Who locked it.
    LockedUser,
    /// Why it is locked.
    LockedMessage,
    /// When it was locked.
    LockedAt,
    /// Whether the workload is ignored.
    Ignore,
    /// The policy of a container.
    Tag(&'c str),
    /// The argument of `fluxctl policy --tag-all`. As an annotation it never had an
    /// effect.
    TagAll,
    /// Which tags a container's policy is applied to.
    FilterTags(&'c str),
    /// Which part of a tag a container's policy reads.
    Extract(&'c str),
    /// Tags that are allowed.
    AllowTags(&'c str),
    /// Tags that are ignored.
    IgnoreTags(&'c str),
    /// The entry of `imagePolicies` that is used for a container.
    NamedPolicy(&'c str),
    /// How old an image must be.
    MinAge,
    /// The clock of the minimum age.
    MinAgeClock,
    /// Whether an image may be lower than the running one.
    AllowDowngrade,
    /// Whether an image may be another variant than the running one.
    AllowVariantChange,
    /// The hours of the week in which images may be updated.
    Window,
    /// The days on which images must not be updated.
    Freeze,
    /// The images whose rollouts failed.
    Failed,
    /// What happens after a rollout failed.
    OnFailure,
    /// When the workload is updated, among those that get the same image.
    Wave,
    /// When updates that failures had stopped were resumed.
    ResumedAt,
    /// The images that the last update replaced.
    LastUpdate,
    /// When somebody asked for a scan: any text. A new one asks again.
    ScanRequested,
    /// The `imagePolicies` of a Kustomization.
    ImagePolicies,
}

/// Why Kubernetes does not accept a key, because of the container's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is too long.
    #[error(
        "container name {container:?} is too long for the annotation {key}: at most {most} characters \
         are allowed after {:?}", key.strip_suffix(container.as_str()).unwrap_or(key)
    )]
    TooLong {
        /// The container's name.
        container: String,
        /// The key with this name.
        key: String,
        /// The maximum number of characters of the name.
        most: usize,
    },
    /// The name has a character that is not allowed in a key.
    #[error(
        "container name {container:?} is not valid in the annotation {key}: a key must have only \
         letters, digits, '-', '_' and '.', and end with a letter or a digit"
    )]
    Character {
        /// The container's name.
        container: String,
        /// The key with this name.
        key: String,
    },
}

/// How similar a key must be to a known one to be considered misspelled, from 0 to
/// 1.
const SIMILAR: f64 = 0.9;

/// This program's own annotations about one container.
fn about(container: &str) -> [AnnotationKey<'_>; 5] {
    [
        AnnotationKey::FilterTags(container),
        AnnotationKey::Extract(container),
        AnnotationKey::AllowTags(container),
        AnnotationKey::IgnoreTags(container),
        AnnotationKey::NamedPolicy(container),
    ]
}

/// This program's own annotations of a whole workload or Kustomization.
const OWN: [AnnotationKey<'static>; 14] = [
    AnnotationKey::LockedAt,
    AnnotationKey::MinAge,
    AnnotationKey::MinAgeClock,
    AnnotationKey::AllowDowngrade,
    AnnotationKey::AllowVariantChange,
    AnnotationKey::Window,
    AnnotationKey::Freeze,
    AnnotationKey::Failed,
    AnnotationKey::OnFailure,
    AnnotationKey::Wave,
    AnnotationKey::ResumedAt,
    AnnotationKey::LastUpdate,
    AnnotationKey::ScanRequested,
    AnnotationKey::ImagePolicies,
];

/// Flux's annotations of a whole workload.
const FLUX: [AnnotationKey<'static>; 5] = [
    AnnotationKey::Automated,
    AnnotationKey::Locked,
    AnnotationKey::LockedUser,
    AnnotationKey::LockedMessage,
    AnnotationKey::Ignore,
];

impl<'c> AnnotationKey<'c> {
    /// The text after the prefix, without the container's name.
    fn word(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Locked => "locked",
            Self::LockedUser => "locked_user",
            Self::LockedMessage => "locked_msg",
            Self::LockedAt => "locked-at",
            Self::Ignore => "ignore",
            Self::Tag(_) => TAG,
            Self::TagAll => "tag_all",
            Self::FilterTags(_) => "filter-tags.",
            Self::Extract(_) => "extract.",
            Self::AllowTags(_) => "allow-tags.",
            Self::IgnoreTags(_) => "ignore-tags.",
            Self::NamedPolicy(_) => "policy.",
            Self::MinAge => "min-age",
            Self::MinAgeClock => "min-age-clock",
            Self::AllowDowngrade => "allow-downgrade",
            Self::AllowVariantChange => "allow-variant-change",
            Self::Window => "window",
            Self::Freeze => "freeze",
            Self::Failed => "failed",
            Self::OnFailure => "on-failure",
            Self::Wave => "wave",
            Self::ResumedAt => "resumed-at",
            Self::LastUpdate => "last-update",
            Self::ScanRequested => "scan-requested",
            Self::ImagePolicies => "image-policies",
        }
    }

    /// The container that it is about.
    #[must_use]
    pub fn container(self) -> Option<&'c str> {
        match self {
            Self::Tag(container)
            | Self::FilterTags(container)
            | Self::Extract(container)
            | Self::AllowTags(container)
            | Self::IgnoreTags(container)
            | Self::NamedPolicy(container) => Some(container),
            _ => None,
        }
    }

    /// Every spelling. If several are present, the first one is used.
    #[must_use]
    pub fn spellings(self) -> Vec<String> {
        let word = self.word();
        match self {
            Self::Tag(container) => vec![
                format!("{PREFIX}{TAG}{container}"),
                format!("{FILTER_PREFIX}{container}"),
                format!("{OLD_PREFIX}{TAG}{container}"),
            ],
            Self::TagAll => vec![
                format!("{PREFIX}{word}"),
                format!("{FILTER_PREFIX}{word}"),
                format!("{OLD_PREFIX}{word}"),
            ],
            _ if FLUX.contains(&self) => {
                vec![format!("{PREFIX}{word}"), format!("{OLD_PREFIX}{word}")]
            }
            _ => vec![self.to_string()],
        }
    }

    /// The annotations that the state and the policy of a container depend on. A filter for
    /// a container that does not exist also matters, but its key can be any.
    #[must_use]
    pub fn deciding(container: &'c str) -> Vec<Self> {
        let workload = FLUX.into_iter().chain(OWN);
        let container = about(container)
            .into_iter()
            .chain([Self::Tag(container), Self::TagAll]);
        workload
            .chain(container)
            .filter(|key| {
                !matches!(
                    key,
                    Self::LastUpdate | Self::ImagePolicies | Self::ResumedAt | Self::ScanRequested
                )
            })
            .collect()
    }

    /// The key and the value of the annotation, by the spelling that is used.
    #[must_use]
    pub fn find(self, all: &BTreeMap<String, String>) -> Option<(String, &str)> {
        self.spellings().into_iter().find_map(|key| {
            let value = all.get(&key)?;
            Some((key, value.as_str()))
        })
    }

    /// The meaning of a key; `None` if it is not one of these annotations.
    #[must_use]
    pub fn from_spelling(key: &'c str) -> Option<Self> {
        if let Some(rest) = key.strip_prefix(OWN_PREFIX) {
            let own = OWN.into_iter().find(|own| own.word() == rest);
            return own.or_else(|| {
                let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
                let (word, container) = rest.split_at(end);
                let mut keys = about(container).into_iter();
                keys.find(|key| key.word() == word)
            });
        }
        let (rest, tag) = match key.strip_prefix(FILTER_PREFIX) {
            Some(rest) => (rest, Some(rest)),
            None => {
                let rest = key
                    .strip_prefix(PREFIX)
                    .or_else(|| key.strip_prefix(OLD_PREFIX))?;
                if let Some(word) = FLUX.into_iter().find(|flux| flux.word() == rest) {
                    return Some(word);
                }
                (rest, rest.strip_prefix(TAG))
            }
        };
        match tag {
            _ if rest == Self::TagAll.word() => Some(Self::TagAll),
            tag => tag.map(Self::Tag),
        }
    }

    /// Checks that Kubernetes accepts the key as this program writes it.
    ///
    /// # Errors
    ///
    /// The container's name is too long, or has a character that is not allowed.
    pub fn check(self) -> Result<(), KeyError> {
        let Some(container) = self.container() else {
            return Ok(());
        };
        let (container, key) = (container.to_owned(), self.to_string());
        let most = MAX_NAME_BYTES - self.word().len();
        let has_valid_characters = container
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let has_valid_end = container
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if !has_valid_characters || !has_valid_end {
            Err(KeyError::Character { container, key })
        } else if container.len() > most {
            Err(KeyError::TooLong {
                container,
                key,
                most,
            })
        } else {
            Ok(())
        }
    }

    /// The key that was probably meant by an unknown key with this program's prefix.
    pub(crate) fn likely_typo(key: &str) -> Option<String> {
        let rest = key.strip_prefix(OWN_PREFIX)?;
        if AnnotationKey::from_spelling(key).is_some() {
            return None;
        }
        let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
        let (word, container) = rest.split_at(end);
        let (_, meant) = about(container)
            .into_iter()
            .chain(OWN)
            .map(|known| (strsim::jaro_winkler(known.word(), word), known))
            .filter(|(similarity, _)| *similarity >= SIMILAR)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some(format!("{OWN_PREFIX}{}{container}", meant.word()))
    }
}

/// The spelling that is written if the annotation does not exist yet.
impl std::fmt::Display for AnnotationKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_own =
            OWN.contains(self) || !matches!(self, Self::Tag(_)) && self.container().is_some();
        let prefix = if is_own { OWN_PREFIX } else { PREFIX };
        let container = self.container().unwrap_or_default();
        write!(f, "{prefix}{}{container}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<AnnotationKey<'static>> {
        let about = about("app");
        let tags = [AnnotationKey::Tag("app"), AnnotationKey::TagAll];
        OWN.into_iter()
            .chain(FLUX)
            .chain(tags)
            .chain(about)
            .collect()
    }

    #[test]
    fn every_spelling_is_recognised_and_the_first_is_written() {
        for key in all() {
            let spellings = key.spellings();
            assert_eq!(spellings[0], key.to_string(), "{key:?}");
            for spelling in spellings {
                assert_eq!(
                    AnnotationKey::from_spelling(&spelling),
                    Some(key),
                    "{spelling}"
                );
            }
        }
        for other in [
            "fluxcd.io/sync-checksum",
            "imgpolicy.dev/other",
            "team",
            "tag.app",
        ] {
            assert_eq!(AnnotationKey::from_spelling(other), None, "{other}");
        }
    }

    #[test]
    fn flux_has_three_spellings_of_a_filter_and_two_of_a_switch() {
        assert_eq!(
            AnnotationKey::Tag("app").spellings(),
            [
                "fluxcd.io/tag.app",
                "filter.fluxcd.io/app",
                "flux.weave.works/tag.app"
            ]
        );
        assert_eq!(
            AnnotationKey::Locked.spellings(),
            ["fluxcd.io/locked", "flux.weave.works/locked"]
        );
        assert_eq!(
            AnnotationKey::LockedAt.spellings(),
            ["imgpolicy.dev/locked-at"]
        );
    }

    #[test]
    fn name_that_is_not_valid_in_a_key_is_rejected() {
        let name = |length: usize| "a".repeat(length);
        assert_eq!(AnnotationKey::Tag(&name(59)).check(), Ok(()));
        assert_eq!(AnnotationKey::FilterTags(&name(51)).check(), Ok(()));
        assert_eq!(
            AnnotationKey::Tag(&name(60))
                .check()
                .expect_err("too long")
                .to_string(),
            format!(
                "container name \"{0}\" is too long for the annotation fluxcd.io/tag.{0}: at most 59 \
                 characters are allowed after \"fluxcd.io/tag.\"",
                name(60)
            )
        );
        assert!(AnnotationKey::FilterTags(&name(52)).check().is_err());
        for illegal in ["a b", "a/b", "ä", "a-", ""] {
            let error = AnnotationKey::Tag(illegal).check().expect_err(illegal);
            assert!(matches!(error, KeyError::Character { .. }), "{illegal}");
        }
    }
}
