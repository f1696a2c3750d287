//! Containers as `images` shows them, also those of Pods that have no row.

use crate::evaluator::{Row, State};
use crate::workload::{ContainerType, WorkloadId, WorkloadKind};

/// What runs an image: a workload with rows, or another owner of Pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageUser {
    /// Its namespace.
    pub namespace: String,
    /// Its kind, as in the API: `Deployment`, `Rollout`, `Pod`.
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
    /// What owns the container.
    pub user: ImageUser,
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The state; `None` for a container to which no policy can apply, such as an
    /// injected sidecar or a container of another owner's Pods.
    pub state: Option<State>,
    /// How many Pods run it, if they were counted.
    pub pods: Option<usize>,
    /// The ImagePolicy objects of Flux that elect from its repository, as `namespace/name`.
    pub image_policies: Vec<String>,
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
            image_policies: Vec::new(),
        }
    }
}

impl ImageUser {
    /// The workload, if it is of a kind that has rows.
    pub(crate) fn workload(&self) -> Option<WorkloadId> {
        Some(WorkloadId {
            kind: WorkloadKind::from_api(&self.api_version, &self.kind)?,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            api_version: self.api_version.clone(),
        })
    }
}

/// `deployment/web`.
impl std::fmt::Display for ImageUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}
