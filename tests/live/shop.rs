//! A namespace whose workloads follow a policy, with images in the registry.

use std::path::{Path, PathBuf};

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::binary::{Run, command, imgpolicy};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, workload};
use crate::process::tool;
use crate::registry::Registry;

/// The policy of every workload.
pub(crate) const POLICY: &str = "semver:~1.0";

pub(crate) struct Shop {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: &'static str,
    pub(crate) kubeconfig: PathBuf,
    /// The repository, with versions 1.0.0, 1.0.1 and 2.0.0.
    pub(crate) image: String,
}

impl Shop {
    /// Creates the namespace and the images.
    pub(crate) async fn open(namespace: &'static str) -> Self {
        Self::open_on(ControlPlane::shared(), namespace).await
    }

    /// The same on the control plane whose workloads roll out by themselves.
    pub(crate) async fn open_rolling(namespace: &'static str) -> Self {
        Self::open_on(ControlPlane::rolling().await, namespace).await
    }

    pub(crate) async fn open_on(plane: &'static ControlPlane, namespace: &'static str) -> Self {
        let registry = Registry::shared().await;
        plane.namespace(namespace).await;
        let repository = format!("{namespace}/app");
        for (tag, created) in [
            ("1.0.0", "2026-01-01T00:00:00Z"),
            ("1.0.1", "2026-02-01T00:00:00Z"),
            ("2.0.0", "2026-03-01T00:00:00Z"),
        ] {
            registry
                .push(&repository, tag, created, &["linux/amd64"])
                .await;
        }
        Self {
            plane,
            namespace,
            kubeconfig: kubeconfigs::of_user(plane, User::Admin, namespace),
            image: format!("{}/{repository}", registry.host),
        }
    }

    /// Pushes another version of the image.
    pub(crate) async fn push(&self, tag: &str) {
        let repository = format!("{}/app", self.namespace);
        let created = "2026-04-01T00:00:00Z";
        let registry = Registry::shared().await;
        registry
            .push(&repository, tag, created, &["linux/amd64"])
            .await;
    }

    /// An automated workload that runs 1.0.0.
    pub(crate) fn workload(&self, kind: &str, name: &str) -> Value {
        let image = format!("{}:1.0.0", self.image);
        automated(workload(kind, self.namespace, name, &image), POLICY)
    }

    /// Creates it as a Deployment in the cluster.
    pub(crate) async fn deploy(&self, names: &[&str]) {
        let workloads: Vec<Value> = names
            .iter()
            .map(|name| self.workload("Deployment", name))
            .collect();
        self.plane.apply(&workloads).await;
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        imgpolicy(&self.kubeconfig, arguments)
    }

    /// Runs kubectl as the same user.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Run {
        let home = tempfile::tempdir().expect("a folder");
        let output = command(Path::new(tool("KUBECTL")), home.path(), &self.kubeconfig)
            .args(arguments)
            .output();
        output.expect("kubectl runs").into()
    }

    /// The same, running in the background.
    pub(crate) fn start(&self, arguments: &[&str]) -> tokio::task::JoinHandle<Run> {
        let kubeconfig = self.kubeconfig.clone();
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            imgpolicy(&kubeconfig, &words)
        })
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let group = if kind == "CronJob" { "batch" } else { "apps" };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::namespaced_with(self.plane.kube_client(), self.namespace, &resource)
    }

    /// An object from the API.
    pub(crate) async fn get(&self, kind: &str, name: &str) -> Value {
        let object = self.api(kind).get(name).await.expect("the object exists");
        serde_json::to_value(object).expect("JSON")
    }

    /// An object of a custom kind.
    pub(crate) async fn custom(&self, api_version: &str, plural: &str, name: &str) -> Value {
        let namespace = self.namespace;
        let path = format!("/apis/{api_version}/namespaces/{namespace}/{plural}/{name}");
        self.plane.get(&path).await.expect("the object exists")
    }

    /// The tag of the container `app` in a Deployment's template.
    pub(crate) async fn tag(&self, name: &str) -> String {
        let object = self.get("Deployment", name).await;
        let containers = object["spec"]["template"]["spec"]["containers"].clone();
        let image = containers[0]["image"].as_str().expect("an image");
        image.rsplit(':').next().unwrap_or_default().to_owned()
    }

    pub(crate) async fn annotation(&self, name: &str, key: &str) -> Value {
        let object = self.get("Deployment", name).await;
        object["metadata"]["annotations"][key].clone()
    }

    /// Patches an object as another client.
    pub(crate) async fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let params = PatchParams::default();
        self.api(kind)
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .expect("patched");
    }

    /// Writes the status of an object, as its controller does.
    pub(crate) async fn patch_status(&self, kind: &str, name: &str, patch: &Value) {
        let params = PatchParams::default();
        self.api(kind)
            .patch_status(name, &params, &Patch::Merge(patch))
            .await
            .expect("written");
    }

    /// Plays the controller of a Deployment: this many of its Pods run the new image and
    /// are available.
    pub(crate) async fn roll(&self, name: &str, updated: u32, condition: Option<&str>) {
        let object = self.get("Deployment", name).await;
        let mut status = json!({
            "observedGeneration": object["metadata"]["generation"],
            "replicas": 1, "updatedReplicas": updated, "availableReplicas": updated,
            "readyReplicas": updated});
        if let Some(reason) = condition {
            status["conditions"] = json!([{"type": "Progressing", "status": "False",
                "reason": reason, "message": "the new Pod does not start"}]);
        }
        let patch = json!({"status": status});
        self.patch_status("Deployment", name, &patch).await;
    }
}

/// The lines of standard error that contain a text.
pub(crate) fn said<'r>(run: &'r Run, what: &str) -> Vec<&'r str> {
    run.stderr
        .lines()
        .filter(|line| line.contains(what))
        .collect()
}
