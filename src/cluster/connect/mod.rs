//! How the API server is reached: kubeconfig, credentials, proxies and timeouts.

pub(crate) mod client_certificate;
pub(crate) mod connection;
pub(crate) mod credentials;
pub(crate) mod identity;
pub(crate) mod kubeconfig;
pub(crate) mod kubeconfig_files;
pub(crate) mod options;
pub(crate) mod plugin;
pub(crate) mod proxy;
pub(crate) mod socks;
pub(crate) mod timeout;
