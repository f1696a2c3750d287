//! Distribution registries, each started once per test process.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::certificates::Authority;
use crate::process::{Process, free_ports, tool};
use crate::token_server::{ISSUER, SERVICE, TokenServer, basic};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The user of the registry with a password.
pub(crate) const USER: &str = "keeper";
pub(crate) const PASSWORD: &str = "keeper-pass-d41d";
/// The lowest bcrypt cost, because each request is checked.
const BCRYPT_COST: u32 = 4;
/// The page size of tag lists in the registries with credentials.
pub(crate) const PAGE: usize = 7;

pub(crate) struct Registry {
    /// `127.0.0.1:PORT`, as in image names.
    pub(crate) host: String,
    /// How clients authenticate.
    pub(crate) door: Door,
    process: Process,
}

/// How clients connect and authenticate.
pub(crate) enum Door {
    /// Plain HTTP, without authentication.
    Open,
    /// HTTPS with a certificate from this authority, and a password.
    Password(Box<Authority>),
    /// Plain HTTP, and a token from this server.
    Token(TokenServer),
}

impl Registry {
    /// The open registry of this test process, started on first use.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        let registry = SHARED.get_or_init(|| Self::start(Door::Open));
        registry.wait_until_ready().await;
        registry
    }

    /// Another open registry, which a test may stop by dropping it.
    pub(crate) async fn of_its_own() -> Self {
        let registry = Self::start(Door::Open);
        registry.wait_until_ready().await;
        registry
    }

    /// The registry with basic authentication over TLS.
    pub(crate) async fn with_password() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        let authority = || Box::new(Authority::new("Authority of the tests"));
        let registry = SHARED.get_or_init(|| Self::start(Door::Password(authority())));
        registry.wait_until_ready().await;
        registry
    }

    /// The registry that requires tokens, and the server that issues them.
    pub(crate) async fn with_tokens() -> (&'static Self, &'static TokenServer) {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        let registry = SHARED.get_or_init(|| Self::start(Door::Token(TokenServer::start())));
        registry.wait_until_ready().await;
        match &registry.door {
            Door::Token(tokens) => (registry, tokens),
            Door::Open | Door::Password(_) => unreachable!("it was started with tokens"),
        }
    }

    fn start(door: Door) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let [port] = free_ports();
        let host = format!("127.0.0.1:{port}");
        let process = Process::start(tool("REGISTRY"), |folder| {
            // JSON is valid YAML.
            let mut config = json!({"version": 0.1,
                "log": {"level": "warn", "accesslog": {"disabled": true}},
                "storage": {"inmemory": {}, "delete": {"enabled": true}},
                "http": {"addr": host}});
            door.configure(&mut config, folder);
            let path = file(folder, "config.yaml", &config.to_string());
            vec!["serve".to_owned(), path]
        });
        Self {
            host,
            door,
            process,
        }
    }

    /// `http://127.0.0.1:PORT`, or the same with `https`.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.door {
            Door::Password(_) => "https",
            Door::Open | Door::Token(_) => "http",
        };
        format!("{scheme}://{}", self.host)
    }

    /// A client that trusts the registry.
    pub(crate) fn client(&self) -> reqwest::Client {
        let builder = reqwest::Client::builder().no_proxy();
        let builder = match &self.door {
            Door::Password(authority) => {
                let authority = reqwest::Certificate::from_pem(authority.pem.as_bytes());
                builder.tls_certs_only([authority.expect("a certificate")])
            }
            Door::Open | Door::Token(_) => builder,
        };
        builder.build().expect("a client")
    }

    /// The `Authorization` for pushing to a repository.
    pub(crate) fn authorization(&self, repository: &str) -> Option<String> {
        match &self.door {
            Door::Open => None,
            Door::Password(_) => Some(basic(USER, PASSWORD)),
            Door::Token(tokens) => {
                let token = tokens.pass(repository, Duration::from_secs(300));
                Some(format!("Bearer {token}"))
            }
        }
    }

    /// `METHOD URI STATUS` of each request to a repository, from the access log. The
    /// open registry keeps no log.
    pub(crate) fn requests(&self, repository: &str) -> Vec<String> {
        let log = self.process.log();
        let of_it = format!("/v2/{repository}/");
        let line = |line: &str| {
            // … "GET /v2/NAME/… HTTP/1.1" 200 …
            let mut quoted = line.split('"').skip(1);
            let (request, status) = (quoted.next()?, quoted.next()?);
            let mut words = request.split(' ').map(str::to_owned);
            let (method, uri) = (words.next()?, words.next()?);
            let status = status.split_whitespace().next()?;
            uri.contains(&of_it)
                .then(|| format!("{method} {uri} {status}"))
        };
        log.lines().filter_map(line).collect()
    }

    async fn wait_until_ready(&self) {
        let started = Instant::now();
        let url = format!("{}/v2/", self.url());
        while self.client().get(&url).send().await.is_err() {
            assert!(
                started.elapsed() < READY_WITHIN,
                "the registry is not ready:\n{}",
                self.process.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Door {
    fn configure(&self, config: &mut serde_json::Value, folder: &Path) {
        if !matches!(self, Self::Open) {
            config["log"]["accesslog"]["disabled"] = json!(false);
            config["tags"] = json!({"maxtags": PAGE});
        }
        match self {
            Self::Open => {}
            Self::Password(authority) => {
                let identity = authority.loopback();
                config["http"]["tls"] = json!({
                    "certificate": file(folder, "server.crt", &identity.certificate),
                    "key": file(folder, "server.key", &identity.key)});
                let hash = bcrypt::hash(PASSWORD, BCRYPT_COST).expect("a hash");
                let users = file(folder, "htpasswd", &format!("{USER}:{hash}\n"));
                config["auth"] = json!({"htpasswd": {"realm": "tests", "path": users}});
            }
            Self::Token(tokens) => {
                let keys = file(folder, "keys.json", &tokens.key_set().to_string());
                config["auth"] = json!({"token": {"realm": tokens.realm, "service": SERVICE,
                    "issuer": ISSUER, "jwks": keys, "signingalgorithms": ["ES256"]}});
            }
        }
    }
}

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("written");
    path.display().to_string()
}
