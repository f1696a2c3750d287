//! Resolves host names at the moment of connecting.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressKind, AddressOptions, ForbiddenAddress};

/// The system's resolver, except for hosts with given addresses; it leaves out the
/// addresses that may not be connected to. So a name cannot have one address when it is
/// checked and another when it is connected to.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    options: AddressOptions,
    /// The kind of the address of the registry that has named the hosts; `None` if the
    /// user has.
    registry: Option<AddressKind>,
}

impl Resolver {
    pub(crate) fn new(options: &AddressOptions, registry: Option<AddressKind>) -> Self {
        Self {
            options: options.clone(),
            registry,
        }
    }

    fn check(&self, ip: IpAddr) -> Result<(), ForbiddenAddress> {
        let Some(registry) = self.registry else {
            return Ok(());
        };
        ForbiddenAddress::check(ip, AddressKind::from_ip(ip), registry, &self.options)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let known = this.options.hosts.get(name.as_str());
            // The client replaces port 0 by the port of the URL.
            let found: Vec<SocketAddr> = match known {
                Some(known) => known.iter().map(|ip| SocketAddr::new(*ip, 0)).collect(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            let mut refused = None;
            let mut allowed = Vec::with_capacity(found.len());
            for address in found {
                match this.check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(forbidden) => refused = Some(forbidden),
                }
            }
            match refused {
                Some(forbidden) if allowed.is_empty() => Err(forbidden.into()),
                Some(_) | None => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
