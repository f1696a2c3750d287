//! A constraint and the versions that satisfy it.

use super::parse::ConstraintError;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::policy::syntax::version::TagVersion;

/// A constraint on versions. `Display` gives the text as it was written; two constraints are
/// equal if their texts are.
#[derive(Debug, Clone)]
pub struct Constraint {
    pub(crate) text: String,
    pub(crate) groups: Vec<Group>,
}

/// Why a version does not match a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConstraintMiss {
    /// No group has the version within its bounds.
    #[error("the version is out of range")]
    OutOfRange,
    /// The version is within the bounds, but it is a pre-release (or has a suffix like
    /// `-alpine`, which counts as one) and the constraint names none.
    #[error("the version is a pre-release and the constraint names none")]
    Prerelease,
}

/// Terms that must all hold.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) terms: Vec<Term>,
    /// Some term has a pre-release, which lets pre-releases in for all of them.
    pub(crate) names_prerelease: bool,
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) operator: Operator,
    /// The version as written, with 0 for every number that was left out or wild.
    pub(crate) bound: TagVersion,
    pub(crate) precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How many numbers of a term's version were given before the first missing or wild one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// `*`
    Nothing,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.*`
    Minor,
    /// `1.2.3`
    Patch,
}

impl Constraint {
    /// Whether the version matches, as Masterminds' `Check` has it.
    pub fn matches(&self, version: &TagVersion) -> bool {
        self.groups
            .iter()
            .any(|group| group.admits(version) && group.bounds(version))
    }

    /// Whether the version is within the bounds of some group, pre-release or not.
    ///
    /// The bounds hold by precedence: `2.0.0-rc.1` is below `<2.0.0`. This serves tags that
    /// are allowed by name (`allowTags` of `imagePolicies`).
    pub fn matches_with_prereleases(&self, version: &TagVersion) -> bool {
        self.groups.iter().any(|group| group.bounds(version))
    }

    /// Like [`matches`](Self::matches), with the reason of a refusal.
    ///
    /// # Errors
    ///
    /// [`ConstraintMiss::Prerelease`] if the version would match but for the pre-release rule,
    /// else [`ConstraintMiss::OutOfRange`].
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

    /// The version of a constraint that is one full three-part version, bare or with `=`.
    ///
    /// Such a pin is explicit, so it may lead to an older version (product decision 6.2).
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

    /// Whether [`exact`](Self::exact) has a version.
    pub fn is_exact_pin(&self) -> bool {
        self.exact().is_some()
    }

    /// The constraint as it was written.
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

impl Group {
    pub(crate) fn new(terms: Vec<Term>) -> Self {
        let names_prerelease = terms.iter().any(|term| term.bound.is_prerelease());
        Self {
            terms,
            names_prerelease,
        }
    }

    /// Whether the group looks at this version at all.
    pub(crate) fn admits(&self, version: &TagVersion) -> bool {
        self.names_prerelease || !version.is_prerelease()
    }

    pub(crate) fn bounds(&self, version: &TagVersion) -> bool {
        self.terms.iter().all(|term| term.holds(version))
    }
}

impl Term {
    pub(crate) fn holds(&self, version: &TagVersion) -> bool {
        let order = version.precedence(&self.bound);
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => order.is_ge() && self.within_tilde(version),
            Operator::NotEqual => !self.is_excluded(version, order),
            Operator::Greater => match self.precision {
                Precision::Nothing | Precision::Patch => order.is_gt(),
                Precision::Major | Precision::Minor => self.compare_given(version).is_gt(),
            },
            Operator::Less => order.is_lt(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::LessEqual => match self.precision {
                Precision::Patch => order.is_le(),
                _ => self.compare_given(version).is_le(),
            },
            Operator::Caret => order.is_ge() && self.within_caret(version),
        }
    }

    /// Compares the numbers that were given and leaves the rest aside. For `*` these are the
    /// two zeros of 0.0, which is why `<=*` is only 0.0.z.
    pub(crate) fn compare_given(&self, version: &TagVersion) -> Ordering {
        let (major, minor, patch) = version.core();
        let (bound_major, bound_minor, bound_patch) = self.bound.core();
        let by_major = major.cmp(&bound_major);
        match self.precision {
            Precision::Major => by_major,
            Precision::Nothing | Precision::Minor => by_major.then(minor.cmp(&bound_minor)),
            Precision::Patch => by_major
                .then(minor.cmp(&bound_minor))
                .then(patch.cmp(&bound_patch)),
        }
    }

    /// The upper bound of `~`: the same minor version, or the same major one if only that was
    /// given. A bound of 0.0.0, written out or as `*`, has no upper bound.
    pub(crate) fn within_tilde(&self, version: &TagVersion) -> bool {
        let same_major = version.major() == self.bound.major();
        match self.precision {
            Precision::Nothing => true,
            Precision::Major => same_major,
            Precision::Minor => same_major && version.minor() == self.bound.minor(),
            Precision::Patch => {
                self.bound.core() == (0, 0, 0)
                    || (same_major && version.minor() == self.bound.minor())
            }
        }
    }

    /// The upper bound of `^`: all numbers up to the first that is not zero are the same.
    pub(crate) fn within_caret(&self, version: &TagVersion) -> bool {
        let (major, minor, patch) = self.bound.core();
        if version.major() != major {
            return false;
        }
        if major > 0 || self.precision == Precision::Major {
            return true;
        }
        if version.minor() != minor {
            return false;
        }
        minor > 0 || self.precision == Precision::Minor || version.patch() == patch
    }

    /// Whether `!=` leaves the version out.
    pub(crate) fn is_excluded(&self, version: &TagVersion, order: Ordering) -> bool {
        match self.precision {
            Precision::Nothing | Precision::Patch => order == Ordering::Equal,
            Precision::Major => self.compare_given(version).is_eq(),
            // A pre-release in one of the two spares the version, wherever in 1.2 it is.
            Precision::Minor => {
                self.compare_given(version).is_eq()
                    && version.prerelease() == self.bound.prerelease()
            }
        }
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
    fn a_refused_prerelease_is_told_from_a_version_out_of_range() {
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
    fn only_one_full_version_is_an_exact_pin() {
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
    fn a_constraint_is_printed_as_written() {
        let text = ">=1.0 , <2  ||  3 - 4";
        assert_eq!(constraint(text).to_string(), text);
        assert_ne!(constraint("1.2"), constraint("~1.2"));
    }
}
