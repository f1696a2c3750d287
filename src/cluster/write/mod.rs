//! Everything that is written to a cluster: one object, an Event about it,
//! the controller's Lease, and an annotation of a Namespace.

pub(crate) mod events;
pub(crate) mod lease;
pub(crate) mod namespace;
pub(crate) mod object;
