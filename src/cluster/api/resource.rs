//! Collections of objects, as the API's URLs name them.

use super::error::ClusterError;
use super::path_segment::check_path_segment;
use super::selection::Scope;
use crate::workload::{WorkloadId, WorkloadKind, WorkloadType};

/// A collection of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// `v1`, `apps/v1`.
    pub(crate) api_version: String,
    /// `deployments`.
    pub(crate) plural: &'static str,
}

impl Resource {
    pub(crate) fn new(api_version: &str, plural: &'static str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            plural,
        }
    }

    /// The collection of a built-in kind; `None` if the cluster must be asked for the
    /// version.
    pub(crate) fn built_in(kind: WorkloadKind) -> Option<Self> {
        match kind {
            WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
                Some(Self::new("apps/v1", kind.plural()))
            }
            WorkloadKind::CronJob => Some(Self::new("batch/v1", kind.plural())),
            WorkloadKind::HelmRelease => None,
        }
    }

    /// The collection of a built-in type; `None` if the cluster must be asked for the
    /// version. The server may not have the group and version that the user named.
    pub(crate) fn for_type(workload_type: &WorkloadType) -> Option<Self> {
        let mut resource = Self::built_in(workload_type.kind())?;
        let (group, version) = resource.api_version.split_once('/')?;
        let group = workload_type.group().unwrap_or(group);
        let version = workload_type.version().unwrap_or(version);
        resource.api_version = format!("{group}/{version}");
        Some(resource)
    }

    /// The collection of an object. For a built-in kind it is the one that every server
    /// has, because an old file may name a version that no longer exists. For a custom
    /// kind it has the version in which the object was read.
    pub(crate) fn for_object(id: &WorkloadId) -> Result<Self, ClusterError> {
        if let Some(resource) = Self::built_in(id.kind) {
            return Ok(resource);
        }
        for part in id.api_version.split('/') {
            check_path_segment("apiVersion", part)?;
        }
        Ok(Self::new(&id.api_version, id.kind.plural()))
    }

    /// The path of the collection.
    pub(crate) fn path(&self, scope: &Scope) -> String {
        let root = if self.api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let Self {
            api_version,
            plural,
        } = self;
        match scope {
            Scope::Namespace(namespace) => {
                format!("/{root}/{api_version}/namespaces/{namespace}/{plural}")
            }
            Scope::AllNamespaces => format!("/{root}/{api_version}/{plural}"),
        }
    }

    /// The name in RBAC and in kubectl's messages: `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        match self.api_version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}
