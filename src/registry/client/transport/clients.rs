//! The HTTP clients of a run: the proxy and the TLS settings for each host.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Uri;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Proxy, Url};

use crate::proxy::ProxySettings;
use crate::registry::connection::RegistryConnection;
use crate::registry::mirrors::RegistriesConf;
use crate::registry::options::{RegistryOptions, RegistrySetupError, install_crypto_provider};
use crate::secrets::quote;

use super::address::{AddressKind, AddressOptions, ForbiddenAddress, literal};
use super::proxy::{ShownProxy, proxy_for};
use super::request::authority;
use super::resolver::Resolver;

/// The `User-Agent` header.
const USER_AGENT: &str = concat!("kubectl-imgpolicy/", env!("CARGO_PKG_VERSION"));

/// One client per kind of host, each built when it is first needed, because building
/// one reads the system's certificates.
#[derive(Debug)]
pub(crate) struct Clients {
    certificates: Vec<Certificate>,
    insecure: Vec<String>,
    conf: RegistriesConf,
    connect_timeout: Duration,
    max_idle: usize,
    addresses: AddressOptions,
    proxies: ProxySettings,
    /// The only connection that these clients are for, if they are not for every registry.
    connection: Option<RegistryConnection>,
    /// For the hosts that the user names, by (route, insecure, with a client certificate).
    built: [OnceLock<BuiltClient>; 4 * Route::COUNT],
    /// For the hosts that a registry names, by (the kind of the registry's address,
    /// insecure). They are separate so that a pooled connection of one kind is not used
    /// for another.
    named: [OnceLock<BuiltClient>; 2 * AddressKind::COUNT],
}

type BuiltClient = Result<Client, String>;

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Direct,
    /// Through the proxy for plain HTTP.
    HttpProxy,
    /// Through the proxy for https.
    HttpsProxy,
}

impl Route {
    const COUNT: usize = 3;
}

