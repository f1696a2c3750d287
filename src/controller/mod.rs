//! The loop that keeps workloads up to date, and what it needs around it.
//!
//! - [`lease`] decides which of several replicas leads. Only the leader writes.

pub mod lease;
