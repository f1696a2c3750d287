//! Follows a collection: lists it, and then watches it for changes.

pub(crate) mod events;
pub(crate) mod workloads;