/// Why there is no client for a host.
#[derive(Debug)]
pub(crate) enum ClientUnavailable {
    /// It cannot be built.
    Broken(String),
    /// The host may not be contacted.
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
        if let Some(connection) = &options.connection {
            certificates.extend(connection.authorities.iter().cloned());
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
            proxies: ProxySettings::from_environment_with_all_proxy(),
            connection: options.connection.clone(),
            built: [const { OnceLock::new() }; 4 * Route::COUNT],
            named: [const { OnceLock::new() }; 2 * AddressKind::COUNT],
        })
    }

    /// Whether the user or `registries.conf` declares the host insecure, with or without
    /// its port.
    pub(crate) fn is_insecure(&self, url: &Url) -> bool {
        let (host, with_port) = (url.host_str().unwrap_or_default(), authority(url));
        self.insecure
            .iter()
            .any(|insecure| *insecure == host || *insecure == with_port)
            || self.conf.is_insecure(&with_port)
    }

    /// Whether a host may use plain HTTP: also the registry of a connection that says so, whose
    /// certificates are still verified.
    pub(crate) fn may_be_plain(&self, url: &Url) -> bool {
        let connection = self.connection.as_ref();
        self.is_insecure(url) || connection.is_some_and(|own| own.may_be_plain(url))
    }

    /// The proxy for a URL's host in messages.
    pub(crate) fn shown_proxy(&self, url: &Url) -> Option<ShownProxy> {
        let is_own = self
            .connection
            .as_ref()
            .is_some_and(|own| own.proxy.is_some());
        let check = if is_own {
            "the Secret in proxySecretRef"
        } else {
            "HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
        };
        ShownProxy::new(&self.proxy(url).ok()??, check)
    }

    /// The client for a URL's host, or why there is none.
    pub(crate) fn for_url(&self, url: &Url) -> Result<&Client, ClientUnavailable> {
        let proxy = self.proxy(url)?;
        let route = match (&proxy, url.scheme()) {
            (None, _) => Route::Direct,
            (Some(_), "http") => Route::HttpProxy,
            (Some(_), _) => Route::HttpsProxy,
        };
        let insecure = self.is_insecure(url);
        let connection = self.connection.as_ref();
        let identity = connection.and_then(|own| own.identity(url));
        let at = (route as usize * 2 + usize::from(insecure)) * 2 + usize::from(identity.is_some());
        self.built[at]
            .get_or_init(|| self.build(proxy.as_ref(), insecure, None, identity))
            .as_ref()
            .map_err(|fault| ClientUnavailable::Broken(fault.clone()))
    }

    /// The proxy for a URL's host.
    fn proxy(&self, url: &Url) -> Result<Option<Uri>, ClientUnavailable> {
        let connection = self.connection.as_ref();
        if let Some(proxy) = connection.and_then(|own| own.proxy.as_ref()) {
            return Ok(Some(proxy.clone()));
        }
        proxy_for(&self.proxies, url).map_err(|bad| ClientUnavailable::Broken(bad.to_string()))
    }

    /// The client for a URL that a registry at an address of this kind has named.
    pub(crate) fn for_named(
        &self,
        url: &Url,
        registry: AddressKind,
    ) -> Result<&Client, ClientUnavailable> {
        let port = url.port_or_known_default().unwrap_or_default();
        // An IP address is not resolved, so the resolver does not check it.
        if let Some(ip) = literal(url) {
            let kind = self.kind(SocketAddr::new(ip, port));
            ForbiddenAddress::check(ip, kind, registry, &self.addresses)
                .map_err(ClientUnavailable::ForbiddenAddress)?;
        }
        if self.proxy(url)?.is_some() {
            // The proxy resolves the name; our resolver would check only the proxy's own
            // address, which the user has chosen.
            return self.for_url(url);
        }
        let insecure = self.is_insecure(url);
        self.named[registry as usize * 2 + usize::from(insecure)]
            .get_or_init(|| self.build(None, insecure, Some(registry), None))
            .as_ref()
            .map_err(|fault| ClientUnavailable::Broken(fault.clone()))
    }

    /// Where a socket is.
    fn kind(&self, socket: SocketAddr) -> AddressKind {
        if self.addresses.forwarded.contains(&socket) {
            return AddressKind::Public;
        }
        AddressKind::from_ip(socket.ip())
    }

    /// Where a registry is whose response came from this socket; `None` if that is not
    /// known. A proxy's socket does not say where the registry behind it is.
    pub(crate) fn kind_of_registry(&self, url: &Url, from: Option<SocketAddr>) -> AddressKind {
        let port = url.port_or_known_default().unwrap_or_default();
        match (literal(url), from) {
            (Some(ip), _) => self.kind(SocketAddr::new(ip, port)),
            (None, Some(from)) if matches!(self.proxy(url), Ok(None)) => self.kind(from),
            (None, _) => AddressKind::Public,
        }
    }

    fn build(
        &self,
        proxy: Option<&Uri>,
        insecure: bool,
        registry: Option<AddressKind>,
        identity: Option<&Identity>,
    ) -> Result<Client, String> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            // `Remote` follows redirects; it knows which headers they may get.
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(self.max_idle)
            .tls_certs_merge(self.certificates.iter().cloned())
            .tls_danger_accept_invalid_certs(insecure)
            // Otherwise the client would choose a proxy by its own rules.
            .no_proxy();
        if let Some(identity) = identity {
            builder = builder.identity(identity.clone());
        }
        if let Some(proxy) = proxy {
            // Only with this scheme does the client leave the names to the proxy.
            let proxy = proxy.to_string().replacen("socks5://", "socks5h://", 1);
            let proxy = Proxy::all(proxy)
                .map_err(|_| "the HTTP client does not accept the URL of the proxy".to_owned())?;
            builder = builder.proxy(proxy);
        }
        let resolver = Resolver::new(&self.addresses, registry);
        builder
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                format!(
                    "cannot set up a TLS client: {}",
                    quote(&cause.unwrap_or_else(|| error.to_string()))
                )
            })
    }
}
