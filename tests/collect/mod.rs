//! Cluster and registries together, both inside the test process.

mod cluster;
mod confirm;
mod pull_secrets;
mod scanned;
