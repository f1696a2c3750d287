//! What the Pods of a workload report: the images that they run, why they do not start,
//! and why they cannot be created.

pub(crate) mod pod_images;
pub(crate) mod pod_problem;
pub(crate) mod refused_pods;
