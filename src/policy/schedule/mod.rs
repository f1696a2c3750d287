//! When images may be updated: the windows and freezes of a workload and of its namespace.
//!
//! Every window annotation and every freeze must allow an update. Both limit only the time at
//! which an update is written, never which image is elected.

mod freeze;
mod list;
mod namespace;
mod schedule;
#[cfg(test)]
mod schedule_tests;
mod window;
mod zone;

pub use namespace::namespace_schedule;
pub(crate) use namespace::schedule_annotations;
pub use schedule::{Closure, Schedule};
