//! What a cluster knows about the updates of a workload, besides its record.

pub(crate) mod history;
