//! What is written to a cluster: one object, and the Event about it.

pub(crate) mod events;
pub(crate) mod object;
