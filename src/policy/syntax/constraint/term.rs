//! The terms of a constraint, and which versions satisfy them.

use std::cmp::Ordering;

use crate::policy::syntax::version::TagVersion;

/// Terms that must all hold.
#[derive(Debug, Clone)]
pub(crate) struct TermGroup {
    pub(crate) terms: Vec<Term>,
    /// Some term has a pre-release, which allows pre-releases in the whole group.
    pub(crate) names_prerelease: bool,
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) operator: Operator,
    /// The version as written, with 0 for every missing number and every wildcard.
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

/// How many numbers of a term's version are given before the first missing one or wildcard.
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

impl TermGroup {
    pub(crate) fn new(terms: Vec<Term>) -> Self {
        let names_prerelease = terms.iter().any(|term| term.bound.is_prerelease());
        Self {
            terms,
            names_prerelease,
        }
    }

    /// Whether the group allows this version by the pre-release rule.
    pub(crate) fn admits(&self, version: &TagVersion) -> bool {
        self.names_prerelease || !version.is_prerelease()
    }

    /// Whether every term holds for this version.
    pub(crate) fn bounds(&self, version: &TagVersion) -> bool {
        self.terms.iter().all(|term| term.holds(version))
    }
}

impl Term {
    fn holds(&self, version: &TagVersion) -> bool {
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

    /// Compares only the given numbers. For `*` these are the two zeros of 0.0, which is why
    /// `<=*` is only 0.0.z.
    fn compare_given(&self, version: &TagVersion) -> Ordering {
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

    /// The upper bound of `~`: the same minor version, or the same major version if only that is
    /// given. 0.0.0, in full or as `*`, has no upper bound.
    fn within_tilde(&self, version: &TagVersion) -> bool {
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

    /// The upper bound of `^`: all numbers up to the first one that is not zero must be the same.
    fn within_caret(&self, version: &TagVersion) -> bool {
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

    /// Whether `!=` excludes the version.
    fn is_excluded(&self, version: &TagVersion, order: Ordering) -> bool {
        match self.precision {
            Precision::Nothing | Precision::Patch => order == Ordering::Equal,
            Precision::Major => self.compare_given(version).is_eq(),
            // A version of 1.2 with another pre-release than the bound is not excluded.
            Precision::Minor => {
                self.compare_given(version).is_eq()
                    && version.prerelease() == self.bound.prerelease()
            }
        }
    }
}
