//! Cluster and registries joined, with both within the test's process.

mod cluster;
mod confirm;
mod pull_secrets;
mod scanned;
