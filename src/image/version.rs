//! The two ways to identify an image in a repository: a tag, which can move, and
//! a digest, which cannot.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The longest valid tag by the distribution specification, in bytes.
const MAX_TAG_BYTES: usize = 128;

/// A tag by the distribution specification: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
///
/// Ordered by its bytes, which is the final tie-breaker of every policy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

/// Why a text is not a valid tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The text is empty.
    #[error("a tag must not be empty")]
    Empty,
    /// The text is longer than 128 bytes.
    #[error("a tag has at most {MAX_TAG_BYTES} characters, this one has {0}")]
    TooLong(usize),
    /// The grammar does not allow this character at its position.
    #[error("a tag must not have the character {0:?} there")]
    Character(char),
}

impl Tag {
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `latest`, in upper or lower case. It is not a version.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        self.0.eq_ignore_ascii_case("latest")
    }

    /// Whether the tag is of an artifact that belongs to another image: `sha256-`
    /// and 64 hexadecimal digits (the referrers tag of the OCI distribution
    /// specification), optionally with a suffix of letters (the tags that cosign
    /// gives to signatures, attestations and SBOMs).
    #[must_use]
    pub fn is_artifact(&self) -> bool {
        const DIGITS: usize = 64;
        let Some(rest) = ["sha256-", "sha384-", "sha512-"]
            .iter()
            .find_map(|prefix| self.0.strip_prefix(prefix))
        else {
            return false;
        };
        let Some((digits, suffix)) = rest.split_at_checked(DIGITS) else {
            return false;
        };
        digits.bytes().all(|b| b.is_ascii_hexdigit())
            && (suffix.is_empty() || suffix.strip_prefix('.').is_some_and(is_word))
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic())
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if text.len() > MAX_TAG_BYTES {
            return Err(TagError::TooLong(text.len()));
        }
        let illegal = text.char_indices().find(|&(at, c)| {
            !(c.is_ascii_alphanumeric() || c == '_' || (at > 0 && (c == '.' || c == '-')))
        });
        match illegal {
            Some((_, c)) => Err(TagError::Character(c)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A content digest: `sha256:<64 hex>`, `sha384:<96 hex>` or `sha512:<128 hex>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Box<str>);

/// Why a text is not a valid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The `algorithm:` prefix is missing.
    #[error("a digest has the form ALGORITHM:HEX, as in sha256:0123…")]
    NoAlgorithm,
    /// Registries do not use this algorithm.
    #[error("the digest algorithm {0:?} is not supported (sha256, sha384, sha512)")]
    Algorithm(String),
    /// The hexadecimal part has the wrong length or invalid characters.
    #[error("a {algorithm} digest must have {expected} lower-case hexadecimal digits")]
    Hex {
        /// The digest's algorithm.
        algorithm: &'static str,
        /// The required number of hexadecimal digits.
        expected: usize,
    },
}

impl Digest {
    /// The digest as text, including its algorithm.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The algorithm and the first seven hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        let (algorithm, hex) = self.0.split_once(':').unwrap_or(("", &self.0));
        format!("{algorithm}:{}", hex.get(..7).unwrap_or(hex))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let (algorithm, expected) = match algorithm {
            "sha256" => ("sha256", 64),
            "sha384" => ("sha384", 96),
            "sha512" => ("sha512", 128),
            other => return Err(DigestError::Algorithm(other.chars().take(32).collect())),
        };
        let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && hex.len() == expected {
            Ok(Self(text.into()))
        } else {
            Err(DigestError::Hex {
                algorithm,
                expected,
            })
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An image in a repository, identified by its tag or its digest. A digest has a
/// colon and a tag does not, so the text is unambiguous.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagOrDigest {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl From<Tag> for TagOrDigest {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for TagOrDigest {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl FromStr for TagOrDigest {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(digest) => Ok(Self::Digest(digest)),
            Err(_) => text.parse().map(Self::Tag),
        }
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Implements serde with the type's `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow::<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(<D::Error as serde::de::Error>::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_text;

serde_as_text!(Tag, Digest, TagOrDigest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifact_tags_are_recognised_by_their_digest() {
        let hex = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            (format!("sha256-{hex}"), true),
            (format!("sha256-{hex}.sig"), true),
            (format!("sha256-{hex}.att"), true),
            (format!("sha256-{hex}.sbom"), true),
            (format!("sha512-{hex}.sig"), true),
            (format!("sha256-{}.sig", hex.to_uppercase()), true),
            (format!("sha256-{hex}."), false),
            (format!("sha256-{hex}.1"), false),
            (format!("sha256-{hex}-amd64"), false),
            (format!("sha256-{}", &hex[1..]), false),
            (format!("sha256-{hex}0"), false),
            (format!("sha1-{hex}"), false),
            (format!("v1-sha256-{hex}"), false),
            (format!("sha256-{}g", &hex[1..]), false),
            ("sha256-abcdef1".to_owned(), false),
        ] {
            let tag: Tag = text.parse().expect("a tag");
            assert_eq!(tag.is_artifact(), expected, "{text}");
        }
    }

    #[test]
    fn tag_must_follow_the_distribution_grammar() {
        for good in ["1.0.0", "_a", "v1.2-rc.1", "LATEST", &"a".repeat(128)] {
            assert_eq!(
                good.parse::<Tag>().map(|t| t.to_string()),
                Ok(good.to_owned())
            );
        }
        assert_eq!("".parse::<Tag>(), Err(TagError::Empty));
        assert_eq!("-a".parse::<Tag>(), Err(TagError::Character('-')));
        assert_eq!("a b".parse::<Tag>(), Err(TagError::Character(' ')));
        assert_eq!(
            "a\u{1b}[0m".parse::<Tag>(),
            Err(TagError::Character('\u{1b}'))
        );
        assert_eq!("a".repeat(129).parse::<Tag>(), Err(TagError::TooLong(129)));
    }

    #[test]
    fn latest_is_recognised_in_any_case() {
        for (tag, expected) in [("latest", true), ("LATEST", true), ("latest-1", false)] {
            assert_eq!(
                tag.parse::<Tag>().map(|t| t.is_latest()),
                Ok(expected),
                "{tag}"
            );
        }
    }

    #[test]
    fn digest_must_have_an_algorithm_and_the_right_length() {
        let hex = "ab".repeat(32);
        assert!(format!("sha256:{hex}").parse::<Digest>().is_ok());
        assert_eq!(hex.parse::<Digest>(), Err(DigestError::NoAlgorithm));
        assert_eq!(
            format!("md5:{hex}").parse::<Digest>(),
            Err(DigestError::Algorithm("md5".into()))
        );
        let wrong = DigestError::Hex {
            algorithm: "sha256",
            expected: 64,
        };
        assert_eq!("sha256:abc".parse::<Digest>(), Err(wrong.clone()));
        assert_eq!(
            format!("sha256:{}", "AB".repeat(32)).parse::<Digest>(),
            Err(wrong)
        );
    }
}
