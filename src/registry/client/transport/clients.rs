//! The HTTP clients of a run: which proxy and which trust a host gets.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};

use crate::registry::loopback::is_loopback;
use crate::registry::mirrors::RegistriesConf;
use crate::registry::options::{RegistryOptions, RegistrySetupError, install_crypto_provider};
use crate::secrets::quote;

use super::address::{AddressKind, AddressOptions, ForbiddenAddress, literal};
use super::authority::authority;
use super::proxy::proxy_of;
use super::resolver::Resolver;

/// What we call ourselves.
const USER_AGENT: &str = concat!("kubectl-imgpolicy/", env!("CARGO_PKG_VERSION"));

/// One client per kind of host, each built when the first such host is asked:
/// building one reads the system's certificates.
#[derive(Debug)]
pub(crate) struct Clients {
    certificates: Vec<Certificate>,
    insecure: Vec<String>,
    conf: RegistriesConf,
    connect_timeout: Duration,
    max_idle: usize,
    addresses: AddressOptions,
    /// For the hosts that the user names, indexed by (loopback, insecure).
    built: [OnceLock<BuiltClient>; 4],
    /// For those that a registry names, indexed by (the kind of its address,
    /// insecure): what one may connect to is no connection for another.
    named: [OnceLock<BuiltClient>; 2 * AddressKind::COUNT],
}

type BuiltClient = Result<Client, String>;

/// Why there is no client for a host.
#[derive(Debug)]
pub(crate) enum ClientUnavailable {
    /// It cannot be set up.
    Broken(String),
    /// The host may not be asked.
    ForbiddenAddress(ForbiddenAddress),
}

impl Clients {
    pub(crate) fn new(options: &RegistryOptions) -> Result<Self, RegistrySetupError> {
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
                return Err(RegistrySetupError::InsecureRegistry(quote(&host)));
            }
            insecure.push(host);
        }
        Ok(Self {
            certificates,
            insecure,
            conf: options.registries_conf.clone(),
            connect_timeout: options.connect_timeout,
            max_idle: options.max_connections,
            addresses: options.addresses.clone(),
            built: [const { OnceLock::new() }; 4],
            named: [const { OnceLock::new() }; 2 * AddressKind::COUNT],
        })
    }

    /// Whether the user named the host insecure, with its port or in general, or
    /// `registries.conf` does.
    pub(crate) fn is_insecure(&self, url: &Url) -> bool {
        let (host, with_port) = (url.host_str().unwrap_or_default(), authority(url));
        self.insecure
            .iter()
            .any(|insecure| *insecure == host || *insecure == with_port)
            || self.conf.is_insecure(&with_port)
    }

    /// The client for a URL's host, or why there is none.
    pub(crate) fn for_url(&self, url: &Url) -> Result<&Client, ClientUnavailable> {
        let loopback = is_loopback(url.host_str().unwrap_or_default());
        let insecure = self.is_insecure(url);
        self.built[usize::from(loopback) * 2 + usize::from(insecure)]
            .get_or_init(|| self.build(loopback, insecure, None))
            .as_ref()
            .map_err(|fault| ClientUnavailable::Broken(fault.clone()))
    }

    /// The client for a URL that a registry has named, whose address is of this
    /// kind.
    pub(crate) fn for_named(
        &self,
        url: &Url,
        registry: AddressKind,
    ) -> Result<&Client, ClientUnavailable> {
        let port = url.port_or_known_default().unwrap_or_default();
        // A literal address is not resolved, so the resolver does not see it.
        if let Some(ip) = literal(url) {
            let kind = self.kind(SocketAddr::new(ip, port));
            ForbiddenAddress::check(ip, kind, registry, &self.addresses)
                .map_err(ClientUnavailable::ForbiddenAddress)?;
        }
        if proxy_of(url).is_some() {
            // The proxy resolves the name, and our resolver would see the proxy's,
            // which the user has named.
            return self.for_url(url);
        }
        let insecure = self.is_insecure(url);
        self.named[registry as usize * 2 + usize::from(insecure)]
            .get_or_init(|| self.build(true, insecure, Some(registry)))
            .as_ref()
            .map_err(|fault| ClientUnavailable::Broken(fault.clone()))
    }

    /// Where a socket leads.
    fn kind(&self, socket: SocketAddr) -> AddressKind {
        if self.addresses.forwarded.contains(&socket) {
            return AddressKind::Public;
        }
        AddressKind::from_ip(socket.ip())
    }

    /// Where a registry is that has answered from this socket; `None`: it is not
    /// known. A proxy's socket says nothing of the registry behind it.
    pub(crate) fn kind_of_registry(&self, url: &Url, from: Option<SocketAddr>) -> AddressKind {
        let port = url.port_or_known_default().unwrap_or_default();
        match (literal(url), from) {
            (Some(ip), _) => self.kind(SocketAddr::new(ip, port)),
            (None, Some(from)) if proxy_of(url).is_none() => self.kind(from),
            (None, _) => AddressKind::Public,
        }
    }

    fn build(
        &self,
        direct: bool,
        insecure: bool,
        registry: Option<AddressKind>,
    ) -> Result<Client, String> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            // Redirects are followed by `Remote`, which knows what they may carry.
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(self.max_idle)
            .tls_certs_merge(self.certificates.iter().cloned())
            .tls_danger_accept_invalid_certs(insecure);
        if direct {
            // As everywhere in Kubernetes: a proxy cannot reach our loopback.
            builder = builder.no_proxy();
        }
        if registry.is_some() || !self.addresses.hosts.is_empty() {
            builder = builder.dns_resolver(Arc::new(Resolver::new(&self.addresses, registry)));
        }
        builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!(
                "cannot set up a TLS client: {}",
                quote(&cause.unwrap_or_else(|| error.to_string()))
            )
        })
    }
}
