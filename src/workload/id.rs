//! The identity of a workload.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The namespace of an object that names none, unless the user has named one.
pub const DEFAULT_NAMESPACE: &str = "default";

/// The kinds of objects whose containers are listed as rows.
///
/// Jobs, Pods and ReplicaSets are not included, because they belong to another
/// object or cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1`.
    Deployment,
    /// `apps/v1`.
    StatefulSet,
    /// `apps/v1`.
    DaemonSet,
    /// `batch/v1`.
    CronJob,
    /// A Flux HelmRelease, whose images are in its values.
    HelmRelease,
}

impl WorkloadKind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
        Self::HelmRelease,
    ];

    /// The kind of an object with this `apiVersion` and `kind`; `None` for objects
    /// that have no rows. API versions that were removed are accepted, because old
    /// manifests still have them.
    #[must_use]
    pub fn from_api(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|known| known.as_str() == kind && known.groups().contains(&group))
    }

    /// The API groups that have this kind, the current one first.
    #[must_use]
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Deployment | Self::DaemonSet => &["apps", "extensions"],
            Self::StatefulSet => &["apps"],
            Self::CronJob => &["batch"],
            // Flux 2, then the Helm operator of Flux 1, then its older name.
            Self::HelmRelease => &[
                "helm.toolkit.fluxcd.io",
                "helm.fluxcd.io",
                "flux.weave.works",
            ],
        }
    }

    /// Whether objects with the same name in two groups are different objects. For
    /// a built-in kind they are the same object, with an old and a new group.
    #[must_use]
    pub fn has_distinct_groups(self) -> bool {
        self == Self::HelmRelease
    }

    /// The `kind` in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::HelmRelease => "HelmRelease",
        }
    }

    /// The resource name in URLs and in RBAC rules.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::CronJob => "cronjobs",
            Self::HelmRelease => "helmreleases",
        }
    }

    /// The singular word before the slash: `deployment`.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::CronJob => "cronjob",
            Self::HelmRelease => "helmrelease",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The identity of a workload. Ordered by namespace, then name, then kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadId {
    /// The namespace; for files, the one to which they would be applied.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its `apiVersion` as read.
    pub api_version: String,
}

impl WorkloadId {
    /// The API group: `apps`; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        let parts = self.api_version.rsplit_once('/');
        parts.map_or("", |(group, _)| group)
    }

    /// The API version without the group: `v1`.
    #[must_use]
    pub fn version(&self) -> &str {
        let parts = self.api_version.rsplit_once('/');
        parts.map_or(&self.api_version, |(_, version)| version)
    }

    /// The name as `-o name` prints it: `deployment.apps/web`. As an argument, it
    /// selects exactly this object in the namespace.
    #[must_use]
    pub fn qualified(&self) -> String {
        match self.group() {
            "" => format!("{}/{}", self.kind.singular(), self.name),
            group => format!("{}.{group}/{}", self.kind.singular(), self.name),
        }
    }

    /// The name for a confirmation prompt and for a command to paste. It includes the
    /// group if several groups of a cluster may have the kind, because another
    /// workload may have the same short name.
    #[must_use]
    pub fn exact(&self) -> String {
        if self.kind.has_distinct_groups() {
            self.qualified()
        } else {
            self.to_string()
        }
    }

    /// Whether this is the same object, in any API version.
    #[must_use]
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.name == other.name
            && self.kind == other.kind
            && (self.group() == other.group() || !self.kind.has_distinct_groups())
    }
}

/// `deployment/web`. A HelmRelease of Flux 1 is written with its group, because the
/// short name prefers Flux 2.
impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_older =
            self.kind.has_distinct_groups() && self.kind.groups().first() != Some(&self.group());
        if is_older {
            f.write_str(&self.qualified())
        } else {
            write!(f, "{}/{}", self.kind.singular(), self.name)
        }
    }
}

/// Whether the workloads are in more than one namespace.
#[must_use]
pub fn spans_namespaces<'a>(workloads: impl IntoIterator<Item = &'a WorkloadId>) -> bool {
    span_namespaces(workloads.into_iter().map(|id| id.namespace.as_str()))
}

/// Whether the namespaces differ. Every table and report that lists objects uses this, or
/// [`spans_namespaces`], to decide whether to show them.
#[must_use]
pub fn span_namespaces<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> bool {
    let mut namespaces = namespaces.into_iter();
    let first = namespaces.next();
    namespaces.any(|namespace| Some(namespace) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_changeable_images_have_a_kind() {
        for (api, kind, expected) in [
            ("apps/v1", "Deployment", true),
            ("extensions/v1beta1", "Deployment", true),
            ("batch/v1", "CronJob", true),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", true),
            ("flux.weave.works/v1beta1", "HelmRelease", true),
            ("helm.cattle.io/v1", "HelmRelease", false),
            ("batch/v1", "Job", false),
            ("v1", "Pod", false),
            ("apps/v1", "ReplicaSet", false),
            ("argoproj.io/v1alpha1", "Deployment", false),
        ] {
            assert_eq!(
                WorkloadKind::from_api(api, kind).is_some(),
                expected,
                "{api} {kind}"
            );
        }
    }
}
