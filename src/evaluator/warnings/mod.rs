//! Warnings about a decision, from what the cluster reports.

pub(crate) mod moved_tag;
pub(crate) mod undone;
