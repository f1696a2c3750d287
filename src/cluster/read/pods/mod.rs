//! Pods: which images run, and where.

pub(crate) mod pod;
pub(crate) mod pods;
pub(crate) mod problems;
pub(crate) mod usage;
