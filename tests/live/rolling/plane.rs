//! The control plane with rollouts, started once per test process.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use serde_json::Value;

use crate::binary::say;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::process::{Process, tool};

const STAGES: &str = include_str!("kwok.yaml");
const NODES: &str = include_str!("nodes.yaml");

const READY_WITHIN: Duration = Duration::from_secs(60);

impl ControlPlane {
    /// The control plane on which workloads roll out by themselves. Tests that write the
    /// status of a workload, a Pod or a Node need another one: here their controllers do.
    pub(crate) async fn rolling() -> &'static Self {
        static ROLLING: tokio::sync::OnceCell<Option<ControlPlane>> =
            tokio::sync::OnceCell::const_new();
        // A failed start is not retried by every test.
        let start = || async { AssertUnwindSafe(start()).catch_unwind().await.ok() };
        let rolling = ROLLING.get_or_init(start).await.as_ref();
        rolling.expect("the control plane started (the first failing test shows the cause)")
    }
}

async fn start() -> ControlPlane {
    let started = Instant::now();
    let mut plane = ControlPlane::start(&[]);
    let kubeconfig = |user: User| {
        let path = kubeconfigs::of_user(&plane, user, "default");
        format!("--kubeconfig={}", path.display())
    };
    let certificate = plane.certificate().display().to_string();
    let key = plane.folder().join("sa.key").display().to_string();
    let controllers = Process::start(tool("KUBE_CONTROLLER_MANAGER"), |folder| {
        let mut arguments = without_server(&kubeconfig(User::ControllerManager));
        arguments.extend([
            "--use-service-account-credentials".to_owned(),
            format!("--service-account-private-key-file={key}"),
            format!("--root-ca-file={certificate}"),
            // The default is a folder of the machine, which it would create.
            format!("--flex-volume-plugin-dir={}", folder.display()),
        ]);
        arguments
    });
    let scheduler = Process::start(tool("KUBE_SCHEDULER"), |_| {
        without_server(&kubeconfig(User::Scheduler))
    });
    let nodes: Value = serde_saphyr::from_str(NODES).expect("YAML");
    let nodes = nodes["items"].as_array().expect("a list").clone();
    plane.apply(&nodes).await;
    let kubelets = Process::start(tool("KWOK"), |folder: &Path| {
        let stages = folder.join("stages.yaml");
        std::fs::write(&stages, STAGES).expect("written");
        vec![
            kubeconfig(User::Admin),
            format!("--config={}", stages.display()),
            "--manage-all-nodes=true".to_owned(),
            "--node-ip=10.0.1.1".to_owned(),
            "--cidr=10.1.0.0/16".to_owned(),
            // It listens nowhere.
            "--node-port=0".to_owned(),
            "--server-address=".to_owned(),
        ]
    });
    plane.clients = vec![controllers, scheduler, kubelets];
    wait_until_ready(&plane, &nodes, started).await;
    say(&format!(
        "a control plane with rollouts is ready in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    plane
}

/// The arguments that the controllers and the scheduler share: there is one of each, it
/// listens nowhere, and it never waits to send a request.
fn without_server(kubeconfig: &str) -> Vec<String> {
    let arguments = [
        kubeconfig,
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
        "--kube-api-qps=300",
        "--kube-api-burst=600",
    ];
    arguments.map(str::to_owned).into()
}

async fn wait_until_ready(plane: &ControlPlane, nodes: &[Value], started: Instant) {
    loop {
        let account = plane.get("/api/v1/namespaces/default/serviceaccounts/default");
        let (account, list) = (account.await, plane.get("/api/v1/nodes").await);
        let ready = list.map_or(0, |list| {
            let items = list["items"].as_array().into_iter().flatten();
            items.filter(|node| is_ready(node)).count()
        });
        if account.is_ok() && ready == nodes.len() {
            return;
        }
        let logs = || plane.clients.iter().map(Process::log).collect::<String>();
        assert!(
            plane.clients.iter().all(Process::runs) && started.elapsed() < READY_WITHIN,
            "{ready} of {} nodes are ready\n{}",
            nodes.len(),
            logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether Pods can be scheduled to a node. It has the taint until its controller has
/// seen that it is ready.
fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let is_tainted = taints.any(|taint| taint["key"] == "node.kubernetes.io/not-ready");
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        && !is_tainted
}
