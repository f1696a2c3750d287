//! The loop that lets automated workloads follow by themselves, and what it needs around it.
//!
//! It decides with the same evaluator and writes with the same writer as `update`; nothing here
//! decides anything about images a second time.
//!
//! - [`brakes`] decides which of the updates that are due may start now.
//! - [`lease`] decides which of several replicas leads. Only the leader writes.
//! - [`index`]: the workloads, as the watches report them.
//! - [`facts`]: what the registries have said.
//! - [`queue`]: when each repository is asked.

pub mod brakes;
pub mod decide;
pub mod deliver;
pub mod event;
pub mod facts;
mod failure;
mod follow;
pub mod index;
pub mod lease;
mod progress;
pub mod queue;
pub mod run;
mod unfinished;
mod users;
mod waiting;

pub use failure::FailureHandled;
pub use progress::RunSummary;
pub use waiting::UpdateLimits;
