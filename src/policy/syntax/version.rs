//! Tags parsed as versions, by the rules of `Masterminds/semver` v3.5.0.
//!
//! Flux v2 selects tags with that library, so its rules apply, and not those of semver.org:
//!
//! - one leading lower-case `v` is allowed, an upper-case one is not;
//! - one to three numeric parts; missing parts are zero; leading zeros are allowed;
//! - each part must fit a `u64`;
//! - a numeric pre-release identifier must not have a leading zero;
//! - build metadata does not affect the order;
//! - a numeric pre-release identifier beyond `u64` is compared as text.
//!
//! The evaluator decides which tags are candidates (those with three parts, or as many as the
//! running tag has): see [`TagVersion::parts`].

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};

/// The longest text that is parsed as a version, in bytes.
const MAX_VERSION_BYTES: usize = 256;

/// Words that mark a suffix as a pre-release, in upper or lower case (product decision 6.14).
const PRERELEASE_WORDS: [&str; 14] = [
    "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "canary", "nightly", "next", "m",
    "cr", "ea", "test",
];

/// A tag as a version.
///
/// `Eq` and `Hash` compare the text except for leading zeros, so `v1.0` and `1.0.0` are different
/// values. Versions are ordered by [`precedence`](Self::precedence), in which those two are equal.
/// Therefore `Ord` is not implemented.
///
/// `Display` prints the `v` and the number of parts as written, without leading zeros. Parsing
/// that text returns an equal value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagVersion {
    version: Version,
    parts: u8,
    has_v: bool,
    /// Whether a numeric pre-release identifier does not fit a `u64`. The `semver` crate and
    /// Masterminds order those differently.
    has_huge_identifier: bool,
}

/// Why a text is not a version. Such a tag is allowed, but it is not a candidate of a semver
/// policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text has more than [`MAX_VERSION_BYTES`] bytes.
    #[error("it is {length} bytes long; at most {MAX_VERSION_BYTES} are allowed")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// The text does not start with one to three dot-separated numbers.
    #[error("it does not start with one to three numbers separated by dots")]
    Core,
    /// There are more than three numbers.
    #[error("a version has three numbers, but '.{more}' follows")]
    MoreNumbers {
        /// The text after the third number and its dot.
        more: String,
    },
    /// One of the three numbers does not fit a `u64`.
    #[error("one of its numbers is too large")]
    NumberTooLarge,
    /// Something other than `-` or `+` follows the numbers.
    #[error("'{found}' follows its numbers; only '-' or '+' is allowed there")]
    AfterCore {
        /// The character that follows.
        found: char,
    },
    /// The pre-release has an invalid character or an empty identifier.
    #[error("its pre-release '{text}' must be letters, digits and hyphens, separated by dots")]
    Prerelease {
        /// The pre-release.
        text: String,
    },
    /// A numeric identifier of the pre-release has a leading zero.
    #[error("the number {number} in its pre-release has a leading zero")]
    PrereleaseLeadingZero {
        /// The number.
        number: String,
    },
    /// The build metadata has an invalid character or an empty identifier.
    #[error("its metadata '{text}' must be letters, digits and hyphens, separated by dots")]
    Metadata {
        /// The metadata.
        text: String,
    },
}

impl TagVersion {
    /// How many numeric parts are written: 1, 2 or 3.
    pub fn parts(&self) -> usize {
        usize::from(self.parts)
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.version.major
    }

    /// The second number, or 0 if it is not written.
    pub fn minor(&self) -> u64 {
        self.version.minor
    }

    /// The third number, or 0 if it is not written.
    pub fn patch(&self) -> u64 {
        self.version.patch
    }

    /// The text between `-` and `+` or the end, without the hyphen; empty if there is none.
    pub fn prerelease(&self) -> &str {
        self.version.pre.as_str()
    }

    /// The text after `+`; empty if there is none.
    pub fn metadata(&self) -> &str {
        self.version.build.as_str()
    }

