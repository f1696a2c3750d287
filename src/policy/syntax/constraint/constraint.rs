//! A version constraint.

use std::fmt;
use std::str::FromStr;

use super::parse::ConstraintError;
use super::term::{Operator, Precision, TermGroup};
use crate::policy::syntax::version::TagVersion;

/// A constraint on versions. `Display` returns the text as written. Two constraints are equal if
/// their texts are equal.
#[derive(Debug, Clone)]
pub struct Constraint {
    pub(crate) text: String,
    pub(crate) groups: Vec<TermGroup>,
}

/// Why a version does not match a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConstraintMiss {
    /// The version is not within the bounds of any group.
    #[error("the version is out of range")]
    OutOfRange,
    /// The version is within the bounds, but it is a pre-release (or has a suffix such as
    /// `-alpine`, which counts as one) and the constraint does not include pre-releases.
    #[error("the version is a pre-release, which the constraint does not include")]
    Prerelease,
}

impl Constraint {
    /// Whether the version matches, as in `Check` of Masterminds.
    pub fn matches(&self, version: &TagVersion) -> bool {
        self.groups
            .iter()
            .any(|group| group.admits(version) && group.bounds(version))
    }

    /// Whether the version is within the bounds of some group, even if it is a pre-release.
    ///
    /// The bounds are compared by precedence, so `2.0.0-rc.1` is within `<2.0.0`. This is for
    /// tags that are allowed explicitly (`allowTags` of `imagePolicies`).
    pub fn matches_with_prereleases(&self, version: &TagVersion) -> bool {
        self.groups.iter().any(|group| group.bounds(version))
    }

    /// Like [`matches`](Self::matches), but with the reason if the version does not match.
    ///
    /// # Errors
    ///
    /// [`ConstraintMiss::Prerelease`] if only the pre-release rule excludes the version, otherwise
    /// [`ConstraintMiss::OutOfRange`].
    pub fn check(&self, version: &TagVersion) -> Result<(), ConstraintMiss> {
        let mut miss = ConstraintMiss::OutOfRange;
        for group in &self.groups {
            match (group.bounds(version), group.admits(version)) {
                (true, true) => return Ok(()),
                (true, false) => miss = ConstraintMiss::Prerelease,
                (false, _) => {}
            }
        }
        Err(miss)
    }

    /// The version, if the constraint is one full three-part version, with or without `=`.
    ///
    /// Such a pin is explicit, so it may select an older version (product decision 6.2).
    pub fn exact(&self) -> Option<&TagVersion> {
        let [group] = self.groups.as_slice() else {
            return None;
        };
        let [term] = group.terms.as_slice() else {
            return None;
        };
        let is_exact = term.operator == Operator::Equal && term.precision == Precision::Patch;
        is_exact.then_some(&term.bound)
    }

    /// Whether the constraint is one [`exact`](Self::exact) version.
    pub fn is_exact_pin(&self) -> bool {
        self.exact().is_some()
    }

    /// The constraint as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Constraint {}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        Ok(Self {
            text: text.to_owned(),
            groups: super::parse::groups(text)?,
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(text: &str) -> Constraint {
        text.parse().expect("the test's text is a constraint")
    }

    fn version(text: &str) -> TagVersion {
        text.parse().expect("the test's text is a version")
    }

    #[test]
    fn excluded_prerelease_differs_from_version_out_of_range() {
        let range = constraint(">=1.2 <2 || ~0.9-0");
        assert_eq!(range.check(&version("1.2.3")), Ok(()));
        let alpine = version("1.2.3-alpine");
        assert_eq!(range.check(&alpine), Err(ConstraintMiss::Prerelease));
        assert!(range.matches_with_prereleases(&alpine));
        let below = version("1.2.0-rc.1");
        assert_eq!(range.check(&below), Err(ConstraintMiss::OutOfRange));
        assert!(!range.matches_with_prereleases(&below));
        assert_eq!(range.check(&version("0.9.1-rc.1")), Ok(()));
        assert_eq!(
            range.check(&version("2.0.0")),
            Err(ConstraintMiss::OutOfRange)
        );
    }

    #[test]
    fn only_a_single_full_version_is_an_exact_pin() {
        for pin in ["1.2.3", "=1.2.3", " = v1.2.3-rc.1 "] {
            assert!(constraint(pin).is_exact_pin(), "{pin}");
        }
        for range in [
            "1.2",
            "1.2.x",
            "~1.2.3",
            ">=1.2.3",
            "1.2.3 || 1.2.4",
            "1.2.3 1.2.3",
        ] {
            assert_eq!(constraint(range).exact(), None, "{range}");
        }
        assert_eq!(constraint("=1.2.3").exact(), Some(&version("1.2.3")));
    }

    #[test]
    fn constraint_is_printed_as_written() {
        let text = ">=1.0 , <2  ||  3 - 4";
        assert_eq!(constraint(text).to_string(), text);
        assert_ne!(constraint("1.2"), constraint("~1.2"));
    }
}
