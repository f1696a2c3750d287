//! Missing permissions and missing servers, reported in kubectl's words.

use kubectl_imgpolicy::cluster::{
    Cluster, ClusterError, ConnectionOptions, Coverage, Scope, Selection, WorkloadSelector,
};
use kubectl_imgpolicy::workload::WorkloadKind;

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;
use crate::process::free_ports;
use crate::workloads::everything;

async fn failure(options: ConnectionOptions) -> ClusterError {
    let cluster = match Cluster::connect(&options).await {
        Ok(cluster) => cluster,
        Err(error) => return error,
    };
    let result = cluster.workloads(&everything("default")).await;
    result.expect_err("nothing can be read")
}

fn with_file(kubeconfig: std::path::PathBuf) -> ConnectionOptions {
    ConnectionOptions {
        kubeconfig: Some(kubeconfig),
        ..ConnectionOptions::default()
    }
}

#[tokio::test]
async fn forbidden_list_is_reported_with_the_resource_and_namespace() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("allowed").await;
    plane.allow_reader(namespace).await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::PullIdentity, namespace).await;

    let own = cluster
        .workloads(&everything(namespace))
        .await
        .expect("read");
    assert_eq!((own.workloads.len(), own.errors.len()), (1, 0));

    let deployments = |scope| Selection {
        scope,
        label_selector: None,
        selector: WorkloadSelector::Kinds(vec![WorkloadKind::Deployment.into()]),
    };
    let other = deployments(Scope::Namespace("kube-system".to_owned()));
    let other = cluster.workloads(&other).await.expect("read");
    assert_eq!(other.errors.len(), 1);
    assert_eq!(other.errors[0].scope, "namespace/kube-system");
    assert_eq!(other.errors[0].reason, "Forbidden");
    assert_eq!(
        other.errors[0].message,
        "Error from server (Forbidden): deployments.apps is forbidden: User \"reader\" cannot \
         list resource \"deployments\" in API group \"apps\" in the namespace \"kube-system\""
    );
    assert_eq!(
        other.errors[0].hint.as_deref(),
        Some("kubectl auth can-i list deployments.apps -n kube-system")
    );

    let all = cluster
        .workloads(&deployments(Scope::AllNamespaces))
        .await
        .expect("read");
    assert_eq!(all.errors[0].scope, "cluster");
    assert_eq!(
        all.errors[0].hint.as_deref(),
        Some(
            "listing deployments.apps is forbidden in all namespaces, but allowed in namespace \
             \"allowed\": use -n allowed instead of -A"
        )
    );
}

#[tokio::test]
async fn workloads_only_reader_gets_all_workloads_without_errors() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("workloads-only").await;
    plane.allow_workloads_reader().await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::WorkloadsReader, namespace).await;
    let listing = cluster
        .workloads(&everything(namespace))
        .await
        .expect("read");
    assert_eq!((listing.workloads.len(), listing.errors.len()), (1, 0));
    assert_eq!(cluster.nodes().await.expect("no error"), None);
    let facts = cluster
        .pod_facts(&[&listing.workloads[0]], Coverage::Whole)
        .await;
    assert_eq!(
        facts.note.as_deref(),
        Some(
            "Pods could not be listed in workloads-only (Forbidden), \
             so the images that run there are not checked"
        )
    );
    let usages = cluster
        .pod_usages(&Scope::AllNamespaces, None)
        .await
        .expect("read");
    assert_eq!(usages.errors[0].reason, "Forbidden");
}

#[tokio::test]
async fn user_without_permissions_gets_one_error_per_kind() {
    let plane = ControlPlane::shared();
    let cluster = plane.connect(User::Nobody, "default").await;
    let listing = cluster
        .workloads(&everything("default"))
        .await
        .expect("read");
    assert_eq!((listing.workloads.len(), listing.errors.len()), (0, 4));
}

