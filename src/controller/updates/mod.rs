//! The updates: which may begin, their writes, their rollouts, and what follows if one fails.

mod deliver;
mod delivered;
mod failure;
mod unfinished;
mod update_writer;
mod waiting;

pub use delivered::{Delivered, FailureHandled, UpdateResult};
pub(crate) use unfinished::unfinished;
pub use update_writer::UpdateWriter;
pub use waiting::UpdateLimits;
pub(crate) use waiting::WaitingUpdates;
