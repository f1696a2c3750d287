//! A server behind a SOCKS proxy.
//!
//! kube supports SOCKS, but without the user name and the password that kubectl sends. So
//! the connection is built here, from kube's own parts.

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use tower::{BoxError, ServiceBuilder};

use crate::secrets;

/// A client that reaches its server through a proxy, `socks5://USER:PASSWORD@HOST:PORT`.
/// The proxy resolves names.
pub(crate) fn client(config: kube::Config, proxy: &http::Uri) -> kube::Result<kube::Client> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(config.connect_timeout);
    let login = secrets::login_of(&proxy.to_string());
    let mut socks = SocksV5::new(proxy.clone(), tcp);
    if let Some((user, password)) = login {
        socks = socks.with_auth(user, password);
    }
    let tls = config.rustls_https_connector_with_connector(socks)?;
    let http = Client::builder(TokioExecutor::new()).build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace))
}
