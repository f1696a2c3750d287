//! Resolves host names at the moment of connecting.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressKind, AddressOptions, ForbiddenAddress};
use crate::registry::loopback::is_loopback;

/// The system's resolver, except for hosts with given addresses; it leaves out the
/// addresses that may not be connected to. So a name cannot have one address when it is
/// checked and another when it is connected to.
///
/// A name below `localhost` may be contacted without TLS, and without a proxy. So it must
/// resolve to this machine, as RFC 6761 demands, whatever a name server answers.
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

    fn check(&self, name: &str, ip: IpAddr) -> Result<(), Box<dyn Error + Send + Sync>> {
        let kind = AddressKind::from_ip(ip);
        if is_loopback(name) && kind != AddressKind::ThisMachine {
            return Err(Box::new(NotThisMachine(ip)));
        }
        let Some(registry) = self.registry else {
            return Ok(());
        };
        Ok(ForbiddenAddress::check(ip, kind, registry, &self.options)?)
    }
}

/// A name below `localhost` with an address of another machine.
#[derive(Debug, thiserror::Error)]
#[error("a name below localhost must be this machine, but its address is {0}")]
struct NotThisMachine(IpAddr);

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
                match this.check(name.as_str(), address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(reason) => refused = Some(reason),
                }
            }
            match refused {
                Some(reason) if allowed.is_empty() => Err(reason),
                Some(_) | None => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
