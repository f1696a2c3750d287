//! A plan written to the cluster.

use super::{Applied, DryRun};
use crate::cluster::Cluster;
use crate::plan::{Authorship, Plan};
use crate::workload::Observed;

/// How live objects are written.
#[derive(Clone)]
pub struct LiveWriter<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// How far it goes.
    pub dry_run: DryRun,
    /// Under which name the server keeps book.
    pub field_manager: &'a str,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
}

/// Writes every change of the plan, at most eight workloads at a time, and tells
/// each result as soon as it is there. `observed` are the objects that the plan
/// was made from, in the plan's order; one that is missing is read anew.
pub async fn write_live(
    plan: &Plan,
    observed: &[Observed],
    writer: &LiveWriter<'_>,
    report: &dyn Fn(&Applied),
) -> Vec<Applied> {
    let _ = (plan, observed, writer, report);
    todo!("cluster helper")
}
