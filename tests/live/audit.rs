//! What the API server's audit log says about changes of workloads. It is the judge of tests
//! with several writers: it knows who has sent what, and in which order it was accepted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;

/// A patch of a workload, with the API server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditedPatch {
    /// Who has sent it.
    pub(crate) user: String,
    /// `RESOURCE/NAME`, as in `deployments/web`.
    pub(crate) workload: String,
    /// The HTTP status of the answer.
    pub(crate) code: u64,
    /// When it was received, as text that sorts by time.
    pub(crate) received: String,
    /// The state that it has made.
    pub(crate) result: Option<PatchedState>,
}

/// What an accepted patch has made of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatchedState {
    /// The `resourceVersion`. It grows with each write, so it tells the order of patches.
    pub(crate) version: u64,
    /// The image of the first container.
    pub(crate) image: String,
    pub(crate) is_locked: bool,
    pub(crate) build_number: Option<String>,
}

/// A patch that has changed the image of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageChanged {
    pub(crate) user: String,
    pub(crate) received: String,
    pub(crate) image: String,
    pub(crate) was_locked: bool,
    pub(crate) build_number: Option<String>,
}

impl ControlPlane {
    /// The patches of workloads in a namespace, without dry runs, in the order of the log.
    pub(crate) fn audited_patches(&self, namespace: &str) -> Vec<AuditedPatch> {
        let events = self.audit_events().into_iter();
        events
            .filter(|event| is_patch_of_workload(event, namespace))
            .map(|event| AuditedPatch::of(&event))
            .collect()
    }

    /// The patches of workloads by replicas before which the replica has not read the Lease in
    /// the same namespace, each reading counting for one patch.
    pub(crate) fn unchecked_patches(&self, namespace: &str) -> Vec<AuditedPatch> {
        let mut patches = self.audited_patches(namespace);
        patches.retain(|patch| patch.user.starts_with("replica-"));
        patches.sort_by(|a, b| a.received.cmp(&b.received));
        let readings: Vec<(String, String)> = self
            .audit_events()
            .iter()
            .filter(|event| is_reading_of_lease(event, namespace))
            .map(|event| {
                (
                    text(event, "/user/username"),
                    text(event, "/stageTimestamp"),
                )
            })
            .collect();
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        patches.retain(|patch| {
            let earlier = readings
                .iter()
                .filter(|(user, answered)| *user == patch.user && *answered < patch.received);
            let used = used.entry(patch.user.clone()).or_default();
            *used += 1;
            earlier.count() < *used
        });
        patches
    }

    /// The changes of images in a namespace, by workload, in the order in which the API server
    /// has accepted them. `first`: the image with which each workload was created.
    pub(crate) fn image_changes(
        &self,
        namespace: &str,
        first: &str,
    ) -> BTreeMap<String, Vec<ImageChanged>> {
        let mut states: BTreeMap<String, Vec<(AuditedPatch, PatchedState)>> = BTreeMap::new();
        for patch in self.audited_patches(namespace) {
            if let Some(state) = patch.result.clone() {
                let of_workload = states.entry(patch.workload.clone()).or_default();
                of_workload.push((patch, state));
            }
        }
        states
            .into_iter()
            .map(|(workload, mut patches)| {
                patches.sort_by_key(|(_, state)| state.version);
                (workload, image_changes(&patches, first))
            })
            .collect()
    }
}

/// Whether an event is a patch of a workload in a namespace, and not a dry run.
fn is_patch_of_workload(event: &Value, namespace: &str) -> bool {
    let object = &event["objectRef"];
    let group = object["apiGroup"].as_str().unwrap_or_default();
    event["verb"] == "patch"
        && object["namespace"] == namespace
        && ["apps", "batch"].contains(&group)
        && object["subresource"].is_null()
        && !text(event, "/requestURI").contains("dryRun=All")
}

fn is_reading_of_lease(event: &Value, namespace: &str) -> bool {
    let object = &event["objectRef"];
    event["verb"] == "get"
        && event["responseStatus"]["code"] == 200
        && object["resource"] == "leases"
        && object["namespace"] == namespace
}

fn text(event: &Value, at: &str) -> String {
    let value = event.pointer(at).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn image_changes(patches: &[(AuditedPatch, PatchedState)], first: &str) -> Vec<ImageChanged> {
    let (mut image, mut was_locked) = (first, false);
    let mut changes = Vec::new();
    for (patch, state) in patches {
        if state.image != image {
            changes.push(ImageChanged {
                user: patch.user.clone(),
                received: patch.received.clone(),
                image: state.image.clone(),
                was_locked,
                build_number: state.build_number.clone(),
            });
        }
        (image, was_locked) = (&state.image, state.is_locked);
    }
    changes
}

impl AuditedPatch {
    fn of(event: &Value) -> Self {
        let code = event["responseStatus"]["code"].as_u64().unwrap_or_default();
        Self {
            user: text(event, "/user/username"),
            workload: format!(
                "{}/{}",
                text(event, "/objectRef/resource"),
                text(event, "/objectRef/name")
            ),
            code,
            received: text(event, "/requestReceivedTimestamp"),
            result: (code == 200).then(|| PatchedState::of(&event["responseObject"])),
        }
    }

    pub(crate) fn is_of(&self, user: User) -> bool {
        self.user == user.name()
    }
}

impl PatchedState {
    fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let version = metadata["resourceVersion"].as_str();
        let spec = match object["kind"].as_str() {
            Some("CronJob") => &object["spec"]["jobTemplate"]["spec"],
            _ => &object["spec"],
        };
        let container = &spec["template"]["spec"]["containers"][0];
        let annotations = &metadata["annotations"];
        Self {
            version: version
                .and_then(|text| text.parse().ok())
                .expect("a version"),
            image: container["image"].as_str().expect("an image").to_owned(),
            is_locked: annotations["fluxcd.io/locked"] == "true",
            build_number: annotations["fluxcd.io/build.number"]
                .as_str()
                .map(str::to_owned),
        }
    }
}
