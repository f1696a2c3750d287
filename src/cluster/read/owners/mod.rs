//! The owners of workloads: what they say about themselves, and where their files are.

pub(crate) mod git_sources;
pub(crate) mod image_policies;
pub(crate) mod owners;
