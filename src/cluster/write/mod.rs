//! Everything that is written to a cluster: one object, and an Event about it.

pub(crate) mod events;
pub(crate) mod object;
