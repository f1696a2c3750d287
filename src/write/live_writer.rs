//! How live objects are written.

use super::DryRun;
use crate::cluster::Cluster;
use crate::plan::Authorship;

/// How live objects are written.
#[derive(Clone)]
pub struct LiveWriter<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Whether this is a dry run, and of which kind.
    pub dry_run: DryRun,
    /// The field manager name recorded by the API server.
    pub field_manager: &'a str,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
}
