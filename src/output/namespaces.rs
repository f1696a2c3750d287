//! Whether a list needs its namespaces.

use crate::workload::WorkloadId;

/// Whether the workloads are in more than one namespace.
#[must_use]
pub fn spans_namespaces<'a>(workloads: impl IntoIterator<Item = &'a WorkloadId>) -> bool {
    let mut workloads = workloads.into_iter();
    let first = workloads.next().map(|id| &id.namespace);
    workloads.any(|id| Some(&id.namespace) != first)
}
