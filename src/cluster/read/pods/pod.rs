//! The images and owners of one Pod.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::image::ImageReference;
use crate::workload::{ContainerType, Owner, PodImages, Workload, WorkloadKind};

/// Label that the Deployment controller sets on a ReplicaSet and its Pods. Its value is
/// part of the ReplicaSet's name.
const DEPLOYMENT_HASH: &str = "pod-template-hash";

/// The same label of Argo Rollouts.
const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// How far a CronJob's scheduled time may be from the creation of the Pod, in minutes: a
/// run may start late, and a failed Pod is replaced by another.
const LATEST_START: i64 = 24 * 60;

/// The fields of a Pod that we read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<PodOwnerReference>>,
    deletion_timestamp: Option<serde::de::IgnoredAny>,
    creation_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodOwnerReference {
    api_version: String,
    kind: String,
    name: String,
    controller: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    containers: Option<Vec<SpecContainer>>,
    init_containers: Option<Vec<SpecContainer>>,
    ephemeral_containers: Option<Vec<SpecContainer>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecContainer {
    name: String,
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: String,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    ephemeral_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Default, Deserialize)]
struct ContainerStatus {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "imageID")]
    image_id: String,
}

/// The topmost owner of a Pod that the Pod itself shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodOwner {
    /// A workload of a supported kind.
    Workload(WorkloadKind, String),
    /// Any other object.
    Other { kind: String, name: String },
    /// The Pod has no controller.
    Bare,
    /// A static Pod: its node's kubelet runs it from a file.
    Static,
}

/// A container of a Pod, with its requested and its running image.
pub(crate) struct PodContainer<'a> {
    pub(crate) name: &'a str,
    pub(crate) container_type: ContainerType,
    pub(crate) image: &'a str,
    pub(crate) image_id: &'a str,
}

impl Pod {
    /// Whether the Pod has finished or is being deleted, so that its images do not count.
    pub(crate) fn is_gone(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
            || matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether the Pod has all of these labels; `false` if there are none.
    pub(crate) fn has_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let own = self.metadata.labels.as_ref();
        !labels.is_empty()
            && labels
                .iter()
                .all(|(key, value)| own.and_then(|own| own.get(key)) == Some(value))
    }

    fn label(&self, key: &str) -> Option<&str> {
        let labels = self.metadata.labels.as_ref()?;
        labels.get(key).map(String::as_str)
    }

    /// The name of the owner above a ReplicaSet: without the hash in one of its labels.
    fn without_hash<'n>(&self, name: &'n str, label: &str) -> Option<&'n str> {
        name.strip_suffix(self.label(label)?)?.strip_suffix('-')
    }

    /// The CronJob of a Job. The name of a CronJob's Job ends with the scheduled time in
    /// minutes since 1970; a date like `backup-20261128` is not such a time.
    fn cron_job_of<'n>(&self, job: &'n str) -> Option<&'n str> {
        let (name, minute) = job.rsplit_once('-')?;
        if !minute.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let minute: i64 = minute.parse().ok()?;
        let created: Timestamp = self.metadata.creation_timestamp.as_ref()?.parse().ok()?;
        let late = (created.as_second() / 60).abs_diff(minute);
        (late <= LATEST_START.unsigned_abs()).then_some(name)
    }

    /// The Pod's controller, or the controller's own owner if names and labels show it:
    /// the Deployment or Rollout of a ReplicaSet, the CronJob of a Job.
    pub(crate) fn top_owner(&self) -> PodOwner {
        let references = self.metadata.owner_references.as_deref().unwrap_or(&[]);
        let Some(owner) = references.iter().find(|owner| owner.controller) else {
            return PodOwner::Bare;
        };
        let (group, _) = owner.api_version.rsplit_once('/').unwrap_or_default();
        match (group, owner.kind.as_str()) {
            ("apps", "ReplicaSet") => match (
                self.without_hash(&owner.name, DEPLOYMENT_HASH),
                self.without_hash(&owner.name, ROLLOUT_HASH),
            ) {
                (Some(name), _) => PodOwner::Workload(WorkloadKind::Deployment, name.to_owned()),
                (None, Some(name)) => PodOwner::other("Rollout", name),
                (None, None) => PodOwner::other("ReplicaSet", &owner.name),
            },
            ("batch", "Job") => match self.cron_job_of(&owner.name) {
                Some(name) => PodOwner::Workload(WorkloadKind::CronJob, name.to_owned()),
                None => PodOwner::other("Job", &owner.name),
            },
            ("", "Node") => PodOwner::Static,
            (_, kind) => match WorkloadKind::from_api(&owner.api_version, kind) {
                Some(kind) => PodOwner::Workload(kind, owner.name.clone()),
                // Other groups also have kinds of these names.
                None if matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet") => {
                    PodOwner::other(&format!("{kind}.{group}"), &owner.name)
                }
                None => PodOwner::other(kind, &owner.name),
            },
        }
    }

    /// Adds the image that each container reports as running. Where the Pod's own spec has
    /// another image than the workload, the Pod is older than the last update, so what it
    /// runs says nothing about the tag that the workload has now.
    pub(crate) fn count_into(&self, workload: &Workload, images: &mut PodImages) {
        for container in self.containers() {
            let mut own = workload.containers.iter();
            let is_current = own.any(|own| {
                own.name == container.name && is_same_image(&own.image, container.image)
            });
            if is_current {
                images.add(container.name, container.image_id);
            }
        }
    }

    /// Every container, including ephemeral ones.
    pub(crate) fn containers(&self) -> impl Iterator<Item = PodContainer<'_>> {
        use ContainerType::{Container, InitContainer};
        let (spec, status) = (&self.spec, &self.status);
        [
            (Container, &spec.containers, &status.container_statuses),
            (
                InitContainer,
                &spec.init_containers,
                &status.init_container_statuses,
            ),
            (
                Container,
                &spec.ephemeral_containers,
                &status.ephemeral_container_statuses,
            ),
        ]
        .into_iter()
        .flat_map(|(container_type, containers, statuses)| {
            containers.iter().flatten().map(move |container| {
                let mut statuses = statuses.iter().flatten();
                let status = statuses.find(|status| status.name == container.name);
                PodContainer {
                    name: &container.name,
                    container_type,
                    image: &container.image,
                    image_id: status.map_or("", |status| &status.image_id),
                }
            })
        })
    }
}

