//! The snapshot that decisions are made from, and its file format.

pub(crate) mod older;
pub(crate) mod settings;
pub(crate) mod snapshot;
