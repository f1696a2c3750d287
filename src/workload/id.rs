//! What a workload is called.

use std::fmt;
use std::str::FromStr;

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

/// A kind that has no rows, or a word that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server doesn't have a resource type {word:?} that runs containers; {}",
    supported()
)]
pub struct UnknownKind {
    /// The word as given.
    pub word: String,
}

fn supported() -> String {
    let names: Vec<&str> = WorkloadKind::ALL.iter().map(|k| k.plural()).collect();
    format!("supported are {}", names.join(", "))
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
    pub fn of_object(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        match (group, kind) {
            ("apps" | "extensions", "Deployment") => Some(Self::Deployment),
            ("apps", "StatefulSet") => Some(Self::StatefulSet),
            ("apps" | "extensions", "DaemonSet") => Some(Self::DaemonSet),
            ("batch", "CronJob") => Some(Self::CronJob),
            ("helm.toolkit.fluxcd.io" | "helm.fluxcd.io" | "flux.weave.works", "HelmRelease") => {
                Some(Self::HelmRelease)
            }
            _ => None,
        }
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

impl FromStr for WorkloadKind {
    type Err = UnknownKind;

    /// Reads a kind as kubectl does: singular, plural or short name, in any
    /// case, with or without its API group (`deploy`, `deployments.apps`).
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let lower = word.to_ascii_lowercase();
        let (name, group) = lower.split_once('.').unwrap_or((&lower, ""));
        let kind = match name {
            "deployment" | "deployments" | "deploy" => Self::Deployment,
            "statefulset" | "statefulsets" | "sts" => Self::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => Self::DaemonSet,
            "cronjob" | "cronjobs" | "cj" => Self::CronJob,
            "helmrelease" | "helmreleases" | "hr" => Self::HelmRelease,
            _ => {
                return Err(UnknownKind {
                    word: word.to_owned(),
                });
            }
        };
        // A group may carry a version in front, as in deployments.v1.apps.
        let fits = match kind {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => group.ends_with("apps"),
            Self::CronJob => group.ends_with("batch"),
            Self::HelmRelease => group.ends_with("fluxcd.io") || group.ends_with("weave.works"),
        };
        if group.is_empty() || fits {
            Ok(kind)
        } else {
            Err(UnknownKind {
                word: word.to_owned(),
            })
        }
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
    /// The name as `-o name` prints it: `deployment.apps/web`.
    #[must_use]
    pub fn qualified(&self) -> String {
        match self.api_version.rsplit_once('/') {
            Some((group, _)) => format!("{}.{group}/{}", self.kind.singular(), self.name),
            None => self.to_string(),
        }
    }
}

/// `deployment/web`, as people type it.
impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.singular(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_kubectl_reads_them() {
        for (word, kind) in [
            ("deploy", WorkloadKind::Deployment),
            ("Deployments.apps", WorkloadKind::Deployment),
            ("deployments.v1.apps", WorkloadKind::Deployment),
            ("sts", WorkloadKind::StatefulSet),
            ("cj", WorkloadKind::CronJob),
            ("hr", WorkloadKind::HelmRelease),
        ] {
            assert_eq!(word.parse(), Ok(kind), "{word}");
        }
        for word in ["deplo", "pods", "deployments.batch", ""] {
            assert!(word.parse::<WorkloadKind>().is_err(), "{word}");
        }
    }

    #[test]
    fn only_objects_whose_images_can_be_changed_have_a_kind() {
        for (api, kind, expected) in [
            ("apps/v1", "Deployment", true),
            ("extensions/v1beta1", "Deployment", true),
            ("batch/v1", "CronJob", true),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", true),
            ("batch/v1", "Job", false),
            ("v1", "Pod", false),
            ("apps/v1", "ReplicaSet", false),
            ("argoproj.io/v1alpha1", "Deployment", false),
        ] {
            assert_eq!(
                WorkloadKind::of_object(api, kind).is_some(),
                expected,
                "{api} {kind}"
            );
        }
    }
}
