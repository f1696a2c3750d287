//! What the user may set about registries.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::cache::Cache;
use super::client::transport::AddressOptions;
use super::mirrors::RegistriesConf;
use super::repository::layout::OciLayout;
use super::repository::providers::PushTimeApi;

/// How far the answers of earlier runs are trusted. What is addressed by its
/// digest always is; [`Trust::default`] is what the product promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    /// How old a tag list may be. Zero: it is asked for again.
    pub max_age: Duration,
    /// Trust nothing but digests.
    pub refresh: bool,
    /// Ask nothing, and trust everything.
    pub offline: bool,
}

/// How registries are asked. [`RegistryOptions::default`] is anonymous, over
/// the network, without a cache.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// How long one response may take, body included. `None`: 30 seconds.
    pub request_timeout: Option<Duration>,
    /// How long DNS, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How many requests one host gets at a time at most. It gets 32 at first,
    /// twice as many with each round of answers that come as quickly as before,
    /// and half as many after a 429 or a reset connection.
    pub max_connections: usize,
    /// How long all requests to one host may wait in all because it answered
    /// 429, or 503 with `Retry-After`.
    pub max_wait: Duration,
    /// The pause before the first retry; each further one is twice as long.
    pub backoff: Duration,
    /// Hosts (`HOST` or `HOST:PORT`) that may speak plain HTTP or show a
    /// certificate that cannot be verified.
    pub insecure_registries: Vec<String>,
    /// Where images are read from instead of where their names point.
    pub registries_conf: RegistriesConf,
    /// Further certificate authorities: the contents of PEM files.
    pub extra_ca: Vec<Vec<u8>>,
    /// Images that are read from disk.
    pub layouts: Vec<OciLayout>,
    /// The docker config files of the user, the first that knows a registry
    /// wins; see [`super::user_credential_files`]. Empty: anonymous.
    pub credential_files: Vec<PathBuf>,
    /// The search path for `docker-credential-…`. `None`: that of the process.
    pub helper_path: Option<OsString>,
    /// How long a credential helper may take.
    pub helper_timeout: Duration,
    /// What is kept between runs.
    pub cache: Cache,
    /// How far that is trusted.
    pub trust: Trust,
    /// Where a registry says how many pulls are left: the part of its limit, in
    /// percent, that is left to others. `None`: 20, and 50 with a credential of
    /// the cluster, whose nodes need it.
    pub rate_reserve: Option<u8>,
    /// Where push times are told, beside the registries that are known: for a
    /// registry of one's own, and for tests.
    pub push_time_apis: Vec<PushTimeApi>,
    /// What names resolve to, and where registries may lead.
    pub addresses: AddressOptions,
}

impl RegistryOptions {
    /// The time-out in force.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(Duration::from_secs(30))
    }
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            request_timeout: None,
            connect_timeout: Duration::from_secs(3),
            max_connections: 128,
            max_wait: Duration::from_secs(10),
            backoff: Duration::from_millis(200),
            insecure_registries: Vec::new(),
            registries_conf: RegistriesConf::default(),
            extra_ca: Vec::new(),
            layouts: Vec::new(),
            credential_files: Vec::new(),
            helper_path: None,
            helper_timeout: Duration::from_secs(10),
            cache: Cache::off(),
            trust: Trust::default(),
            rate_reserve: None,
            push_time_apis: Vec::new(),
            addresses: AddressOptions::default(),
        }
    }
}

/// Options that cannot be used: the user's fault.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySetupError {
    /// A file given as certificate authority holds no PEM certificate.
    #[error("certificate authority {position} contains no certificate in PEM format")]
    CertificateAuthority {
        /// Which of the given ones, counted from 1.
        position: usize,
    },
    /// A host given as insecure is no host.
    #[error("insecure registry {0:?}: write HOST or HOST:PORT, without scheme and path")]
    InsecureRegistry(String),
    /// A place where push times are told is not a URL of a folder.
    #[error("the API for push times {0:?} is not a URL that ends in a slash")]
    PushTimeApi(String),
}

/// Makes ring the TLS provider of the process, if there is none yet.
///
/// [`super::Registries::new`] does this by itself; a program that opens TLS
/// connections of its own before that calls it first.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race here means that another thread has installed one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
