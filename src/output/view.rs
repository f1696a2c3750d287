//! What is shown of images that have no row: those of other owners' Pods.

use crate::evaluator::{Row, State};
use crate::workload::{ContainerType, WorkloadId, WorkloadKind};

/// Whoever runs an image: a workload with rows, or another owner of Pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageUser {
    /// Its namespace.
    pub namespace: String,
    /// Its kind as in the API: `Deployment`, `Rollout`, `Pod`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its `apiVersion`.
    pub api_version: String,
}

/// One container that runs, or would run, an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// The image as the manifest or the Pod spells it.
    pub image: String,
    /// Whose container it is.
    pub user: ImageUser,
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The state; `None` for what no policy can reach, such as injected
    /// sidecars and the Pods of other owners.
    pub state: Option<State>,
    /// How many Pods run it, where they were counted.
    pub pods: Option<usize>,
}

impl From<&Row> for ImageUse {
    fn from(row: &Row) -> Self {
        Self {
            image: row.image.clone(),
            user: ImageUser {
                namespace: row.workload.namespace.clone(),
                kind: row.workload.kind.as_str().to_owned(),
                name: row.workload.name.clone(),
                api_version: row.workload.api_version.clone(),
            },
            container: row.container.clone(),
            container_type: row.container_type,
            state: Some(row.decision.state),
            pods: None,
        }
    }
}

impl ImageUser {
    /// The workload, if it is one with rows.
    pub(crate) fn workload(&self) -> Option<WorkloadId> {
        Some(WorkloadId {
            kind: WorkloadKind::from_api(&self.api_version, &self.kind)?,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            api_version: self.api_version.clone(),
        })
    }
}

/// `deployment/web`, as people type it.
impl std::fmt::Display for ImageUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}
