//! etcd and kube-apiserver, started once per test process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubectl_imgpolicy::cluster::{Cluster, ConnectionOptions};
use serde_json::{Value, json};

use crate::binary::say;
use crate::kubeconfigs::{self, User};
use crate::process::{Process, free_ports, tool};

/// The audit policy: one log line per request, with what a patch of a workload has changed.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n\
     omitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n\
     - {level: RequestResponse, verbs: [patch], resources: [{group: apps}, {group: batch}]}\n\
     - {level: Metadata}\n";

/// The folder with the API server's files.
const API_SERVER: &str = "kube-apiserver";

const READY_WITHIN: Duration = Duration::from_secs(60);

/// Without controllers no ServiceAccount is made, and no Pod is admitted without one.
pub(crate) const WITHOUT_CONTROLLERS: &[&str] = &["--disable-admission-plugins=ServiceAccount"];

/// The programs are ended in the order of these fields.
pub(crate) struct ControlPlane {
    pub(crate) url: String,
    /// The controllers, the scheduler and the kubelets, where there are any.
    pub(crate) clients: Vec<Process>,
    /// `None`: a test has stopped it.
    api_server: Mutex<Option<Process>>,
    api_server_arguments: Vec<String>,
    etcd: Process,
}

impl ControlPlane {
    /// The control plane of this test process, started on first use.
    pub(crate) fn shared() -> &'static Self {
        // A failed start is not retried by every test.
        static SHARED: OnceLock<Option<ControlPlane>> = OnceLock::new();
        let start = || std::panic::catch_unwind(|| Self::start(WITHOUT_CONTROLLERS)).ok();
        let shared = SHARED.get_or_init(start).as_ref();
        shared.expect("the control plane started (the first failing test shows the cause)")
    }

    /// A second control plane for tests of the whole cluster: its only node is
    /// linux/arm64, it has no HelmReleases, and few tests share it.
    pub(crate) async fn second() -> &'static Self {
        static SECOND: tokio::sync::OnceCell<ControlPlane> = tokio::sync::OnceCell::const_new();
        let start = || async {
            let plane = Self::start(WITHOUT_CONTROLLERS);
            let labels = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"});
            let node = json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": "only", "labels": labels}});
            plane.apply(&[node]).await;
            plane
        };
        SECOND.get_or_init(start).await
    }

    /// Starts etcd and kube-apiserver, which gets these arguments too.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let started = Instant::now();
        let [client, peer, secure] = free_ports();
        let etcd = Process::start(tool("ETCD"), |folder| {
            let local = |port: u16| format!("http://127.0.0.1:{port}");
            vec![
                "--name=e".to_owned(),
                format!("--data-dir={}/data", folder.display()),
                format!("--listen-client-urls={}", local(client)),
                format!("--advertise-client-urls={}", local(client)),
                format!("--listen-peer-urls={}", local(peer)),
                format!("--initial-advertise-peer-urls={}", local(peer)),
                format!("--initial-cluster=e={}", local(peer)),
                // The data does not outlive the tests.
                "--unsafe-no-fsync".to_owned(),
                "--log-level=warn".to_owned(),
            ]
        });
        let folder = etcd.folder.join(API_SERVER);
        std::fs::create_dir(&folder).expect("a new folder");
        let mut api_server_arguments = api_server_arguments(&folder, client, secure);
        api_server_arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let plane = Self {
            url: format!("https://127.0.0.1:{secure}"),
            clients: Vec::new(),
            api_server: Mutex::default(),
            api_server_arguments,
            etcd,
        };
        plane.start_api_server();
        say(&format!(
            "a control plane is ready in {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        plane
    }

    /// Kills the API server. What it has stored is kept.
    pub(crate) fn kill_api_server(&self) {
        *self.api_server.lock().expect("no panic before") = None;
    }

    /// Starts the API server at the same address, and waits until it is ready.
    pub(crate) fn start_api_server(&self) {
        let arguments = self.api_server_arguments.clone();
        let process = Process::start(tool("KUBE_APISERVER"), |_| arguments);
        *self.api_server.lock().expect("no panic before") = Some(process);
        self.wait_until_ready(Instant::now());
    }

    /// Panics with the API server's output if it does not run any more.
    fn assert_api_server_runs(&self, is_in_time: bool, error: &str) {
        let api_server = self.api_server.lock().expect("no panic before");
        let runs = api_server.as_ref().is_some_and(Process::runs);
        let log = || api_server.as_ref().map(Process::log).unwrap_or_default();
        assert!(
            runs && is_in_time,
            "kube-apiserver is not ready: {error}\n{}",
            log()
        );
    }

    /// Waits on its own thread because the tests' runtimes are busy.
    fn wait_until_ready(&self, started: Instant) {
        // The default namespace appears shortly after readiness.
        let paths = ["/readyz", "/api/v1/namespaces/default"];
        let ready = || async {
            let client = self.kube_client();
            for path in paths {
                let request = http::Request::get(path).body(Vec::new());
                let answer = client.request_text(request.expect("a request")).await;
                answer.map_err(|error| error.to_string())?;
            }
            // The library's own connections need it.
            let certificate = self.certificate().exists();
            certificate
                .then_some(())
                .ok_or_else(|| "no certificate".to_owned())
        };
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(async {
                    while let Err(error) = ready().await {
                        let is_in_time = started.elapsed() < READY_WITHIN;
                        self.assert_api_server_runs(is_in_time, &error);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                });
            });
            waiting.join().expect("kube-apiserver becomes ready");
        });
    }

    /// The API server's self-signed certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder().join("apiserver.crt")
    }

    /// A folder for test files, removed with the control plane.
    pub(crate) fn folder(&self) -> PathBuf {
        self.etcd.folder.join(API_SERVER)
    }

    /// An administrator's client for the tests' own requests. It uses no proxy and
    /// trusts every certificate because this is loopback.
    pub(crate) fn kube_client(&self) -> kube::Client {
        let mut config = kube::Config::new(self.url.parse().expect("a URL"));
        config.accept_invalid_certs = true;
        config.auth_info.token = Some(User::Admin.token().into());
        kube::Client::try_from(config).expect("a client")
    }

    /// The library's connection for a user, with a namespace in the context.
    pub(crate) async fn connect(&self, user: User, namespace: &str) -> Cluster {
        let options = ConnectionOptions {
            kubeconfig: Some(kubeconfigs::of_user(self, user, namespace)),
            ..ConnectionOptions::default()
        };
        Cluster::connect(&options).await.expect("a kubeconfig")
    }

    /// The URIs containing a text that a user has requested.
    pub(crate) fn audited(&self, user: User, containing: &str) -> Vec<String> {
        let events = self.audit_events().into_iter();
        events
            .filter(|event| event["user"]["username"] == user.name())
            .filter_map(|event| Some(event["requestURI"].as_str()?.to_owned()))
            .filter(|uri| uri.contains(containing))
            .collect()
    }

    /// The audit log. A line that is being written is left out.
    pub(crate) fn audit_events(&self) -> Vec<Value> {
        let log = self.folder().join("audit.log");
        let log = std::fs::read_to_string(log).expect("an audit log");
        let lines = log.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

fn api_server_arguments(folder: &Path, etcd: u16, port: u16) -> Vec<String> {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    };
    let (private, public) = service_account_key();
    let private = file("sa.key", &private);
    let public = file("sa.pub", &public);
    let tokens = file("tokens.csv", &kubeconfigs::tokens());
    let policy = file("audit.yaml", AUDIT_POLICY);
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--cert-dir={}", folder.display()),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={public}"),
        format!("--service-account-signing-key-file={private}"),
        format!("--token-auth-file={tokens}"),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        format!("--audit-policy-file={policy}"),
        format!("--audit-log-path={}/audit.log", folder.display()),
        // The tests read one file, so it must never be divided. The default is 100 MB.
        "--audit-log-maxsize=100000".to_owned(),
    ]
}

/// A private key and its public key, both as PEM, generated for each run.
fn service_account_key() -> (String, String) {
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    /// SubjectPublicKeyInfo of a P-256 key, up to the curve point.
    const PUBLIC: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let random = ring::rand::SystemRandom::new();
    let private = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(kind, private.as_ref(), &random).expect("its own key");
    let public = [&PUBLIC, pair.public_key().as_ref()].concat();
    let pem = |label: &str, bytes: &[u8]| {
        let text = STANDARD.encode(bytes);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", &public),
    )
}
