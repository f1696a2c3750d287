//! A fake API server for tests. It stores Deployments, checks resource versions and applies
//! patches.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::fake::{Asked, Sent, answering, status};
use crate::plan::{Authorship, Change, ImageChange, Plan};
use crate::workload::{ContainerType, Observed, WorkloadId, WorkloadKind};
use crate::write::{DryRun, LiveWriter};

fn id(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        kind: WorkloadKind::Deployment,
        api_version: "apps/v1".to_owned(),
    }
}

/// A change of the container `app` from `org/app:1` to `org/app:2`.
pub(crate) fn change(name: &str) -> Change {
    Change::of_images(
        id(name),
        vec![ImageChange {
            message: "newer".to_owned(),
            ..ImageChange::new(
                "app",
                ContainerType::Container,
                "org/app:1",
                "org/app:2".parse().expect("an image"),
            )
        }],
    )
}

/// The author of the tests' writes, who records them.
pub(crate) fn authorship() -> Authorship {
    Authorship {
        by: "ann".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        overrides: Vec::new(),
        is_recorded: true,
    }
}

/// Writes without a fence.
pub(crate) fn writer<'a>(cluster: &'a Cluster, authorship: &'a Authorship) -> LiveWriter<'a> {
    LiveWriter {
        cluster,
        dry_run: DryRun::None,
        field_manager: "imgpolicy",
        authorship,
        clock: || Timestamp::UNIX_EPOCH,
        fence: None,
    }
}

pub(crate) fn plan(names: &[&str]) -> Plan {
    Plan {
        changes: names.iter().map(|name| change(name)).collect(),
        ..Plan::default()
    }
}

pub(crate) fn object(name: &str, version: u64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "uid": "u",
            "resourceVersion": version.to_string()},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
}

pub(crate) fn observed(name: &str, version: u64) -> Observed {
    let object = object(name, version, "org/app:1");
    let observed = Observed::read(&object, "shop").expect("decodes");
    observed.expect("a workload")
}

/// What happens at the nth patch (from 1) that is not a dry run.
pub(crate) type OnPatch =
    Box<dyn Fn(&mut Stored, usize, &Sent) -> Option<(u16, String)> + Send + Sync>;

/// An object that the server stores.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) version: u64,
    pub(crate) image: String,
    pub(crate) annotations: Value,
    pub(crate) labels: Value,
    pub(crate) owner_references: Value,
}

impl Stored {
    /// Applies a patch, whatever its version.
    pub(crate) fn take(&mut self, patch: &Value) {
        self.version += 1;
        for step in patch.as_array().into_iter().flatten() {
            let path = step["path"].as_str().unwrap_or_default();
            if step["op"] == "replace" {
                self.image = step["value"].as_str().expect("an image").to_owned();
            }
            if let (Some(key), "add") = (
                path.strip_prefix("/metadata/annotations/"),
                step["op"].as_str().unwrap_or_default(),
            ) {
                self.annotations[key.replace("~1", "/")] = step["value"].clone();
            }
        }
        if let Some(image) = patch.pointer("/spec/template/spec/containers/0/image") {
            self.image = image.as_str().expect("an image").to_owned();
        }
        let annotations = patch["metadata"].get("annotations");
        for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
            self.annotations[key] = value.clone();
        }
        // A real server removes keys whose value is null.
        if let Some(annotations) = self.annotations.as_object_mut() {
            annotations.retain(|_, value| !value.is_null());
        }
    }

    fn object(&self, name: &str) -> Value {
        let mut object = object(name, self.version, &self.image);
        object["metadata"]["annotations"] = self.annotations.clone();
        object["metadata"]["labels"] = self.labels.clone();
        object["metadata"]["ownerReferences"] = self.owner_references.clone();
        object
    }

    pub(crate) fn shown(&self, name: &str) -> String {
        self.object(name).to_string()
    }

    /// Whether the object passes the tests of a JSON patch. As on a real server, a missing
    /// key passes a test for null, if the mapping exists.
    fn passes(&self, steps: &Value, name: &str) -> bool {
        let object = self.object(name);
        let mut steps = steps.as_array().into_iter().flatten();
        steps.all(|step| {
            let path = step["path"].as_str().unwrap_or_default();
            let (parent, _) = path.rsplit_once('/').unwrap_or_default();
            let now = object.pointer(path).unwrap_or(&Value::Null);
            let has_parent = object
                .pointer(parent)
                .is_some_and(|parent| !parent.is_null());
            step["op"] != "test" || has_parent && *now == step["value"]
        })
    }
}

/// An admission policy that changes what the nth patch (0: a dry run) makes of the object.
/// `answer`: the answer to the nth patch, if it is not the object.
pub(crate) fn admitting(
    policy: impl Fn(&mut Stored, usize) + Send + Sync + 'static,
    answer: impl Fn(usize) -> Option<(u16, String)> + Send + Sync + 'static,
) -> OnPatch {
    Box::new(move |stored, n, sent| {
        let mut made = stored.clone();
        made.take(&sent.body);
        policy(&mut made, n);
        let path = sent.uri.split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let shown = made.shown(name);
        if n > 0 {
            *stored = made;
        }
        Some(answer(n).unwrap_or((200, shown)))
    })
}

/// A server that stores objects, checks versions and applies patches.
pub(crate) fn server(on_patch: OnPatch) -> (Cluster, Asked) {
    let objects: Mutex<BTreeMap<String, Stored>> = Mutex::default();
    let patches = AtomicUsize::new(0);
    answering(move |sent| {
        if sent.uri.contains("/events") {
            return (201, "{}".to_owned());
        }
        let path = sent.uri.split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut objects = objects.lock().expect("no panic before");
        let stored = objects.entry(name.to_owned()).or_insert_with(|| Stored {
            version: 7,
            image: "org/app:1".to_owned(),
            annotations: json!({}),
            labels: Value::Null,
            owner_references: Value::Null,
        });
        let is_dry_run = sent.uri.contains("dryRun=All");
        if sent.method == "PATCH" {
            let n = if is_dry_run {
                0
            } else {
                patches.fetch_add(1, Ordering::Relaxed) + 1
            };
            if let Some(answer) = on_patch(stored, n, sent) {
                return answer;
            }
            let version = sent.body.pointer("/metadata/resourceVersion");
            if version.is_some_and(|version| *version != json!(stored.version.to_string())) {
                return conflict();
            }
            if sent.body.is_array() && !stored.passes(&sent.body, name) {
                return status(422, "Invalid", "the server rejected our request");
            }
            if is_dry_run {
                let mut tried = stored.clone();
                tried.take(&sent.body);
                return (200, tried.shown(name));
            }
            stored.take(&sent.body);
        }
        (200, stored.shown(name))
    })
}
fn conflict() -> (u16, String) {
    status(409, "Conflict", "the object has been modified")
}
