//! The flags that select a server and its credentials.

use std::path::PathBuf;

use secrecy::SecretString;

use super::timeout::RequestTimeout;

/// kubectl's client flags that select a server and its credentials.
///
/// `--cache-dir` has no field, because API discovery is not cached.
#[derive(Debug, Clone, Default)]
pub struct ConnectionOptions {
    /// `--kubeconfig`: only this file is read.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `-n`, `--namespace`.
    pub namespace: Option<String>,
    /// `--as`.
    pub impersonate_user: Option<String>,
    /// `--as-group`, which may be repeated.
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`.
    pub impersonate_uid: Option<String>,
    /// `--request-timeout`.
    pub request_timeout: RequestTimeout,
    /// `-s`, `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--username`.
    pub username: Option<String>,
    /// `--password`.
    pub password: Option<SecretString>,
    /// `--certificate-authority`.
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--disable-compression`.
    pub disable_compression: bool,
}
