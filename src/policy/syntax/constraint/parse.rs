//! Parses the text of a constraint into groups of terms.
//!
//! First, hyphen ranges in the whole text are rewritten into two comparisons, because their
//! peculiarities result from that order of steps. The rest is a scanner without backtracking.

use std::borrow::Cow;

use super::term::{Operator, Precision, Term, TermGroup};
use crate::policy::syntax::version::{TagVersion, VersionError};

/// The longest constraint that is accepted, in bytes.
pub(crate) const MAX_CONSTRAINT_BYTES: usize = 512;

/// The largest number of groups joined by `||`.
pub(crate) const MAX_CONSTRAINT_GROUPS: usize = 32;

/// A longer operator must be before its prefixes.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("=>", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("=<", Operator::LessEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

/// Why a text is not a valid constraint. The policy has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// The text has more than [`MAX_CONSTRAINT_BYTES`] bytes.
    #[error("the constraint is {length} bytes long; at most {MAX_CONSTRAINT_BYTES} are allowed")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// There are more than [`MAX_CONSTRAINT_GROUPS`] groups.
    #[error(
        "the constraint has {groups} groups joined by '||'; at most {MAX_CONSTRAINT_GROUPS} are allowed"
    )]
    TooManyGroups {
        /// The number of groups.
        groups: usize,
    },
    /// The text is empty or blank.
    #[error("the constraint is empty; use '*' for every release")]
    Empty,
    /// One side of a `||` is empty.
    #[error("the constraint '{constraint}' has nothing on one side of '||'")]
    EmptyGroup {
        /// The whole constraint.
        constraint: String,
    },
    /// Something else was found instead of a version.
    #[error("the constraint has {found} instead of a version")]
    ExpectedVersion {
        /// The quoted rest of the group, or "nothing".
        found: String,
    },
    /// Two terms are not separated by a space or a comma.
    #[error(
        "the constraint has '{found}' directly after '{after}'; separate them by a space or a comma"
    )]
    ExpectedSeparator {
        /// The rest of the group.
        found: String,
        /// The version before it.
        after: String,
    },
    /// A version in the constraint is not valid.
    #[error("the constraint has '{version}', which is not a valid version: {reason}")]
    Version {
        /// The version as written.
        version: String,
        /// What is wrong with it.
        reason: VersionError,
    },
}

/// Parses a constraint.
pub(crate) fn groups(text: &str) -> Result<Vec<TermGroup>, ConstraintError> {
    if text.len() > MAX_CONSTRAINT_BYTES {
        return Err(ConstraintError::TooLong { length: text.len() });
    }
    let rewritten = rewrite_hyphen_ranges(text);
    let count = rewritten.split("||").count();
    if count > MAX_CONSTRAINT_GROUPS {
        return Err(ConstraintError::TooManyGroups { groups: count });
    }
    rewritten
        .split("||")
        .map(|part| match skip_blanks(part) {
            "" if count == 1 => Err(ConstraintError::Empty),
            "" => Err(ConstraintError::EmptyGroup {
                constraint: text.to_owned(),
            }),
            part => group(part),
        })
        .collect()
}

/// Parses the terms of a group that is not blank.
fn group(text: &str) -> Result<TermGroup, ConstraintError> {
    let mut terms = Vec::new();
    let mut rest = text;
    loop {
        let (operator, at_version) = operator(rest);
        let Some(spelling) = Spelling::scan(at_version) else {
            return Err(ConstraintError::ExpectedVersion {
                found: quoted(at_version),
            });
        };
        terms.push(spelling.term(operator)?);

        rest = skip_blanks(spelling.rest);
        if rest.is_empty() {
            return Ok(TermGroup::new(terms));
        }
        if let Some(after_comma) = rest.strip_prefix(',') {
            rest = skip_blanks(after_comma);
        } else if rest.len() == spelling.rest.len() {
            return Err(ConstraintError::ExpectedSeparator {
                found: rest.to_owned(),
                after: spelling.text.to_owned(),
            });
        }
    }
}

/// Takes an operator and the blanks after it. A term without one means equality.
fn operator(text: &str) -> (Operator, &str) {
    for (sign, operator) in OPERATORS {
        if let Some(rest) = text.strip_prefix(sign) {
            return (operator, skip_blanks(rest));
        }
    }
    (Operator::Equal, text)
}

/// A version as written in a constraint, with wildcards, before its numbers are parsed.
struct Spelling<'a> {
    /// The whole text.
    text: &'a str,
    /// The parts of the core, which may contain `x`, `X`, `*` and even `|`.
    core: [Option<&'a str>; 3],
    /// The pre-release with its hyphen, or empty.
    prerelease: &'a str,
    /// The text after the version.
    rest: &'a str,
}

impl<'a> Spelling<'a> {
    /// Takes the longest version at the start of `text`.
    fn scan(text: &'a str) -> Option<Self> {
        let (first, mut rest) = take(text.strip_prefix('v').unwrap_or(text), is_core_byte)?;
        let mut core = [Some(first), None, None];
        for part in core.iter_mut().skip(1) {
            let Some((number, after)) = rest
                .strip_prefix('.')
                .and_then(|after| take(after, is_core_byte))
            else {
                break;
            };
            *part = Some(number);
            rest = after;
        }
        let (prerelease, rest) = take_suffix(rest, '-');
        let (_metadata, rest) = take_suffix(rest, '+');
        Some(Self {
            text: text.get(..text.len() - rest.len()).unwrap_or_default(),
            core,
            prerelease,
            rest,
        })
    }

