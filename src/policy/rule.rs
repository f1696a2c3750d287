//! The policy types and their text form.
//!
//! The form is `TYPE:EXPR`. A text without a known type is a glob, as in Flux v1.
//! Types are case-sensitive: `SemVer:~1` is a glob that matches nothing, and
//! [`Rule::likely_typo`] returns what was probably meant.

use std::fmt;

use super::order::{Direction, Order};
use super::syntax::constraint::{Constraint, ConstraintError};
use super::syntax::glob::{Glob, GlobError};
use super::syntax::go_regex::{GoRegex, GoRegexError};
use crate::image::{Digest, DigestError, Tag, TagError};

/// How tags are selected and ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The highest version in a range.
    Semver(Constraint),
    /// The newest image whose tag matches a glob.
    Glob(Glob),
    /// The newest image whose tag matches a regular expression.
    Regex(GoRegex),
    /// The greatest or smallest tag by text.
    Alphabetical(Direction),
    /// The greatest or smallest tag that is a number.
    Numerical(Direction),
    /// Always exactly this image.
    Pin(Digest),
    /// The image that this tag refers to, by digest.
    Follow(Tag),
}

/// Why a text is not a valid policy. The user has to fix it; it selects no image.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// The range of a `semver:` policy is not valid.
    #[error("{0}")]
    Constraint(#[from] ConstraintError),
    /// The expression of a `regex:` policy is not valid.
    #[error("{0}")]
    Regex(#[from] GoRegexError),
    /// The pattern of a `glob:` policy is not valid.
    #[error("{0}")]
    Glob(#[from] GlobError),
    /// The direction of `alphabetical:` or `numerical:` is not valid.
    #[error("the direction must be asc or desc, not {0:?}")]
    Direction(String),
    /// The text after `digest:` is neither a digest nor a tag.
    #[error("digest: must be followed by a digest or a tag: {0}")]
    Follow(TagError),
    /// It is encrypted by SOPS, so the policy is not known.
    #[error("encrypted by SOPS; decrypt the file first")]
    Encrypted,
    /// The digest after `digest:` is malformed.
    #[error("{0}")]
    Digest(#[from] DigestError),
}

/// The names of the types.
const TYPES: [&str; 7] = [
    "semver",
    "glob",
    "regex",
    "regexp",
    "alphabetical",
    "numerical",
    "digest",
];

impl Rule {
    /// Parses `TYPE:EXPR`.
    ///
    /// # Errors
    ///
    /// The expression is malformed: see [`RuleError`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.starts_with("ENC[") && text.ends_with(']') {
            return Err(RuleError::Encrypted);
        }
        let (kind, expression) = text.split_once(':').unwrap_or((text, ""));
        let has_colon = kind.len() < text.len();
        match kind {
            "semver" if has_colon => Ok(Self::Semver(expression.parse()?)),
            "regex" | "regexp" if has_colon => Ok(Self::Regex(GoRegex::new(expression)?)),
            "glob" if has_colon => Ok(Self::Glob(Glob::new(expression)?)),
            "alphabetical" => direction(expression, has_colon).map(Self::Alphabetical),
            "numerical" => direction(expression, has_colon).map(Self::Numerical),
            "digest" if has_colon => Self::digest(expression),
            _ => Ok(Self::Glob(Glob::new(text)?)),
        }
    }

    /// Parses the text after `digest:`. A tag has no colon.
    fn digest(expression: &str) -> Result<Self, RuleError> {
        if expression.contains(':') {
            Ok(Self::Pin(expression.parse()?))
        } else {
            expression
                .parse()
                .map(Self::Follow)
                .map_err(RuleError::Follow)
        }
    }

    /// The order in which the policy ranks tags.
    #[must_use]
    pub fn order(&self) -> Order {
        match self {
            Self::Semver(_) => Order::Semver,
            Self::Glob(_) | Self::Regex(_) => Order::Created,
            Self::Alphabetical(Direction::Ascending) => Order::Alphabetical,
            Self::Alphabetical(Direction::Descending) => Order::AlphabeticalDesc,
            Self::Numerical(Direction::Ascending) => Order::Numerical,
            Self::Numerical(Direction::Descending) => Order::NumericalDesc,
            Self::Pin(_) | Self::Follow(_) => Order::Digest,
        }
    }

    /// The order that an invalid policy would have if it were valid.
    #[must_use]
    pub fn order_of_text(text: &str) -> Order {
        match text.split(':').next() {
            Some("semver") => Order::Semver,
            Some("alphabetical") => Order::Alphabetical,
            Some("numerical") => Order::Numerical,
            Some("digest") => Order::Digest,
            _ => Order::Created,
        }
    }

    /// Whether the policy selects exactly one image. It is then written even if it is
    /// lower than the running image, or another variant.
    #[must_use]
    pub fn is_exact_pin(&self) -> bool {
        match self {
            Self::Semver(constraint) => constraint.is_exact_pin(),
            Self::Glob(glob) => glob.is_exact(),
            Self::Pin(_) | Self::Follow(_) => true,
            Self::Regex(_) | Self::Alphabetical(_) | Self::Numerical(_) => false,
        }
    }

    /// What was probably meant by a text that is used as a glob; `None` if it looks
    /// like a glob.
    #[must_use]
    pub fn likely_typo(text: &str) -> Option<String> {
        let written = text.split(':').next().unwrap_or(text);
        if TYPES.contains(&written) {
            return None;
        }
        let trimmed = text.trim();
        let lower = trimmed.to_ascii_lowercase();
        let (kind, _) = lower.split_once(':').unwrap_or((&lower, ""));
        if TYPES.contains(&kind.trim()) {
            let rest = trimmed.split_once(':').map_or("", |(_, rest)| rest);
            return Some(format!("{}:{rest}", kind.trim()));
        }
        // A tag cannot have a colon or one of the characters below, so such a glob
        // never matches.
        if let Some((kind, rest)) = trimmed.split_once(':') {
            let similar = TYPES
                .iter()
                .find(|known| strsim::damerau_levenshtein(known, kind.trim()) <= 2);
            return Some(match similar {
                Some(known) => format!("{known}:{rest}"),
                None => format!("glob:{rest}"),
            });
        }
        let looks_like_range = trimmed.starts_with(['~', '^', '>', '<', '=', '!']);
        looks_like_range.then(|| format!("semver:{trimmed}"))
    }
}

fn direction(word: &str, has_colon: bool) -> Result<Direction, RuleError> {
    match word {
        "" if !has_colon => Ok(Direction::Ascending),
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        other => Err(RuleError::Direction(other.chars().take(40).collect())),
    }
}

/// The text form. Parsing it returns the same policy.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Semver(constraint) => write!(f, "semver:{}", constraint.as_str()),
            Self::Glob(glob) => write!(f, "glob:{}", glob.as_str()),
            Self::Regex(regex) => write!(f, "regexp:{}", regex.as_str()),
            Self::Alphabetical(direction) => write!(f, "alphabetical:{direction}"),
            Self::Numerical(direction) => write!(f, "numerical:{direction}"),
            Self::Pin(digest) => write!(f, "digest:{digest}"),
            Self::Follow(tag) => write!(f, "digest:{tag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_type_is_parsed_and_printed() {
        let pin = format!("digest:sha256:{}", "ab".repeat(32));
        for (text, printed, order) in [
            ("semver:~1.0", "semver:~1.0", Order::Semver),
            ("glob:dev-*", "glob:dev-*", Order::Created),
            ("master-*", "glob:master-*", Order::Created),
            ("regex:^stg.*", "regexp:^stg.*", Order::Created),
            ("regexp:^stg.*", "regexp:^stg.*", Order::Created),
            ("alphabetical", "alphabetical:asc", Order::Alphabetical),
            (
                "alphabetical:desc",
                "alphabetical:desc",
                Order::AlphabeticalDesc,
            ),
            ("numerical:asc", "numerical:asc", Order::Numerical),
            ("numerical:desc", "numerical:desc", Order::NumericalDesc),
            ("digest:latest", "digest:latest", Order::Digest),
            (&pin, &pin, Order::Digest),
        ] {
            let rule = Rule::parse(text).expect(text);
            assert_eq!(rule.to_string(), printed);
            assert_eq!(rule.order(), order, "{text}");
            assert_eq!(
                Rule::order_of_text(printed.trim_end_matches(":desc")).as_str()[..6],
                order.as_str()[..6],
                "{text}"
            );
        }
    }

    #[test]
    fn malformed_expressions_are_rejected() {
        for text in [
            "semver:",
            "semver:invalid",
            "regex:(",
            "regex:(?=a)",
            "alphabetical:up",
            "numerical:",
            "digest:",
            "digest:sha256:abc",
            "digest:a b",
        ] {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn misspelled_type_is_a_glob_and_a_likely_typo() {
        for (text, meant) in [
            ("SemVer:~1", Some("semver:~1")),
            (" semver:~1", Some("semver:~1")),
            ("~1", Some("semver:~1")),
            (">=1.0 <2", Some("semver:>=1.0 <2")),
            ("semver:~1", None),
            ("semvr:~1", Some("semver:~1")),
            ("tag:v1", Some("glob:v1")),
            ("glob:~1", None),
            ("master-*", None),
            ("1.0.*", None),
        ] {
            assert_eq!(Rule::likely_typo(text).as_deref(), meant, "{text:?}");
        }
        assert!(matches!(Rule::parse("SemVer:~1"), Ok(Rule::Glob(_))));
    }

    #[test]
    fn exact_pins_are_recognised() {
        for (text, exact) in [
            ("glob:1.0.0", true),
            ("1.0.0", true),
            ("glob:1.*", false),
            ("semver:1.2.3", true),
            ("semver:1.2", false),
            ("semver:=1.2.3", true),
            ("digest:stable", true),
            ("numerical", false),
        ] {
            assert_eq!(
                Rule::parse(text).expect(text).is_exact_pin(),
                exact,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_the_printed_text_returns_the_same_policy(text in "(semver:|glob:|regex:|digest:|alphabetical:|numerical:)?[ -~]{0,24}") {
            if let Ok(rule) = Rule::parse(&text) {
                prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
            }
        }
    }
}