    /// Whether the text starts with `v`.
    pub fn has_v(&self) -> bool {
        self.has_v
    }

    /// Whether there is a pre-release part. A variant such as `-alpine` is one.
    pub fn is_prerelease(&self) -> bool {
        !self.version.pre.is_empty()
    }

    /// The suffix, if it is a variant of the image (`alpine`, `alpine3.19`, `musl`) and not a
    /// stage before a release (product decision 6.14).
    ///
    /// A suffix is a stage, and the result is `None`, if it starts with a digit
    /// (`1.2.3-4-gabcdef` of `git describe`), or if its first letters are exactly a pre-release
    /// word, in upper or lower case: `rc1`, `RC.2` and `m1` are pre-releases; `musl` and
    /// `nextcloud` are variants. The first word decides, so `rc.1-alpine` is a pre-release.
    /// Variants are the same only if their texts are the same: `alpine3.18` and `alpine3.19` are
    /// different.
    pub fn variant(&self) -> Option<&str> {
        let suffix = self.prerelease();
        let first = suffix.bytes().next()?;
        if first.is_ascii_digit() {
            return None;
        }
        let letters = suffix.bytes().take_while(u8::is_ascii_alphabetic).count();
        let word = suffix.get(..letters).unwrap_or_default();
        (!is_stage_word(word)).then_some(suffix)
    }

    /// The order of versions as in Masterminds. Metadata, the `v` and the number of parts are
    /// ignored, so two different texts may be `Equal`.
    pub fn precedence(&self, other: &Self) -> Ordering {
        if self.has_huge_identifier || other.has_huge_identifier {
            self.core()
                .cmp(&other.core())
                .then_with(|| compare_prereleases(self.prerelease(), other.prerelease()))
        } else {
            self.version.cmp_precedence(&other.version)
        }
    }

    /// The three numbers.
    pub(crate) fn core(&self) -> (u64, u64, u64) {
        (self.version.major, self.version.minor, self.version.patch)
    }
}

impl FromStr for TagVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_VERSION_BYTES {
            return Err(VersionError::TooLong { length: text.len() });
        }
        let (has_v, mut rest) = match text.strip_prefix('v') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut numbers = [0_u64; 3];
        let mut parts = 0_u8;
        for number in &mut numbers {
            (*number, rest) = leading_number(rest)?;
            parts += 1;
            match rest.strip_prefix('.') {
                Some(after) if parts < 3 => rest = after,
                _ => break,
            }
        }
        let [major, minor, patch] = numbers;
        let (pre, build) = split_suffixes(rest)?;
        Ok(Self {
            version: Version {
                major,
                minor,
                patch,
                pre: parse_prerelease(pre)?,
                build: match build {
                    Some(text) => parse_metadata(text)?,
                    None => BuildMetadata::EMPTY,
                },
            },
            parts,
            has_v,
            has_huge_identifier: pre.is_some_and(has_huge_identifier),
        })
    }
}

impl fmt::Display for TagVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_v {
            f.write_str("v")?;
        }
        write!(f, "{}", self.major())?;
        if self.parts > 1 {
            write!(f, ".{}", self.minor())?;
        }
        if self.parts > 2 {
            write!(f, ".{}", self.patch())?;
        }
        if !self.version.pre.is_empty() {
            write!(f, "-{}", self.version.pre)?;
        }
        if !self.version.build.is_empty() {
            write!(f, "+{}", self.version.build)?;
        }
        Ok(())
    }
}

/// Whether a word marks a pre-release, such as `rc`, in upper or lower case.
pub(crate) fn is_stage_word(word: &str) -> bool {
    PRERELEASE_WORDS
        .iter()
        .any(|stage| word.eq_ignore_ascii_case(stage))
}

