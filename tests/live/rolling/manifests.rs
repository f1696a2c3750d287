//! What `controller manifests` prints, on a real control plane: it runs where the Pod security
//! standard is `restricted`, and the roles are enough for the controller, and no more.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::workloads::{told, with};
use crate::control_plane::ControlPlane;
use crate::controller_process::ControllerProcess;
use crate::kubeconfigs;
use crate::memcached::Memcached;
use crate::objects::workload;
use crate::process::free_ports;
use crate::shop::Shop;

const CONTROLLER: &str = "imgpolicy-controller";

/// The groups of Flux and Argo CD, which not every cluster has.
const OTHER_GROUPS: [&str; 5] = [
    "helm.toolkit.fluxcd.io",
    "helm.fluxcd.io",
    "flux.weave.works",
    "kustomize.toolkit.fluxcd.io",
    "argoproj.io",
];

/// An installation in a namespace of its own.
struct Installed {
    namespace: String,
    objects: Vec<Value>,
    folder: tempfile::TempDir,
    memcached: Memcached,
    /// Where the metrics are here.
    metrics: String,
}

impl Installed {
    /// Prints the manifests as this shop's administrator, and applies them in a namespace that
    /// takes only restricted Pods.
    async fn apply(shop: &Shop, namespace: &str, flags: &[&str]) -> Self {
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted"});
        let metadata = json!({"name": namespace, "labels": labels});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        shop.plane.apply(&[object]).await;
        let command = ["controller", "manifests", "-n", namespace];
        let printed = shop.run(&[&command, flags].concat());
        assert_eq!(printed.code, 0, "{printed:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("controller.yaml");
        std::fs::write(&file, &printed.stdout).expect("written");
        let file = file.display().to_string();
        let apply = ["apply", "--validate=strict", "-f", &file];
        for flags in [&["--dry-run=server"][..], &[]] {
            let applied = shop.kubectl(&[&apply[..], flags].concat());
            assert_eq!(applied.code, 0, "{applied:?}");
            assert_eq!(applied.stderr, "", "a warning");
        }
        let documents = printed.stdout.split("---\n");
        let [port] = free_ports();
        Self {
            namespace: namespace.to_owned(),
            objects: documents
                .map(|document| serde_saphyr::from_str(document).expect("YAML"))
                .collect(),
            folder,
            memcached: Memcached::start(),
            metrics: format!("127.0.0.1:{port}"),
        }
    }

    fn object(&self, kind: &str, name: &str) -> &Value {
        let mut objects = self.objects.iter();
        objects
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .expect("an object")
    }

    /// The arguments of `controller run`, with what is here instead of in a Pod.
    fn arguments(&self) -> Vec<String> {
        let deployment = self.object("Deployment", CONTROLLER);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let words = container["args"].as_array().expect("arguments").iter();
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        let own = words.strip_prefix(&["controller", "run"]).expect("a run");
        let (cache, key) = ("--cache=memcached://", "--cache-key-file=");
        let metrics = "--metrics-address=";
        let mut arguments = vec!["-n".to_owned(), self.namespace.clone()];
        arguments.extend(own.iter().map(|word| {
            if word.starts_with(cache) {
                format!("{cache}{}", self.memcached.address)
            } else if word.starts_with(key) {
                format!("{key}{}", self.key_file().display())
            } else if word.starts_with(metrics) {
                format!("{metrics}{}", self.metrics)
            } else {
                (*word).to_owned()
            }
        }));
        arguments
    }

    /// The answers to the probes.
    async fn probed(&self) -> Vec<u16> {
        let deployment = self.object("Deployment", CONTROLLER);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("a client");
        let mut answers = Vec::new();
        for probe in ["livenessProbe", "readinessProbe"] {
            let path = container[probe]["httpGet"]["path"].as_str();
            let url = format!("http://{}{}", self.metrics, path.expect("a path"));
            let answer = client.get(url).send().await.expect("an answer");
            answers.push(answer.status().as_u16());
        }
        answers
    }

    /// The key of the cache, in a file.
    fn key_file(&self) -> PathBuf {
        let key = &self.object("Secret", "imgpolicy-cache-key")["data"]["key"];
        let key = STANDARD
            .decode(key.as_str().expect("a key"))
            .expect("base64");
        let file = self.folder.path().join("key");
        std::fs::write(&file, key).expect("written");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&file, mode).expect("permissions");
        file
    }

