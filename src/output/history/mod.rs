//! The updates of a workload, as text.

mod table;

pub use table::{compare_lines, history_table};
