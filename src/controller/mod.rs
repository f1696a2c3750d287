//! The loop that lets automated workloads follow by themselves, and what it needs around it.
//!
//! It decides with the same evaluator and writes with the same writer as `update`; nothing here
//! decides anything about images a second time.
//!
//! - [`brakes`] decides which of the updates that are due may start now.
//! - The updates that may start are written, and their rollouts followed, by [`UpdateWriter`].
//! - [`lease`] decides which of several replicas leads. Only the leader writes.
//! - [`index`]: the workloads, as the watches report them.
//! - [`facts`]: what the registries have said.
//! - [`metrics`]: what a running controller tells about itself.
//! - [`queue`]: when each repository is asked.
//! - [`resume`]: the marks that have updates go on after failures.

pub mod brakes;
pub mod decide;
pub mod event;
pub mod facts;
mod follow;
mod handover;
pub mod index;
pub mod lease;
pub mod metrics;
mod progress;
pub mod queue;
mod reported;
pub mod resume;
pub mod run;
mod state_events;
mod updates;
mod users;

pub use progress::RunSummary;
pub use updates::{Delivered, FailureHandled, UpdateLimits, UpdateResult, UpdateWriter};
