//! When images may be updated: the windows and freezes of a workload, of its namespace and of
//! the run.
//!
//! Every one of them must allow an update. They limit only the time at which an update is
//! written, never which image is elected.

mod flags;
mod freeze;
mod list;
mod namespace;
mod schedule;
#[cfg(test)]
mod schedule_tests;
mod window;
mod zone;

pub use flags::ScheduleFlags;
pub use namespace::namespace_schedule;
pub(crate) use namespace::schedule_annotations;
pub use schedule::{Closure, Schedule};
