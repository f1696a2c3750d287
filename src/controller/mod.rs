//! The loop that lets automated workloads follow by themselves, and what it needs around it.
//!
//! It decides with the same evaluator and writes with the same writer as `update`; nothing here
//! decides anything about images a second time.
//!
//! - [`lease`] decides which of several replicas leads. Only the leader writes.
//! - [`index`]: the workloads, as the watches report them.
//! - [`facts`]: what the registries have said.
//! - [`queue`]: when each repository is asked.

pub mod facts;
pub mod index;
pub mod lease;
pub mod queue;
