//! On which nodes, and so on which platforms, the Pods of a workload can run.

pub(crate) mod node;
pub(crate) mod pod_spec;
pub(crate) mod requirement;
pub(crate) mod scheduling;
pub(crate) mod toleration;
