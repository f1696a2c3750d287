//! The updates of a workload, as text.

mod table;

pub use table::history_table;
