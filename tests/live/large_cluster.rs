//! A cluster with many workloads, and a registry with the repositories of their images.

use serde_json::{Value, json};

use crate::content::{Content, Image, Index};
use crate::control_plane::ControlPlane;
use crate::objects::workload;
use crate::test_registry::TestRegistry;

/// The number of workloads, unless `IMGPOLICY_E2E_WORKLOADS` sets it.
const FEW: usize = 40;
/// The number of workloads per namespace, and per repository (with one extra repository).
const A_NAMESPACE: usize = 100;
const A_REPOSITORY: usize = 10;

/// The number of tags in a repository with a policy by version, and by time.
const VERSIONS: usize = 100;
const TIMES: usize = 20;
/// One in this many repositories has a policy by time.
const BY_TIME: usize = 10;

const KINDS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"];

pub(crate) struct LargeCluster {
    /// The prefix of its namespaces, and the value of the label `large` of its workloads.
    pub(crate) name: &'static str,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) registry: TestRegistry,
    pub(crate) workloads: usize,
    pub(crate) repositories: usize,
    /// Whether nothing else runs in the cluster, as in a measurement.
    pub(crate) is_alone: bool,
}

impl LargeCluster {
    /// Creates everything. Each workload has two automated containers, and every second one is
    /// outdated. `padding`: how many bytes each object has in addition.
    pub(crate) async fn open(
        plane: &'static ControlPlane,
        name: &'static str,
        padding: usize,
    ) -> Self {
        let workloads = std::env::var("IMGPOLICY_E2E_WORKLOADS").ok();
        let is_alone = workloads.is_some();
        let workloads = workloads.map_or(FEW, |text| text.parse().expect("a number"));
        let repositories = workloads / A_REPOSITORY + 1;
        let registry = TestRegistry::start();
        for number in 0..repositories {
            fill(&registry, number);
        }
        for number in 0..workloads.div_ceil(A_NAMESPACE) {
            plane.namespace(&namespace(name, number)).await;
        }
        let cluster = Self {
            name,
            plane,
            registry,
            workloads,
            repositories,
            is_alone,
        };
        let padding = "x".repeat(padding);
        let objects: Vec<Value> = (0..workloads)
            .map(|number| cluster.workload(number, &padding))
            .collect();
        plane.apply(&objects).await;
        cluster
    }

    /// The flags that select its workloads where others share the cluster.
    pub(crate) fn selection(&self) -> Vec<String> {
        let selector = || vec!["-l".to_owned(), format!("large={}", self.name)];
        if self.is_alone {
            Vec::new()
        } else {
            selector()
        }
    }

    /// The namespace and the name of one of its Deployments.
    pub(crate) fn deployment(&self, number: usize) -> (String, String) {
        let number = number % self.workloads.div_ceil(KINDS.len()) * KINDS.len();
        (
            namespace(self.name, number / A_NAMESPACE),
            workload_name(number),
        )
    }

    /// A workload with two automated containers and a realistic size.
    fn workload(&self, number: usize, padding: &str) -> Value {
        let kind = KINDS[number % KINDS.len()];
        let namespace = namespace(self.name, number / A_NAMESPACE);
        let used = [2 * number, 2 * number + 1].map(|number| number % self.repositories);
        let image = |repository: usize| {
            let newest = tags(repository) - 1;
            let tag = if number.is_multiple_of(2) { newest } else { 0 };
            self.registry
                .image(&format!("{}:1.0.{tag}", self::repository(repository)))
        };
        let env: Vec<Value> = (0..2)
            .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "x".repeat(40)}))
            .collect();
        let container = |name: &str, repository: usize| {
            json!({"name": name, "image": image(repository), "env": env,
            "ports": [{"containerPort": 8080, "name": "http"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}})
        };
        let mut object = workload(kind, &namespace, &workload_name(number), "");
        object["metadata"]["labels"] = json!({"large": self.name, "team": namespace});
        object["metadata"]["annotations"] = json!({"fluxcd.io/automated": "true",
            "fluxcd.io/tag.app": policy(used[0]), "fluxcd.io/tag.proxy": policy(used[1]),
            "example.com/padding": padding});
        let template = match kind {
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            _ => "/spec/template/spec",
        };
        let spec = object.pointer_mut(template).expect("a template");
        spec["initContainers"] = json!([]);
        spec["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
        spec["containers"] = json!([container("app", used[0]), container("proxy", used[1])]);
        object
    }
}

fn namespace(cluster: &str, number: usize) -> String {
    format!("{cluster}-{number:02}")
}

fn workload_name(number: usize) -> String {
    format!("web-{number:04}")
}

fn repository(number: usize) -> String {
    format!("team-{}/app-{number}", number % 7)
}

fn tags(repository: usize) -> usize {
    match repository % BY_TIME {
        0 => TIMES,
        _ => VERSIONS,
    }
}

fn policy(repository: usize) -> &'static str {
    match repository % BY_TIME {
        0 => "glob:1.*",
        _ => "semver:^1.0",
    }
}

/// Full images where a decision reads them, and only tag names elsewhere.
fn fill(registry: &TestRegistry, number: usize) {
    let (name, tags) = (repository(number), tags(number));
    for tag in 0..tags {
        let looked_at = tag == 0 || tag == tags - 1 || number.is_multiple_of(BY_TIME);
        let text = format!("1.0.{tag}");
        match looked_at {
            true => drop(registry.push(&name, &text, content(&name, tag))),
            false => registry.list(&name, [text]),
        }
    }
}

fn content(name: &str, tag: usize) -> Content {
    let built = format!("2026-01-{:02}T{:02}:00:00Z", 1 + tag / 24, tag % 24);
    let image = |platform: &str| {
        let label = format!("{name} {tag} {platform}");
        Image::built(&built).label(&label).platform(platform)
    };
    Index::of([image("linux/amd64"), image("linux/arm64")]).into()
}
