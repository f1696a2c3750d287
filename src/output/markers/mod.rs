//! Marked values as text.

mod preview;

pub use preview::{kept_marker_lines, markers_table};
