//! The HTTP clients of a run: which proxy and which trust a host gets.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};

use crate::registry::endpoint::is_loopback;
use crate::registry::failure::clean;
use crate::registry::options::{RegistryOptions, RegistrySetupError, install_crypto_provider};
use crate::registry::registries_conf::RegistriesConf;

use super::authority;

/// What we call ourselves.
const USER_AGENT: &str = concat!("kubectl-imgpolicy/", env!("CARGO_PKG_VERSION"));

/// One client per kind of host, each built when the first such host is asked:
/// building one reads the system's certificates.
#[derive(Debug)]
pub(super) struct Clients {
    certificates: Vec<Certificate>,
    insecure: Vec<String>,
    conf: RegistriesConf,
    connect_timeout: Duration,
    max_idle: usize,
    /// Indexed by (loopback, insecure).
    built: [OnceLock<Result<Client, String>>; 4],
}

impl Clients {
    pub(super) fn new(options: &RegistryOptions) -> Result<Self, RegistrySetupError> {
        install_crypto_provider();
        let mut certificates = Vec::new();
        for (at, pem) in options.extra_ca.iter().enumerate() {
            let unusable = RegistrySetupError::CertificateAuthority { position: at + 1 };
            match Certificate::from_pem_bundle(pem) {
                Ok(bundle) if !bundle.is_empty() => certificates.extend(bundle),
                Ok(_) | Err(_) => return Err(unusable),
            }
        }
        let mut insecure = Vec::new();
        for host in &options.insecure_registries {
            let host = host.trim().to_ascii_lowercase();
            let is_host = Url::parse(&format!("https://{host}/"))
                .is_ok_and(|url| url.path() == "/" && url.username().is_empty());
            if host.is_empty() || host.contains(['/', '?', '#', '@']) || !is_host {
                return Err(RegistrySetupError::InsecureRegistry(clean(&host)));
            }
            insecure.push(host);
        }
        Ok(Self {
            certificates,
            insecure,
            conf: options.registries_conf.clone(),
            connect_timeout: options.connect_timeout,
            max_idle: options.max_connections,
            built: [const { OnceLock::new() }; 4],
        })
    }

    /// Whether the user named the host insecure, with its port or in general, or
    /// `registries.conf` does.
    pub(super) fn is_insecure(&self, url: &Url) -> bool {
        let (host, with_port) = (url.host_str().unwrap_or_default(), authority(url));
        self.insecure
            .iter()
            .any(|insecure| *insecure == host || *insecure == with_port)
            || self.conf.is_insecure(&with_port)
    }

    /// The client for a URL's host, or why there is none.
    pub(super) fn for_url(&self, url: &Url) -> Result<&Client, String> {
        let loopback = is_loopback(url.host_str().unwrap_or_default());
        let insecure = self.is_insecure(url);
        self.built[usize::from(loopback) * 2 + usize::from(insecure)]
            .get_or_init(|| self.build(loopback, insecure))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn build(&self, loopback: bool, insecure: bool) -> Result<Client, String> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            // Redirects are followed by `Remote`, which knows what they may carry.
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(self.max_idle)
            .tls_certs_merge(self.certificates.iter().cloned())
            .tls_danger_accept_invalid_certs(insecure);
        if loopback {
            // As everywhere in Kubernetes: a proxy cannot reach our loopback.
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!(
                "no TLS client can be set up: {}",
                clean(&cause.unwrap_or_else(|| error.to_string()))
            )
        })
    }
}
