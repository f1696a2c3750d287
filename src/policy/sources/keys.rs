//! The keys of annotations: what each says, and how it is spelled.
//!
//! Flux has three spellings of most keys. Reading and writing go through
//! [`AnnotationKey`], so that whoever edits an annotation edits what is read.

use std::collections::BTreeMap;

/// The prefix that is written, and that wins.
const PREFIX: &str = "fluxcd.io/";
/// The prefix of Flux before 1.15.
const OLD_PREFIX: &str = "flux.weave.works/";
/// The prefix of the filters alone, in between.
const FILTER_PREFIX: &str = "filter.fluxcd.io/";
/// Our own annotations.
const OWN_PREFIX: &str = "imgpolicy.dev/";

/// What stands behind Flux's prefix, in front of a container's name.
const TAG: &str = "tag.";

/// The longest name part of a key that Kubernetes takes, in bytes.
const LONGEST_NAME: usize = 63;

/// An annotation by what it says; those about one container name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationKey<'c> {
    /// Whether updates are made without asking.
    Automated,
    /// Whether nothing may change the workload.
    Locked,
    /// Who locked it.
    LockedUser,
    /// Why it is locked.
    LockedMessage,
    /// Since when it is locked.
    LockedAt,
    /// Whether it is left alone.
    Ignore,
    /// The policy of a container.
    Tag(&'c str),
    /// What `fluxctl policy --tag-all` takes. As an annotation it never did
    /// anything.
    TagAll,
    /// Which tags a container's policy sees.
    FilterTags(&'c str),
    /// What a container's policy reads of a tag.
    Extract(&'c str),
    /// Tags that are allowed.
    AllowTags(&'c str),
    /// Tags that are refused.
    IgnoreTags(&'c str),
    /// The entry of `imagePolicies` that counts for a container.
    NamedPolicy(&'c str),
    /// How old an image must be.
    MinAge,
    /// By which clock its age counts.
    MinAgeClock,
    /// Whether an image may be lower than the running one.
    AllowDowngrade,
    /// Whether an image may be another variant than the running one.
    AllowVariantChange,
    /// What the last update replaced.
    LastUpdate,
    /// The entries of a Kustomization.
    ImagePolicies,
}

/// A key that Kubernetes does not take: the container's name does not fit in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is too long.
    #[error(
        "container name {container:?} is too long for the annotation {key}: behind {:?} at most \
         {most} characters are legal", key.strip_suffix(container.as_str()).unwrap_or(key)
    )]
    TooLong {
        /// The container's name.
        container: String,
        /// The key that it would make.
        key: String,
        /// How many characters it may have.
        most: usize,
    },
    /// The name has a character that no key may have.
    #[error(
        "container name {container:?} cannot stand in the annotation {key}: a key has letters, \
         digits, '-', '_' and '.', and ends with a letter or a digit"
    )]
    Character {
        /// The container's name.
        container: String,
        /// The key that it would make.
        key: String,
    },
}

/// How alike a key must be to a known one to be called a misspelling of it, from
/// 0 to 1.
const NEAR: f64 = 0.9;

/// Our own annotations about one container.
fn about(container: &str) -> [AnnotationKey<'_>; 5] {
    [
        AnnotationKey::FilterTags(container),
        AnnotationKey::Extract(container),
        AnnotationKey::AllowTags(container),
        AnnotationKey::IgnoreTags(container),
        AnnotationKey::NamedPolicy(container),
    ]
}

/// Our other annotations of a whole workload or Kustomization.
const OWN: [AnnotationKey<'static>; 7] = [
    AnnotationKey::LockedAt,
    AnnotationKey::MinAge,
    AnnotationKey::MinAgeClock,
    AnnotationKey::AllowDowngrade,
    AnnotationKey::AllowVariantChange,
    AnnotationKey::LastUpdate,
    AnnotationKey::ImagePolicies,
];

/// Flux's words about a whole workload.
const FLUX: [AnnotationKey<'static>; 5] = [
    AnnotationKey::Automated,
    AnnotationKey::Locked,
    AnnotationKey::LockedUser,
    AnnotationKey::LockedMessage,
    AnnotationKey::Ignore,
];

impl<'c> AnnotationKey<'c> {
    /// What stands behind the prefix, but for the container's name.
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
            Self::LastUpdate => "last-update",
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

    /// Every spelling; of those that stand side by side the first one counts.
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

    /// The annotation by the spelling that counts.
    #[must_use]
    pub fn find(self, all: &BTreeMap<String, String>) -> Option<(String, &str)> {
        self.spellings().into_iter().find_map(|key| {
            let value = all.get(&key)?;
            Some((key, value.as_str()))
        })
    }

    /// What a key of an object says; `None` where it is none of these.
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

    /// Whether Kubernetes takes the key as it is written here.
    ///
    /// # Errors
    ///
    /// The container's name does not fit into it.
    pub fn check(self) -> Result<(), KeyError> {
        let Some(container) = self.container() else {
            return Ok(());
        };
        let (container, key) = (container.to_owned(), self.to_string());
        let most = LONGEST_NAME - self.word().len();
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let ends_well = container
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if !container.bytes().all(is_legal) || !ends_well {
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

    /// What a key with our prefix that says nothing was probably meant to be.
    pub(crate) fn likely_typo(key: &str) -> Option<String> {
        let rest = key.strip_prefix(OWN_PREFIX)?;
        if AnnotationKey::from_spelling(key).is_some() {
            return None;
        }
        let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
        let (word, container) = rest.split_at(end);
        let likeness = |known: &AnnotationKey<'_>| strsim::jaro_winkler(known.word(), word);
        let meant = about(container)
            .into_iter()
            .chain(OWN)
            .filter(|known| likeness(known) >= NEAR)
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        Some(format!("{OWN_PREFIX}{}{container}", meant.word()))
    }
}

/// The spelling that is written where none stands yet.
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
    fn every_spelling_is_read_back_and_the_first_is_written() {
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
    fn a_name_that_does_not_fit_into_a_key_is_refused() {
        let name = |length: usize| "a".repeat(length);
        assert_eq!(AnnotationKey::Tag(&name(59)).check(), Ok(()));
        assert_eq!(AnnotationKey::FilterTags(&name(51)).check(), Ok(()));
        assert_eq!(
            AnnotationKey::Tag(&name(60))
                .check()
                .expect_err("too long")
                .to_string(),
            format!(
                "container name \"{0}\" is too long for the annotation fluxcd.io/tag.{0}: behind \
                 \"fluxcd.io/tag.\" at most 59 characters are legal",
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
