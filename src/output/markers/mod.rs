//! Marked values and ImagePolicy objects as text.

mod elections;
mod preview;

pub use elections::{image_policies_table, image_policy_warnings};
pub use preview::{kept_marker_lines, markers_line, markers_table};
