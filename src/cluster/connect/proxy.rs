//! The proxy through which an API server is reached.
//!
//! The rules are kubectl's: the `proxy-url` of a kubeconfig always applies;
//! `HTTPS_PROXY` applies to https only, never to loopback, and not to a server that
//! `NO_PROXY` names. (kube compares `NO_PROXY` with the proxy's own address, and rejects
//! an empty entry in it.)

use crate::cluster::api::error::ClusterError;
use crate::proxy::{ProxyError, ProxySettings, parse};

/// The proxy for a server, with the scheme `http`, `https` or `socks5`. `own` is the
/// kubeconfig's `proxy-url`.
pub(crate) fn proxy_for(
    own: Option<&str>,
    server: &http::Uri,
) -> Result<Option<http::Uri>, ClusterError> {
    let proxy = if let Some(own) = own.filter(|own| !own.is_empty()) {
        parse(own, "the cluster's proxy-url").map(Some)
    } else if server.scheme_str() == Some("https") {
        ProxySettings::from_environment().for_url(server)
    } else {
        Ok(None)
    };
    proxy.map_err(|error: ProxyError| ClusterError::Configuration(error.to_string()))
}
