//! What a workload is called.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of objects whose containers are rows.
///
/// Jobs, Pods and ReplicaSets are not among them: they belong to another object
/// or cannot be changed.
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
    /// Flux's Helm release, whose images stand in its values.
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

    /// The kind of an object, by its `apiVersion` and `kind`; `None` for objects
    /// that have no rows. Versions that the API has retired are accepted,
    /// because old manifests still name them.
    #[must_use]
    pub fn from_api(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|known| known.as_str() == kind && known.groups().contains(&group))
    }

    /// The API groups that have this kind, today's first.
    #[must_use]
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Deployment | Self::DaemonSet => &["apps", "extensions"],
            Self::StatefulSet => &["apps"],
            Self::CronJob => &["batch"],
            // Flux 2's, then the Helm operator's of Flux 1 and its older name.
            Self::HelmRelease => &[
                "helm.toolkit.fluxcd.io",
                "helm.fluxcd.io",
                "flux.weave.works",
            ],
        }
    }

    /// Whether objects of two groups are two objects. Those of a built-in kind are
    /// one object, under an old and a new name.
    #[must_use]
    pub fn has_distinct_groups(self) -> bool {
        self == Self::HelmRelease
    }

    /// The `kind` of the API.
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

/// A workload's identity. Sorted by namespace, then name, then kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadId {
    /// The namespace; from files, the one they would be applied to.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its `apiVersion` as read.
    pub api_version: String,
}

impl WorkloadId {
    /// The API group: `apps`; empty for the core's.
    #[must_use]
    pub fn group(&self) -> &str {
        let parts = self.api_version.rsplit_once('/');
        parts.map_or("", |(group, _)| group)
    }

    /// The version in its group: `v1`.
    #[must_use]
    pub fn version(&self) -> &str {
        let parts = self.api_version.rsplit_once('/');
        parts.map_or(&self.api_version, |(_, version)| version)
    }

    /// The name as `-o name` prints it: `deployment.apps/web`. Given back, it
    /// reaches this object and no other of the namespace.
    #[must_use]
    pub fn qualified(&self) -> String {
        match self.group() {
            "" => format!("{}/{}", self.kind.singular(), self.name),
            group => format!("{}.{group}/{}", self.kind.singular(), self.name),
        }
    }

    /// The name for a question before a write and for a command to paste: with the
    /// group where several groups of a cluster may have the kind, since another
    /// workload may have the short name too.
    #[must_use]
    pub fn exact(&self) -> String {
        match self.kind.has_distinct_groups() {
            true => self.qualified(),
            false => self.to_string(),
        }
    }

    /// Whether this is the same object, whatever version it was read in.
    #[must_use]
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.name == other.name
            && self.kind == other.kind
            && (self.group() == other.group() || !self.kind.has_distinct_groups())
    }
}

/// `deployment/web`, as people type it; a HelmRelease of Flux 1 with its group,
/// since the short word means one of Flux 2 first.
impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_older =
            self.kind.has_distinct_groups() && self.kind.groups().first() != Some(&self.group());
        match is_older {
            true => f.write_str(&self.qualified()),
            false => write!(f, "{}/{}", self.kind.singular(), self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_whose_images_can_be_changed_have_a_kind() {
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
