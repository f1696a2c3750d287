//! Ways to make a table narrower.

/// One step to make a table narrower. Columns are identified by their headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FitStep {
    /// Narrows the widest of these columns, each at most to its minimum width.
    Narrow(Vec<(&'static str, usize)>),
    /// Shows the shorter text in every cell of the column.
    Shorten(&'static str),
    /// Removes the column.
    Drop(&'static str),
}
