//! Everything that is read from a cluster.

pub(crate) mod custom;
pub(crate) mod history;
pub(crate) mod lease;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod nodes;
pub(crate) mod owners;
pub(crate) mod pods;
pub(crate) mod pull_secrets;
pub(crate) mod refused_pods;
pub(crate) mod undone;
pub(crate) mod workloads;
