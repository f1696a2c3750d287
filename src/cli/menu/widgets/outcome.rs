//! How a menu ends.

/// How a menu ended, unless the user quit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MenuOutcome {
    /// The user answered.
    Given,
    /// The user wants to change the previous answer.
    Back,
}
