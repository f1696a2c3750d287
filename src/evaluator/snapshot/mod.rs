//! The snapshot that decisions are made from, and its file format.

pub(crate) mod elections;
pub(crate) mod older;
pub(crate) mod policy_election;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod ties;