/// Whether two images are the same, however their repository is spelled.
pub(crate) fn is_same_image(one: &str, other: &str) -> bool {
    let parse = |text: &str| text.parse::<ImageReference>().ok();
    let [Some(a), Some(b)] = [parse(one), parse(other)] else {
        return one == other;
    };
    a.canonical() == b.canonical() && a.tag() == b.tag() && a.digest() == b.digest()
}

impl PodOwner {
    fn other(kind: &str, name: &str) -> Self {
        Self::Other {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Converts to an [`Owner`]; `None` for a bare or a static Pod.
    pub(crate) fn owner(&self, namespace: &str) -> Option<Owner> {
        let (kind, name) = match self {
            Self::Workload(kind, name) => (kind.as_str(), name),
            Self::Other { kind, name } => (kind.as_str(), name),
            Self::Bare | Self::Static => return None,
        };
        Some(Owner {
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn maker(api_version: &str, kind: &str, name: &str, labels: serde_json::Value) -> String {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"labels": labels,
            "creationTimestamp": "2026-11-28T12:00:00Z",
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "no"},
                {"apiVersion": api_version, "kind": kind, "name": name, "controller": true}]}}))
        .expect("a Pod");
        match pod.top_owner().owner("shop") {
            Some(owner) => format!("{} {}", owner.kind, owner.name),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn owner_of_a_pod_is_found_above_its_controller() {
        let hash = json!({"pod-template-hash": "5d9c"});
        let rollout = json!({"rollouts-pod-template-hash": "5d9c"});
        for (api, kind, name, labels, expected) in [
            (
                "apps/v1",
                "ReplicaSet",
                "web-api-5d9c",
                &hash,
                "Deployment web-api",
            ),
            ("apps/v1", "ReplicaSet", "web-5d9c", &rollout, "Rollout web"),
            (
                "apps/v1",
                "ReplicaSet",
                "web-5d9c",
                &json!({}),
                "ReplicaSet web-5d9c",
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "web-other",
                &hash,
                "ReplicaSet web-other",
            ),
            (
                "apps/v1",
                "StatefulSet",
                "db",
                &json!(null),
                "StatefulSet db",
            ),
            (
                "apps.kruise.io/v1",
                "StatefulSet",
                "db",
                &json!({}),
                "StatefulSet.apps.kruise.io db",
            ),
            (
                "batch/v1",
                "Job",
                "nightly-29931120",
                &json!({}),
                "CronJob nightly",
            ),
            // 23 hours late.
            (
                "batch/v1",
                "Job",
                "nightly-29929740",
                &json!({}),
                "CronJob nightly",
            ),
            // 25 hours late.
            (
                "batch/v1",
                "Job",
                "nightly-29929620",
                &json!({}),
                "Job nightly-29929620",
            ),
            (
                "batch/v1",
                "Job",
                "backup-20261128",
                &json!({}),
                "Job backup-20261128",
            ),
            (
                "batch/v1",
                "Job",
                "backup-99999999999999999999",
                &json!({}),
                "Job backup-99999999999999999999",
            ),
            (
                "batch/v1",
                "Job",
                "migrate-12",
                &json!({}),
                "Job migrate-12",
            ),
            ("v1", "Node", "n1", &json!({}), "none"),
            ("other/v1", "Node", "n1", &json!({}), "Node n1"),
        ] {
            assert_eq!(
                maker(api, kind, name, labels.clone()),
                expected,
                "{kind} {name}"
            );
        }
        assert_eq!(Pod::default().top_owner(), PodOwner::Bare);
    }

    #[test]
    fn null_lists_are_empty() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p", "labels": null,
            "ownerReferences": null}, "spec": {"containers": [{"name": "a", "image": "i"}],
            "initContainers": null}, "status": {"containerStatuses": null}}))
        .expect("a Pod");
        let containers: Vec<_> = pod.containers().map(|c| (c.name, c.image_id)).collect();
        assert_eq!(containers, [("a", "")]);
    }
}