#[tokio::test]
async fn wrong_or_expired_token_is_reported_once() {
    let plane = ControlPlane::shared();
    let error = failure(with_file(kubeconfigs::of_stranger(plane))).await;
    assert_eq!(
        error.line(),
        "error: You must be logged in to the server (Unauthorized)"
    );
    // A token flag replaces the token in the file.
    let typed = ConnectionOptions {
        token: Some(User::Admin.token().into()),
        ..with_file(kubeconfigs::of_stranger(plane))
    };
    let cluster = Cluster::connect(&typed).await.expect("connects");
    cluster
        .workloads(&everything("default"))
        .await
        .expect("read");
}

#[tokio::test]
async fn dead_port_gives_kubectls_message() {
    let plane = ControlPlane::shared();
    let [port] = free_ports();
    let error = failure(with_file(kubeconfigs::of_dead_port(plane, port))).await;
    assert_eq!(
        error.line(),
        format!(
            "The connection to the server 127.0.0.1:{port} was refused \
             - did you specify the right host or port?"
        )
    );
}

#[tokio::test]
async fn untrusted_server_certificate_is_refused_unless_verification_is_off() {
    let plane = ControlPlane::shared();
    let server = |insecure| ConnectionOptions {
        server: Some(plane.url.clone()),
        token: Some(User::Admin.token().into()),
        insecure_skip_tls_verify: insecure,
        kubeconfig: Some(empty_file(plane)),
        ..ConnectionOptions::default()
    };
    let error = failure(server(false)).await.line();
    let start = "Unable to connect to the server: tls: failed to verify certificate: ";
    assert!(error.starts_with(start), "{error}");
    let cluster = Cluster::connect(&server(true)).await.expect("connects");
    assert_eq!((cluster.context(), cluster.namespace()), (None, "default"));
    cluster
        .workloads(&everything("default"))
        .await
        .expect("read");
}

fn empty_file(plane: &ControlPlane) -> std::path::PathBuf {
    let path = plane.folder().join("empty");
    std::fs::write(&path, "{}").expect("written");
    path
}

#[tokio::test]
async fn credential_plugin_logs_in() {
    let plane = ControlPlane::shared();
    let plugin = |token: &str| {
        let credential = serde_json::json!({"kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": token}});
        kubeconfigs::of_plugin(plane, &format!("echo '{credential}'"))
    };
    let file = with_file(plugin(&User::Admin.token()));
    let cluster = Cluster::connect(&file).await.expect("connects");
    assert_eq!(cluster.context(), Some("plugin"));
    cluster
        .workloads(&everything("default"))
        .await
        .expect("read");
    let error = failure(with_file(plugin("expired"))).await;
    assert_eq!(error.reason(), "Unauthorized");
}

#[tokio::test]
async fn failing_credential_plugin_is_reported_with_its_output() {
    let plane = ControlPlane::shared();
    let file = kubeconfigs::of_plugin(plane, "echo 'log in first' >&2; exit 3");
    let error = failure(with_file(file)).await.line();
    let start = "Unable to connect to the server: getting credentials: exec: executable ";
    assert!(error.starts_with(start), "{error}");
    // On a terminal, the plugin has already printed its own message.
    let ends = [
        "failed with exit code 3",
        "failed with exit code 3: log in first",
    ];
    assert!(ends.iter().any(|end| error.ends_with(end)), "{error}");
}

#[tokio::test]
async fn requests_use_the_impersonated_user() {
    let plane = ControlPlane::shared();
    let options = ConnectionOptions {
        impersonate_user: Some("eve".to_owned()),
        impersonate_groups: vec!["ops".to_owned()],
        ..with_file(kubeconfigs::of_user(plane, User::Admin, "default"))
    };
    let cluster = Cluster::connect(&options).await.expect("connects");
    let listing = cluster
        .workloads(&everything("default"))
        .await
        .expect("read");
    assert!(
        listing.errors[0]
            .message
            .contains("User \"eve\" cannot list")
    );
}