    /// Starts the controller as the ServiceAccount of the installation.
    fn start(&self, shop: &Shop) -> ControllerProcess {
        let token = shop.kubectl(&["create", "token", CONTROLLER, "-n", &self.namespace]);
        assert_eq!(token.code, 0, "{token:?}");
        let as_account = Shop {
            kubeconfig: kubeconfigs::of_token(shop.plane, token.stdout.trim()),
            image: shop.image.clone(),
            ..*shop
        };
        let arguments = self.arguments();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        ControllerProcess::start(&as_account, &words)
    }

    /// What the controller has asked of the API server.
    fn requests(&self, plane: &ControlPlane) -> Vec<AuditedRequest> {
        let user = format!("system:serviceaccount:{}:{CONTROLLER}", self.namespace);
        let events = plane.audit_events().into_iter();
        events
            .filter(|event| event["user"]["username"] == *user)
            .map(|event| AuditedRequest::of(&event))
            .collect()
    }

    /// Each verb on each resource of Kubernetes that the printed roles allow, or of Flux and Argo CD.
    fn granted(&self, of_others: bool) -> BTreeSet<String> {
        let texts = |value: &Value| -> Vec<String> {
            serde_json::from_value(value.clone()).expect("a list of words")
        };
        let roles = self.objects.iter();
        let roles = roles.filter(|object| {
            ["Role", "ClusterRole"]
                .map(Value::from)
                .contains(&object["kind"])
        });
        let mut granted = BTreeSet::new();
        for rule in roles.flat_map(|role| role["rules"].as_array().expect("rules")) {
            let group = rule["apiGroups"][0].as_str().expect("a group");
            if OTHER_GROUPS.contains(&group) != of_others {
                continue;
            }
            for resource in texts(&rule["resources"]) {
                let verbs = texts(&rule["verbs"]).into_iter();
                granted.extend(verbs.map(|verb| format!("{verb} {resource}.{group}")));
            }
        }
        granted
    }
}

/// A request of the controller, from the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AuditedRequest {
    /// `get deployments.apps`; nothing for what is not a resource.
    right: Option<String>,
    namespace: Option<String>,
    /// The name of the object.
    name: Option<String>,
    uri: String,
    code: u64,
}

impl AuditedRequest {
    fn of(event: &Value) -> Self {
        let text = |at: &str| event.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let right = text("/objectRef/resource").map(|resource| {
            let verb = text("/verb").unwrap_or_default();
            let group = text("/objectRef/apiGroup").unwrap_or_default();
            format!("{verb} {resource}.{group}")
        });
        Self {
            right,
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            uri: text("/requestURI").unwrap_or_default(),
            code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        }
    }
}

/// The distinct rights that requests have needed.
fn used(requests: &[AuditedRequest]) -> BTreeSet<String> {
    let rights = requests.iter().filter_map(|request| request.right.clone());
    // Everybody may ask who they are.
    rights
        .filter(|right| right != "create selfsubjectreviews.authentication.k8s.io")
        .collect()
}

fn refused(requests: &[AuditedRequest]) -> Vec<&AuditedRequest> {
    let requests = requests.iter();
    requests
        .filter(|request| request.code == 401 || request.code == 403)
        .collect()
}

