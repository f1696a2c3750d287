//! Workloads whose Pod templates tell the kubelets what to do, and what becomes of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shop::Shop;

const ROLLED_OUT_WITHIN: &str = "--timeout=60s";
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// The workload with an annotation of its Pod template.
pub(super) fn told(mut workload: Value, key: &str, value: &str) -> Value {
    let template = match workload["kind"].as_str() {
        Some("CronJob") => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    };
    let template = workload.pointer_mut(template).expect("a template");
    template["metadata"]["annotations"][format!("kubelet.test/{key}")] = json!(value);
    workload
}

/// The workload with this field of its spec.
pub(super) fn with(mut workload: Value, field: &str, value: Value) -> Value {
    workload["spec"][field] = value;
    workload
}

impl Shop {
    /// Creates workloads and waits until kubectl sees that they are rolled out.
    pub(super) async fn deployed(&self, workloads: &[Value]) {
        self.plane.apply(workloads).await;
        for workload in workloads {
            let [kind, name] = ["/kind", "/metadata/name"]
                .map(|at| workload.pointer(at).and_then(Value::as_str))
                .map(Option::unwrap_or_default);
            if kind != "CronJob" {
                self.rolls_out(&format!("{kind}/{name}"));
            }
        }
    }

    /// Waits until kubectl sees that a workload is rolled out.
    #[track_caller]
    pub(super) fn rolls_out(&self, workload: &str) {
        let run = self.kubectl(&["rollout", "status", workload, ROLLED_OUT_WITHIN]);
        assert_eq!(run.code, 0, "{run:?}\n{}", self.state_of_pods());
    }

    /// What the scheduler and the kubelets have done, for the message of a test that fails.
    fn state_of_pods(&self) -> String {
        let events = "LAST:.lastTimestamp,OBJECT:.involvedObject.name,WHY:.reason,NOTE:.message";
        let events = format!("custom-columns={events}");
        let taints = "custom-columns=NODE:.metadata.name,TAINTS:.spec.taints";
        let pods = self.kubectl(&["get", "pods", "-o", "wide"]);
        let nodes = self.kubectl(&["get", "nodes", "-o", taints]);
        let events = self.kubectl(&["get", "events", "-o", &events]);
        [pods, nodes, events].map(|run| run.stdout).join("\n")
    }

    /// The Pods whose label `app` has this value, without those that are being deleted.
    pub(super) async fn pods_of(&self, app: &str) -> Vec<Value> {
        let namespace = self.namespace;
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
        let list = self.plane.get(&path).await.expect("Pods");
        let items = list["items"].as_array().expect("a list").iter();
        items
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .cloned()
            .collect()
    }

    /// The distinct tags that these Pods run, sorted.
    pub(super) async fn running_tags(&self, app: &str) -> Vec<String> {
        let pods = self.pods_of(app).await;
        let mut tags: Vec<String> = pods.iter().map(tag_of).collect();
        tags.sort();
        tags.dedup();
        tags
    }

    /// Waits until these Pods run exactly these tags.
    pub(super) async fn settles(&self, app: &str, tags: &[&str]) {
        let started = Instant::now();
        loop {
            let running = self.running_tags(app).await;
            if running == tags {
                return;
            }
            assert!(started.elapsed() < SETTLED_WITHIN, "{app} runs {running:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn tag_of(pod: &Value) -> String {
    let image = pod["spec"]["containers"][0]["image"].as_str();
    let tag = image.and_then(|image| image.rsplit(':').next());
    tag.unwrap_or_default().to_owned()
}
