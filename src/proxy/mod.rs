//! Proxies: which one a server is reached through, by the rules of Go's `httpproxy`,
//! which kubectl and container tools follow.

mod address;
mod environment;
mod no_proxy;

pub(crate) use address::{ProxyError, has_valid_host, parse};
pub(crate) use environment::ProxySettings;
