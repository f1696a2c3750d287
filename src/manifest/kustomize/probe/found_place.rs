//! What a search finds.

use crate::manifest::kustomize::traced::Decides;

/// A candidate that decides a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundPlace {
    /// Where the scalar is: the position of its object, and of each entry or item below.
    pub(crate) path: Vec<usize>,
    /// The number of the candidate.
    pub(crate) number: usize,
    pub(crate) decides: Decides,
    /// Whether the candidate is only a part of what it decides.
    pub(crate) is_part: bool,
}