/// Takes the digits at the start of `text` as a number.
fn leading_number(text: &str) -> Result<(u64, &str), VersionError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(VersionError::Core);
    }
    let number = number
        .parse()
        .map_err(|_overflow| VersionError::NumberTooLarge)?;
    Ok((number, rest))
}

/// Splits what follows the numbers into pre-release and metadata, without their marks.
fn split_suffixes(text: &str) -> Result<(Option<&str>, Option<&str>), VersionError> {
    let Some(mark) = text.chars().next() else {
        return Ok((None, None));
    };
    let after = text.get(mark.len_utf8()..).unwrap_or_default();
    match mark {
        '-' => Ok(match after.split_once('+') {
            Some((pre, build)) => (Some(pre), Some(build)),
            None => (Some(after), None),
        }),
        '+' => Ok((None, Some(after))),
        '.' if after.starts_with(|c: char| c.is_ascii_digit()) => {
            let more = after.to_owned();
            Err(VersionError::MoreNumbers { more })
        }
        found => Err(VersionError::AfterCore { found }),
    }
}

fn parse_prerelease(text: Option<&str>) -> Result<Prerelease, VersionError> {
    let Some(text) = text else {
        return Ok(Prerelease::EMPTY);
    };
    let invalid = VersionError::Prerelease {
        text: text.to_owned(),
    };
    if text.is_empty() {
        return Err(invalid);
    }
    // The crate's error does not say which rule was broken.
    Prerelease::new(text).map_err(|_unhelpful| {
        match text
            .split('.')
            .find(|identifier| has_leading_zero(identifier))
        {
            Some(number) => VersionError::PrereleaseLeadingZero {
                number: number.to_owned(),
            },
            None => invalid,
        }
    })
}

fn parse_metadata(text: &str) -> Result<BuildMetadata, VersionError> {
    let invalid = VersionError::Metadata {
        text: text.to_owned(),
    };
    if text.is_empty() {
        return Err(invalid);
    }
    BuildMetadata::new(text).map_err(|_unhelpful| invalid)
}

fn is_numeric(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_leading_zero(identifier: &str) -> bool {
    identifier.len() > 1 && identifier.starts_with('0') && is_numeric(identifier)
}

fn has_huge_identifier(prerelease: &str) -> bool {
    // Every number of up to 19 digits fits a u64.
    prerelease.len() > 19
        && prerelease
            .split('.')
            .any(|identifier| is_numeric(identifier) && identifier.parse::<u64>().is_err())
}

/// Orders two pre-release parts. An empty one is a release, which is greater.
fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => left
            .split('.')
            .map(Identifier::new)
            .cmp(right.split('.').map(Identifier::new)),
    }
}

