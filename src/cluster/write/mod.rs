//! Everything that is written to a cluster: one object, an Event about it,
//! and the controller's Lease.

pub(crate) mod events;
pub(crate) mod lease;
pub(crate) mod object;
