//! What a command reads before it decides: workloads, snapshots, registry scans.

pub(crate) mod cost;
pub(crate) mod git_auto;
pub(crate) mod git_tree;
pub(crate) mod kustomizations;
pub(crate) mod named;
pub(crate) mod scan;
pub(crate) mod snapshot_file;
pub(crate) mod workloads;
