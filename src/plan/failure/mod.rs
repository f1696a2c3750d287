//! What is written after the rollout of an update failed.

pub(crate) mod after_failure;
pub(crate) mod annotation;
pub(crate) mod failed_update;
pub(crate) mod forgotten;
