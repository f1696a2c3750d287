//! The Lease of our controller: who leads.

pub(crate) mod follow;
pub(crate) mod object;
pub(crate) mod presence;