    fn term(&self, operator: Operator) -> Result<Term, ConstraintError> {
        let suffix = self.prerelease;
        let [major, minor, patch] = self
            .core
            .map(|part| part.filter(|part| !matches!(*part, "x" | "X" | "*")));
        // Numbers after the first wildcard are ignored.
        let (version, precision) = match (major, minor, patch) {
            (None, _, _) => (format!("0.0.0{suffix}").into(), Precision::Nothing),
            (Some(major), None, _) => (format!("{major}.0.0{suffix}").into(), Precision::Major),
            (Some(major), Some(minor), None) => (
                format!("{major}.{minor}.0{suffix}").into(),
                Precision::Minor,
            ),
            _ => (Cow::Borrowed(self.text), Precision::Patch),
        };
        let bound = version
            .parse::<TagVersion>()
            .map_err(|reason| ConstraintError::Version {
                version: self.text.to_owned(),
                reason,
            })?;
        Ok(Term {
            operator,
            bound,
            precision,
        })
    }
}

/// Replaces every `A - B` by `>= A, <= B `.
fn rewrite_hyphen_ranges(text: &str) -> Cow<'_, str> {
    let mut rewritten = String::new();
    let mut copied = 0;
    let mut position = 0;
    while position < text.len() {
        let Some(range) = text.get(position..).and_then(HyphenRange::scan) else {
            position += 1;
            continue;
        };
        rewritten.push_str(text.get(copied..position).unwrap_or_default());
        rewritten.push_str(">= ");
        rewritten.push_str(range.low);
        rewritten.push_str(", <= ");
        rewritten.push_str(range.high);
        rewritten.push(' ');
        position = text.len() - range.rest.len();
        copied = position;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    rewritten.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(rewritten)
}

struct HyphenRange<'a> {
    low: &'a str,
    high: &'a str,
    rest: &'a str,
}

impl<'a> HyphenRange<'a> {
    /// Takes `A - B` and the blanks around it.
    fn scan(text: &'a str) -> Option<Self> {
        let low = Spelling::scan(skip_blanks(text))?;
        let hyphen = skip_blanks(low.rest);
        let after = hyphen.strip_prefix('-')?;
        let at_high = skip_blanks(after);
        let has_blanks = hyphen.len() < low.rest.len() && at_high.len() < after.len();
        let high = Spelling::scan(at_high).filter(|_high| has_blanks)?;
        Some(Self {
            low: low.text,
            high: high.text,
            rest: skip_blanks(high.rest),
        })
    }
}

/// Takes a mark and the dot-separated identifiers after it, or nothing.
fn take_suffix(text: &str, mark: char) -> (&str, &str) {
    let Some((_first, mut rest)) = text
        .strip_prefix(mark)
        .and_then(|after| take(after, is_identifier_byte))
    else {
        return ("", text);
    };
    while let Some((_next, after)) = rest
        .strip_prefix('.')
        .and_then(|after| take(after, is_identifier_byte))
    {
        rest = after;
    }
    text.split_at(text.len() - rest.len())
}

/// Takes one or more of the accepted bytes, which must be ASCII.
fn take(text: &str, accept: fn(u8) -> bool) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| accept(*byte)).count();
    (length > 0).then(|| text.split_at(length))
}

fn is_core_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Skips Go's `\s`, which does not include the vertical tab or non-ASCII characters.
fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(['\t', '\n', '\x0C', '\r', ' '])
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        format!("'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        groups(text).expect_err("invalid constraint").to_string()
    }

    #[test]
    fn errors_name_the_invalid_part() {
        let cases = [
            ("", "the constraint is empty; use '*' for every release"),
            (
                "1 ||",
                "the constraint '1 ||' has nothing on one side of '||'",
            ),
            ("==1", "the constraint has '=1' instead of a version"),
            ("> =1", "the constraint has '=1' instead of a version"),
            (">=", "the constraint has nothing instead of a version"),
            ("1,,2", "the constraint has ',2' instead of a version"),
            ("V1", "the constraint has 'V1' instead of a version"),
            (
                ">=1<2",
                "the constraint has '<2' directly after '1'; separate them by a space or a comma",
            ),
            (
                "~1.2.3.4",
                "the constraint has '.4' directly after '1.2.3'; separate them by a space or a comma",
            ),
            (
                "1.2.3-01",
                "the constraint has '1.2.3-01', which is not a valid version: \
                 the number 01 in its pre-release has a leading zero",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(error(text), message);
        }
    }

    #[test]
    fn limits_are_the_same_as_in_masterminds() {
        let longest = format!("1{}", " ".repeat(MAX_CONSTRAINT_BYTES - 1));
        assert!(groups(&longest).is_ok());
        assert!(error(&format!("{longest} ")).contains("513 bytes"));
        assert_eq!(
            groups(&["1"; 32].join("||")).map(|groups| groups.len()),
            Ok(32)
        );
        assert!(error(&["1"; 33].join("||")).contains("33 groups"));
    }

    #[test]
    fn hyphen_range_becomes_two_terms() {
        assert_eq!(rewrite_hyphen_ranges("1 - 2"), ">= 1, <= 2 ");
        assert_eq!(
            rewrite_hyphen_ranges("2 - 3, 2 - 3"),
            ">= 2, <= 3 ,>= 2, <= 3 "
        );
        assert_eq!(rewrite_hyphen_ranges("1-2"), "1-2");
        assert_eq!(rewrite_hyphen_ranges("1||2 - 3"), ">= 1||2, <= 3 ");
    }
}