/// The workload with a pull secret, which is for another registry.
fn with_pull_secret(mut workload: Value) -> Value {
    let template = match workload["kind"].as_str() {
        Some("CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    let pod = workload.pointer_mut(template).expect("a template");
    pod["imagePullSecrets"] = json!([{"name": "pull"}]);
    workload
}

#[tokio::test]
async fn printed_roles_are_enough_and_none_of_their_rights_is_idle() {
    let shop = Shop::open_rolling("manifests-shop").await;
    let login = json!({"auths": {"elsewhere.example": {"auth": STANDARD.encode("u:p")}}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": shop.namespace, "name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": login.to_string()}});
    shop.plane.apply(&[secret]).await;
    let names = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"].map(|kind| {
        let name = kind.to_lowercase();
        with_pull_secret(shop.workload(kind, &name))
    });
    shop.deployed(&names).await;
    let flags = ["--namespaces", shop.namespace, "--sync-interval", "1s"];
    let flags = [&flags[..], &["--pull-secrets", "always"]].concat();
    let installed = Installed::apply(&shop, "manifests-installed", &flags).await;

    // The Pods are admitted, and run.
    for name in [CONTROLLER, "imgpolicy-memcached"] {
        let deployment = format!("deployment/{name}");
        let status = ["rollout", "status", &deployment, "--timeout=60s"];
        let run = shop.kubectl(&[&status[..], &["-n", &installed.namespace]].concat());
        assert_eq!(run.code, 0, "{run:?}");
    }

    let mut controller = installed.start(&shop);
    for name in ["deployment", "statefulset", "daemonset"] {
        let line = format!("{name}/{name}: rolled out");
        controller.says(&line).await;
    }
    controller.says("cronjob/cronjob: ").await;
    // The Pods of this one never start, and the update fails.
    let bad = format!("{}:1.0.1", shop.image);
    let bad = told(shop.workload("StatefulSet", "bad"), "cannot-pull", &bad);
    shop.plane.apply(&[with(bad, "replicas", json!(2))]).await;
    controller.says("statefulset/bad: ").await;
    shop.push("1.0.2").await;
    shop.settles("deployment", &["1.0.2"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(installed.probed().await, [200, 200]);
    let (end, _, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");

    let requests = installed.requests(shop.plane);
    assert!(refused(&requests).is_empty(), "{:#?}", refused(&requests));
    for request in requests.iter().filter(|request| request.right.is_some()) {
        let own = [shop.namespace, &installed.namespace];
        let is_own = |name: &String| own.contains(&name.as_str());
        let is_review = request.uri.contains("/selfsubjectreviews");
        let is_in_place = request.namespace.as_ref().is_some_and(is_own);
        assert!(
            is_in_place || is_review,
            "in the whole cluster: {request:?}"
        );
    }
    assert_eq!(used(&requests), installed.granted(false));
    assert!(installed.memcached.stat("curr_items") > 0);
    let events = shop.plane.events(shop.namespace).await;
    let updated = events
        .iter()
        .filter(|event| event["reason"] == "ImageUpdated");
    assert!(updated.count() > 0, "{events:#?}");
}

#[tokio::test]
async fn observer_of_the_whole_cluster_is_never_refused_and_only_reads() {
    let shop = Shop::open_rolling("manifests-observed").await;
    let mut web = shop.workload("Deployment", "web");
    web["metadata"]["labels"] = json!({"manifests": "observed"});
    shop.deployed(&[web]).await;
    let flags = ["-A", "--observe", "--pull-secrets=off"];
    let flags = [&flags[..], &["-l", "manifests=observed"]].concat();
    let installed = Installed::apply(&shop, "manifests-observer", &flags).await;
    let mut controller = installed.start(&shop);
    controller.says("deployment/web app: ").await;
    controller.says("newer-image").await;
    let (end, _, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    assert_eq!(shop.tag("web").await, "1.0.0");

    let requests = installed.requests(shop.plane);
    assert!(refused(&requests).is_empty(), "{:#?}", refused(&requests));
    let used = used(&requests);
    assert!(used.contains("list nodes."), "{used:?}");
    // Up to four namespaces are read one by one.
    let idle: Vec<String> = installed
        .granted(false)
        .difference(&used)
        .cloned()
        .collect();
    assert_eq!(idle, ["list namespaces."]);
    let writing = used.iter().filter(|right| {
        let verb = right.split(' ').next().unwrap_or_default();
        !["get", "list", "watch"].contains(&verb)
    });
    let leases = "leases.coordination.k8s.io";
    let expected = [format!("create {leases}"), format!("update {leases}")];
    assert!(writing.eq(&expected), "{used:?}");
}

#[tokio::test]
async fn rights_about_flux_and_argo_cd_are_used_too() {
    let shop = Shop::open("manifests-owned").await;
    let plane = shop.plane;
    let policies = json!({"fluxcd.io/automated": "true",
        "fluxcd.io/tag.chart-image": "semver:~1.0"});
    let mut objects = Vec::new();
    for (n, (group, version)) in [
        ("helm.toolkit.fluxcd.io", "v2"),
        ("helm.fluxcd.io", "v1"),
        ("flux.weave.works", "v1beta1"),
    ]
    .into_iter()
    .enumerate()
    {
        plane.define(group, version, "HelmRelease").await;
        let image = json!({"repository": shop.image, "tag": "1.0.0"});
        objects.push(
            json!({"apiVersion": format!("{group}/{version}"), "kind": "HelmRelease",
            "metadata": {"namespace": shop.namespace, "name": format!("release-{n}"),
                "labels": {"manifests": "owned"}, "annotations": policies},
            "spec": {"values": {"image": image}}}),
        );
    }
    let flux = "kustomize.toolkit.fluxcd.io";
    plane.define(flux, "v1", "Kustomization").await;
    plane.define("argoproj.io", "v1alpha1", "Application").await;
    // Many Kustomizations of a namespace are listed, and a single one is read.
    let many = (0..16).map(|n| (shop.namespace, format!("many-{n:02}")));
    for (namespace, name) in many.chain([("default", "single".to_owned())]) {
        objects.push(
            json!({"apiVersion": format!("{flux}/v1"), "kind": "Kustomization",
            "metadata": {"namespace": namespace, "name": name}, "spec": {}}),
        );
        // Only what the Kustomization says about images matters, so these are not automated.
        let image = format!("{}:1.0.0", shop.image);
        let mut workload = workload("Deployment", shop.namespace, &name, &image);
        workload["metadata"]["labels"] = json!({"manifests": "owned",
            format!("{flux}/namespace"): namespace, format!("{flux}/name"): name});
        objects.push(workload);
    }
    let mut tracked = shop.workload("Deployment", "tracked");
    tracked["metadata"]["labels"] =
        json!({"manifests": "owned", "app.kubernetes.io/instance": "manifests-app"});
    let listed = json!({"group": "apps", "version": "v1", "kind": "Deployment",
        "namespace": shop.namespace, "name": "tracked"});
    objects.push(
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"namespace": "default", "name": "manifests-app"},
        "spec": {}, "status": {"resources": [listed]}}),
    );
    objects.push(tracked);
    plane.apply(&objects).await;

    let flags = ["-A", "-l", "manifests=owned", "--sync-interval", "1s"];
    let installed = Installed::apply(&shop, "manifests-owner", &flags).await;
    let mut controller = installed.start(&shop);
    for n in 0..3 {
        controller
            .says(&format!("/release-{n}: Helm upgrades"))
            .await;
    }
    controller.says("deployment/tracked app: held back").await;
    let (end, _, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    let requests = installed.requests(plane);
    assert!(refused(&requests).is_empty(), "{:#?}", refused(&requests));
    let used = used(&requests);
    let idle: Vec<String> = installed.granted(true).difference(&used).cloned().collect();
    assert_eq!(idle, [""; 0]);
}
