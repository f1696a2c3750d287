//! Manifests, and applying them to the cluster.

use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;

/// The number of concurrent writes.
const AT_ONCE: usize = 16;

/// A workload of one of the four kinds with a container and an init container.
pub(crate) fn workload(kind: &str, namespace: &str, name: &str, image: &str) -> Value {
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": {
        "restartPolicy": if kind == "CronJob" { "OnFailure" } else { "Always" },
        "initContainers": [{"name": "setup", "image": "busybox:1.36"}],
        "containers": [{"name": "app", "image": image}]}});
    let (api_version, spec) = match kind {
        "CronJob" => (
            "batch/v1",
            json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template}}}),
        ),
        _ => (
            "apps/v1",
            json!({"selector": {"matchLabels": labels}, "template": template}),
        ),
    };
    json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

/// The same workload, automated with a policy for its container. The init container
/// is removed: it would also be automated, and its registry does not exist.
pub(crate) fn automated(mut workload: Value, policy: &str) -> Value {
    for template in [
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ] {
        if let Some(spec) = workload.pointer_mut(template) {
            spec["initContainers"] = json!([]);
        }
    }
    workload["metadata"]["annotations"] =
        json!({"fluxcd.io/automated": "true", "fluxcd.io/tag.app": policy});
    workload
}

/// A Pod of a Deployment from `workload`, whose container reports this id.
pub(crate) fn pod_of(deployment: &Value, n: usize, image_id: &str) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&deployment["metadata"]["name"]);
    let mut pod = pod(
        &text(&deployment["metadata"]["namespace"]),
        &format!("{name}-5d9c-{n}"),
        json!({"app": name, "pod-template-hash": "5d9c"}),
        controller("apps/v1", "ReplicaSet", &format!("{name}-5d9c")),
        image_id,
    );
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    pod["spec"]["containers"][0]["image"] = containers[0]["image"].clone();
    pod
}

/// A Pod with one container, owned by a controller; its status reports `image_id`.
pub(crate) fn pod(
    namespace: &str,
    name: &str,
    labels: Value,
    owner: Value,
    image_id: &str,
) -> Value {
    let mut metadata = json!({"namespace": namespace, "name": name, "labels": labels});
    if !owner.is_null() {
        metadata["ownerReferences"] = json!([owner]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"containers": [{"name": "app", "image": "org/app:1"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app",
            "image": "org/app:1", "imageID": image_id, "ready": true, "restartCount": 0,
            "started": true, "state": {"running": {}}}]}})
}

/// An owner reference to a controller. The uid is arbitrary because no garbage
/// collector runs.
pub(crate) fn controller(api_version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": name, "controller": true,
        "uid": "00000000-0000-0000-0000-000000000001"})
}

