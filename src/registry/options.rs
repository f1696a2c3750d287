//! Options for registry access.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::cache::Cache;
use super::client::transport::AddressOptions;
use super::connection::RegistryConnection;
use super::mirrors::RegistriesConf;
use super::repository::layout::OciLayout;
use super::repository::providers::PushTimeApi;

/// How far cached answers of earlier runs are trusted. Content that is addressed by
/// its digest always is; [`Trust::default`] is the documented default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    /// How old a cached tag list may be. Zero: it is always fetched again.
    pub max_age: Duration,
    /// Trust only digests.
    pub refresh: bool,
    /// Send no requests, and trust everything.
    pub offline: bool,
}

/// How registries are accessed. [`RegistryOptions::default`] is anonymous, over the
/// network, without a cache.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The time limit for one response, including its body. `None`: 30 seconds.
    pub request_timeout: Option<Duration>,
    /// The time that the requests for one repository may take in total, without the
    /// pauses that the registry asks for.
    pub scan_timeout: Duration,
    /// The time limit for DNS, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// The maximum number of concurrent requests per host. It starts at 32, doubles
    /// after each round of responses that are as fast as before, and is halved after
    /// a 429 or a reset connection.
    pub max_connections: usize,
    /// The total time that requests to one host may wait because it answered 429, or
    /// 503 with `Retry-After`.
    pub max_wait: Duration,
    /// The pause before the first retry; it doubles with each further retry.
    pub backoff: Duration,
    /// Hosts (`HOST` or `HOST:PORT`) that may use plain HTTP or present a certificate
    /// that cannot be verified.
    pub insecure_registries: Vec<String>,
    /// Mirrors and other locations that images are read from, and what is blocked.
    pub registries_conf: RegistriesConf,
    /// Additional certificate authorities: the contents of PEM files.
    pub extra_ca: Vec<Vec<u8>>,
    /// Images that are read from disk instead of a registry.
    pub layouts: Vec<OciLayout>,
    /// The user's docker config files; the first with credentials for a registry
    /// wins. See [`super::user_credential_files`]. Empty: anonymous.
    pub credential_files: Vec<PathBuf>,
    /// The search path for `docker-credential-…`. `None`: the `PATH` of the process.
    pub helper_path: Option<OsString>,
    /// The time limit for a credential helper.
    pub helper_timeout: Duration,
    /// The cache that is kept between runs.
    pub cache: Cache,
    /// How far the cache is trusted.
    pub trust: Trust,
    /// The percentage of a registry's pull limit that is kept for others, if the
    /// registry reports its limit. `None`: 20, or 50 with a credential of the
    /// cluster, because its nodes pull with it.
    pub rate_reserve: Option<u8>,
    /// APIs that list push times, in addition to the known ones: for a private
    /// registry, and for tests.
    pub push_time_apis: Vec<PushTimeApi>,
    /// Which addresses may be connected to.
    pub addresses: AddressOptions,
    /// The only connection that is used; see [`super::Registries::connected`].
    pub connection: Option<RegistryConnection>,
}

impl RegistryOptions {
    /// The time limit for one response that applies.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(Duration::from_secs(30))
    }
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            request_timeout: None,
            scan_timeout: Duration::from_secs(5 * 60),
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
            connection: None,
        }
    }
}

/// Invalid options.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySetupError {
    /// A file given as a certificate authority contains no PEM certificate.
    #[error("certificate authority {position} contains no certificate in PEM format")]
    CertificateAuthority {
        /// The position among the given files, from 1.
        position: usize,
    },
    /// A host given as insecure is not a valid host.
    #[error("insecure registry {0:?}: write HOST or HOST:PORT, without scheme and path")]
    InsecureRegistry(String),
    /// The base of a push time API is not a URL that ends in a slash.
    #[error("the API for push times {0:?} is not a URL that ends in a slash")]
    PushTimeApi(String),
}

/// Installs ring as the TLS provider of the process, if there is none yet.
///
/// [`super::Registries::new`] calls it; a program that opens TLS connections of its
/// own before that must call it first.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only if another thread has installed one meanwhile.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