/// One identifier of a pre-release. Numbers are ordered before texts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> Identifier<'a> {
    fn new(text: &'a str) -> Self {
        match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> TagVersion {
        text.parse().expect("the test's text is a version")
    }

    #[test]
    fn parts_and_suffixes_are_kept() {
        let full = version("v01.2.3-rc.1+b.07");
        assert_eq!(full.core(), (1, 2, 3));
        assert_eq!((full.parts(), full.has_v()), (3, true));
        assert_eq!((full.prerelease(), full.metadata()), ("rc.1", "b.07"));
        assert_eq!(full.to_string(), "v1.2.3-rc.1+b.07");
        let partial = version("20240101");
        assert_eq!((partial.parts(), partial.core()), (1, (20_240_101, 0, 0)));
        assert_eq!(version("1.2+x").to_string(), "1.2+x");
    }

    #[test]
    fn versions_that_masterminds_rejects_are_rejected() {
        let error = |text: &str| text.parse::<TagVersion>().expect_err("invalid version");
        assert_eq!(error(""), VersionError::Core);
        assert_eq!(error("V1.2.3"), VersionError::Core);
        assert_eq!(error("vv1"), VersionError::Core);
        assert_eq!(error("1."), VersionError::Core);
        assert_eq!(error("+1"), VersionError::Core);
        assert_eq!(error("1.2.3."), VersionError::AfterCore { found: '.' });
        assert_eq!(error("1.2.3_4"), VersionError::AfterCore { found: '_' });
        assert_eq!(error("1é"), VersionError::AfterCore { found: 'é' });
        assert_eq!(error("18446744073709551616"), VersionError::NumberTooLarge);
        for (text, message) in [
            ("1.2.3.4", "a version has three numbers, but '.4' follows"),
            (
                "v1.2.3.4-rc1",
                "a version has three numbers, but '.4-rc1' follows",
            ),
            (
                "1.2.3-",
                "its pre-release '' must be letters, digits and hyphens, separated by dots",
            ),
            (
                "1.2.3-a..b",
                "its pre-release 'a..b' must be letters, digits and hyphens, separated by dots",
            ),
            (
                "1.2.3-01",
                "the number 01 in its pre-release has a leading zero",
            ),
            (
                "1.2.3-rc.007+x",
                "the number 007 in its pre-release has a leading zero",
            ),
            (
                "1.2.3+",
                "its metadata '' must be letters, digits and hyphens, separated by dots",
            ),
            (
                "1.2.3+a+b",
                "its metadata 'a+b' must be letters, digits and hyphens, separated by dots",
            ),
        ] {
            assert_eq!(error(text).to_string(), message, "{text}");
        }
        let long = format!("1.2.3-{}", "a".repeat(MAX_VERSION_BYTES));
        assert_eq!(error(&long), VersionError::TooLong { length: 262 });
    }

    #[test]
    fn numbers_beyond_u64_are_compared_as_text() {
        let huge = version("1.0.0-rc.100000000000000000000");
        let greater_text = version("1.0.0-rc.99999999999999999999");
        assert_eq!(huge.precedence(&greater_text), Ordering::Less);
        assert_eq!(version("1.0.0-rc.9").precedence(&huge), Ordering::Less);
        assert_eq!(version("1.0.0-rc.a").precedence(&huge), Ordering::Greater);
        assert_eq!(version("1.0.0").precedence(&huge), Ordering::Greater);
        assert_eq!(version("1.0.0-rc").precedence(&huge), Ordering::Less);
        // As a number it would be before every text.
        let shortest = version("1.0.0-99999999999999999999");
        assert_eq!(version("1.0.0--").precedence(&shortest), Ordering::Less);
        assert_eq!(shortest.precedence(&version("1.0.0-0a")), Ordering::Greater);
        assert_eq!(huge.precedence(&version("1.0.1-a")), Ordering::Less);
    }

    #[test]
    fn only_precedence_ignores_spelling() {
        let (long, short) = (version("v1.0.0+x"), version("1"));
        assert_eq!(long.precedence(&short), Ordering::Equal);
        assert_ne!(long, short);
    }

    #[test]
    fn suffix_without_a_prerelease_word_is_a_variant() {
        let variants = [
            "alpine",
            "alpine3.18",
            "alpine-rc1",
            "musl",
            "nextcloud",
            "Ubuntu22",
            "-x",
            "mariadb",
            "development",
            "g1a2b3c",
        ];
        for suffix in variants {
            assert_eq!(version(&format!("1.2.3-{suffix}")).variant(), Some(suffix));
        }
        let stages = [
            "rc1",
            "rc.1",
            "RC1",
            "beta-2",
            "alpha-alpine",
            "rc.1-alpine",
            "m",
            "m1",
            "M.2",
            "next",
            "next.0",
            "SNAPSHOT",
            "0",
            "4-gabcdef",
            "20240101",
            "dev-x",
            "ea3",
            "cr1",
        ];
        for suffix in stages {
            assert_eq!(
                version(&format!("1.2.3-{suffix}")).variant(),
                None,
                "{suffix}"
            );
        }
        assert_eq!(version("1.2.3").variant(), None);
        assert_eq!(version("1.2.3+alpine").variant(), None);
    }
}
