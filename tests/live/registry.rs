//! The distribution registry, started once for all tests of the process.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::process::{Process, free_ports, tool};

const READY_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Registry {
    /// `127.0.0.1:PORT`, as it begins the name of an image; plain HTTP.
    pub(crate) host: String,
    process: Process,
}

impl Registry {
    /// The registry of this test process, started by whoever asks first.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        let registry = SHARED.get_or_init(Self::start);
        registry.wait_until_ready().await;
        registry
    }

    fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let [port] = free_ports();
        let host = format!("127.0.0.1:{port}");
        let process = Process::start(tool("REGISTRY"), |folder| {
            let config = format!(
                "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n\
                 storage: {{inmemory: {{}}, delete: {{enabled: true}}}}\n\
                 http: {{addr: \"{host}\"}}\n"
            );
            let path = folder.join("config.yaml");
            std::fs::write(&path, config).expect("written");
            vec!["serve".to_owned(), path.display().to_string()]
        });
        Self { host, process }
    }

    async fn wait_until_ready(&self) {
        let started = Instant::now();
        let url = format!("http://{}/v2/", self.host);
        while client().get(&url).send().await.is_err() {
            assert!(
                started.elapsed() < READY_WITHIN,
                "the registry is not ready:\n{}",
                self.process.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A client that takes no proxy, whatever the machine has: this is loopback.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}