impl ControlPlane {
    /// Creates a namespace and returns its name.
    pub(crate) async fn namespace<'a>(&self, name: &'a str) -> &'a str {
        self.apply(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})])
            .await;
        name
    }

    /// Writes objects, several at once, and then the status of those that have one.
    pub(crate) async fn apply(&self, objects: &[Value]) {
        let client = self.kube_client();
        stream::iter(objects)
            .map(|object| apply_one(client.clone(), object))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .expect("the API server takes the objects");
    }

    /// Defines the kind HelmRelease and waits until it is served.
    pub(crate) async fn define_helm_releases(&self) {
        self.define("helm.toolkit.fluxcd.io", "v2", "HelmRelease")
            .await;
    }

    /// Defines a namespaced kind without a schema and waits until it is served.
    pub(crate) async fn define(&self, group: &str, version: &str, kind: &str) {
        let singular = kind.to_lowercase();
        let plural = match singular.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{singular}s"),
        };
        self.apply(&[json!({"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")},
            "spec": {"group": group, "scope": "Namespaced",
                "names": {"plural": plural, "singular": singular, "kind": kind},
                "versions": [{"name": version, "served": true, "storage": true,
                    "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {"type": "object",
                        "x-kubernetes-preserve-unknown-fields": true}}}]}})])
            .await;
        let path = format!("/apis/{group}/{version}/{plural}");
        for _ in 0..100 {
            if self.get(&path).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{kind}s are not served");
    }

    pub(crate) async fn get(&self, path: &str) -> kube::Result<Value> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.expect("a request");
        self.kube_client().request(request).await
    }

    /// The Events of a namespace.
    pub(crate) async fn events(&self, namespace: &str) -> Vec<Value> {
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let mut list = self.get(&path).await.expect("Events");
        let items = list["items"].as_array_mut();
        items.map(std::mem::take).unwrap_or_default()
    }

    pub(crate) async fn delete_deployment(&self, namespace: &str, name: &str) {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
        let request = http::Request::delete(path).body(Vec::new());
        let client = self.kube_client();
        let answer = client.request_text(request.expect("a request")).await;
        answer.expect("deleted");
    }

    /// Installs an admission policy that refuses (`Deny`) or warns about (`Warn`) changes
    /// of one Deployment, and waits until it is in force.
    pub(crate) async fn admit_unless_named(&self, namespace: &str, name: &str, action: &str) {
        let policy = format!("{namespace}-{name}");
        let message = format!("{namespace} has no place for it ({action})");
        let metadata = json!({"name": policy});
        let here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
        self.apply(&[
            json!({"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy",
                "metadata": metadata, "spec": {"failurePolicy": "Fail",
                    "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"],
                        "apiVersions": ["v1"], "operations": ["UPDATE"],
                        "resources": ["deployments"]}]},
                    "validations": [{"expression": format!("object.metadata.name != '{name}'"),
                        "message": message}]}}),
            json!({"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": metadata, "spec": {"policyName": policy,
                    "validationActions": [action],
                    "matchResources": {"namespaceSelector": here}}}),
        ])
        .await;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}?dryRun=All");
        for _ in 0..300 {
            let request = http::Request::patch(&path)
                .header("Content-Type", "application/merge-patch+json")
                .body(br#"{"metadata":{"annotations":{"try":"it"}}}"#.to_vec())
                .expect("a request");
            let answer = self.kube_client().send(request.map(Into::into)).await;
            let answer = answer.expect("an answer");
            if answer.status().is_client_error() || answer.headers().contains_key("warning") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the policy on {name} never came into force");
    }

    /// Installs an admission policy that applies a JSON patch (in CEL) to the Deployments of a
    /// namespace for which a condition holds, and waits until it changes a dry run that sets
    /// `fluxcd.io/locked` on one of them.
    pub(crate) async fn mutate(
        &self,
        namespace: &str,
        name: &str,
        [condition, patch]: [&str; 2],
        is_in_force: fn(&Value) -> bool,
    ) {
        let metadata = json!({"name": namespace});
        let here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
        self.apply(&[
            json!({"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicy",
                "metadata": metadata, "spec": {"failurePolicy": "Fail",
                    "reinvocationPolicy": "Never",
                    "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"],
                        "apiVersions": ["v1"], "operations": ["UPDATE"],
                        "resources": ["deployments"]}]},
                    "matchConditions": [{"name": "needed", "expression": condition}],
                    "mutations": [{"patchType": "JSONPatch",
                        "jsonPatch": {"expression": patch}}]}}),
            json!({"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicyBinding",
                "metadata": metadata, "spec": {"policyName": namespace,
                    "matchResources": {"namespaceSelector": here}}}),
        ])
        .await;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}?dryRun=All");
        for _ in 0..300 {
            let request = http::Request::patch(&path)
                .header("Content-Type", "application/merge-patch+json")
                .body(br#"{"metadata":{"annotations":{"fluxcd.io/locked":"true"}}}"#.to_vec())
                .expect("a request");
            let answer = self.kube_client().request_text(request).await;
            let answer = answer.expect("an answer");
            if is_in_force(&serde_json::from_str(&answer).expect("JSON")) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the policy in {namespace} never came into force");
    }

    /// Lets `User::Reader` read the workloads and Pods of a namespace.
    pub(crate) async fn allow_reader(&self, namespace: &str) {
        let rules = json!([
            {"apiGroups": ["apps", "batch", ""], "resources": ["*"], "verbs": ["get", "list"]}]);
        self.allow_in(namespace, User::PullIdentity, rules).await;
    }

    /// Lets a user do something in a namespace.
    pub(crate) async fn allow_in(&self, namespace: &str, user: User, rules: Value) {
        let metadata = json!({"name": user.name(), "namespace": namespace});
        self.apply(&[
            json!({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules}),
            json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": user.name()},
                "subjects": [subject(user)]}),
        ])
        .await;
    }

    /// Lets `User::WorkloadsReader` list the four kinds everywhere.
    pub(crate) async fn allow_workloads_reader(&self) {
        let rules = json!([
            {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"],
                "verbs": ["get", "list"]},
            {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["get", "list"]}]);
        self.allow_everywhere(User::WorkloadsReader, rules).await;
    }

    /// Lets a user do something in all namespaces.
    pub(crate) async fn allow_everywhere(&self, user: User, rules: Value) {
        let metadata = json!({"name": user.name()});
        self.apply(&[
            json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": metadata,
                "rules": rules}),
            json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": user.name()},
                "subjects": [subject(user)]}),
        ])
        .await;
    }
}

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

fn subject(user: User) -> Value {
    json!({"apiGroup": RBAC_GROUP, "kind": "User", "name": user.name()})
}

async fn apply_one(client: Client, object: &Value) -> kube::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let api_version = text(&object["apiVersion"]);
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let kind = GroupVersionKind::gvk(group, version, &text(&object["kind"]));
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let name = text(&object["metadata"]["name"]);
    let params = PatchParams::apply("live-tests").force();
    api.patch(&name, &params, &Patch::Apply(object)).await?;
    if !object["status"].is_null() {
        let status = json!({"status": object["status"]});
        let params = PatchParams::default();
        api.patch_status(&name, &params, &Patch::Merge(&status))
            .await?;
    }
    Ok(())
}
