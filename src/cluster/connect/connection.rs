//! A connection to one API server.

use std::time::Duration;

use super::credentials::{self, Credentials, KubeconfigCredentials};
use super::options::ConnectionOptions;
use super::{kubeconfig, kubeconfig_files, socks};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::secrets;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one response may take if `--request-timeout` is not given. kubectl has no
/// limit, but a page of 500 objects that takes longer never arrives.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// One API server, reached as one user. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    credentials: Credentials,
    context: Option<String>,
    namespace: String,
    server_url: String,
    response_timeout: Option<Duration>,
    stays_in_namespaces: bool,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.context)
            .field("server_url", &self.server_url)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Selects a server and its credentials. A credential plugin runs here; no request
    /// is sent to the server yet.
    ///
    /// # Errors
    ///
    /// The kubeconfig or a flag is invalid, or the credentials cannot be obtained.
    pub async fn connect(options: &ConnectionOptions) -> Result<Self, ClusterError> {
        // This fails if a provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();

        let files = kubeconfig_files::load(options)?;
        let ((mut config, source), context) = match in_pod(&files, options)? {
            Some(config) => (config, None),
            None => {
                let mut effective = kubeconfig::resolve(&files, options)?;
                let context = effective.context.take();
                (effective.into_config()?, context)
            }
        };
        // A plugin may wait here until the user has typed a password.
        let (credentials, certificate) = Credentials::obtain(source).await?;
        if let Some(certificate) = &certificate {
            certificate.apply_to(&mut config.auth_info);
        }
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.default_retry = false;
        let server_url = secrets::without_login(&config.cluster_url.to_string());
        let namespace = match &options.namespace {
            Some(namespace) => namespace.clone(),
            None => config.default_namespace.clone(),
        };
        check_path_segment("namespace", &namespace)?;
        // Reading the system's certificates blocks.
        let server = host_and_port(&server_url);
        let client = tokio::task::spawn_blocking(move || client(config))
            .await
            .map_err(|error| ClusterError::Configuration(error.to_string()))?
            .map_err(|error| ClusterError::from_kube(error, "", &server))?;
        Ok(Self {
            client,
            credentials,
            context,
            namespace,
            server_url,
            response_timeout: options.request_timeout.limit(RESPONSE_TIMEOUT),
            stays_in_namespaces: false,
        })
    }

    /// A cluster behind an existing client, as in a test.
    #[must_use]
    pub fn from_client(client: kube::Client, context: Option<String>, server_url: &str) -> Self {
        Self {
            namespace: client.default_namespace().to_owned(),
            client,
            credentials: Credentials::None,
            context,
            server_url: server_url.to_owned(),
            response_timeout: Some(RESPONSE_TIMEOUT),
            stays_in_namespaces: false,
        }
    }

    /// The same for somebody with rights in namespaces only: what is in the whole cluster, or in an
    /// unknown namespace, is not asked for and counts as unknown.
    #[must_use]
    pub fn staying_in_namespaces(self) -> Self {
        Self {
            stays_in_namespaces: true,
            ..self
        }
    }

    pub(crate) fn stays_in_namespaces(&self) -> bool {
        self.stays_in_namespaces
    }

    /// The context's name; `None` in a Pod, or if only flags are used.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The namespace of the flags, otherwise of the context, otherwise `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The server's URL.
    #[must_use]
    pub fn server_url(&self) -> &str {
        &self.server_url
    }

    /// `host:port` of the server, as in kubectl's messages.
    #[must_use]
    pub fn server(&self) -> String {
        host_and_port(&self.server_url)
    }

    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn response_timeout(&self) -> Option<Duration> {
        self.response_timeout
    }
}

fn client(config: kube::Config) -> kube::Result<kube::Client> {
    let proxy = config.proxy_url.as_ref();
    match proxy.filter(|proxy| proxy.scheme_str() == Some("socks5")) {
        Some(proxy) => {
            let proxy = proxy.clone();
            socks::client(config, &proxy)
        }
        None => kube::Client::try_from(config),
    }
}

/// The Pod's own service account, if no file and no flag selects anything.
fn in_pod(
    files: &kube::config::Kubeconfig,
    options: &ConnectionOptions,
) -> Result<Option<(kube::Config, KubeconfigCredentials)>, ClusterError> {
    let flags = options.server.is_some()
        || options.context.is_some()
        || options.cluster.is_some()
        || options.user.is_some();
    if flags || !kubeconfig::is_empty(files) {
        return Ok(None);
    }
    // Outside a Pod this fails, which is not an error.
    let Ok(mut config) = kube::Config::incluster_env() else {
        return Ok(None);
    };
    kubeconfig::apply_user_flags(&mut config.auth_info, options)?;
    let name = "the Pod's service account";
    let source = credentials::take(&mut config.auth_info, &config.cluster_url, name)?;
    Ok(Some((config, source)))
}

fn host_and_port(url: &str) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return url.to_owned();
    };
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("http") => 80,
        _ => 443,
    });
    format!("{}:{port}", uri.host().unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_name_includes_the_port() {
        for (url, expected) in [
            ("https://127.0.0.1:6443/", "127.0.0.1:6443"),
            ("https://api.example/k8s/clusters/c-1", "api.example:443"),
            ("http://localhost/", "localhost:80"),
            ("https://[::1]:6443", "[::1]:6443"),
        ] {
            assert_eq!(host_and_port(url), expected);
        }
    }

    fn options_for(server: String, folder: &tempfile::TempDir) -> ConnectionOptions {
        let empty = folder.path().join("config");
        std::fs::write(&empty, "{}").expect("written");
        ConnectionOptions {
            kubeconfig: Some(empty),
            server: Some(server),
            ..ConnectionOptions::default()
        }
    }

    #[tokio::test]
    async fn server_that_never_responds_times_out() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let folder = tempfile::tempdir().expect("a folder");
        let options = ConnectionOptions {
            request_timeout: "200ms".parse().expect("a time-out"),
            ..options_for(format!("http://{address}"), &folder)
        };
        let cluster = Cluster::connect(&options).await.expect("connects");
        let error = cluster.namespaces().await.expect_err("silence");
        assert_eq!(
            error.line(),
            "Unable to connect to the server: context deadline exceeded \
             (GET /api/v1/namespaces took longer than 0.2 s)"
        );
    }

    #[tokio::test]
    async fn namespace_with_a_slash_is_rejected() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = ConnectionOptions {
            namespace: Some("a/b".to_owned()),
            ..options_for("http://localhost:1".to_owned(), &folder)
        };
        let error = Cluster::connect(&options).await.expect_err("refused");
        assert_eq!(
            error.line(),
            "error: invalid namespace \"a/b\": may not contain '/'"
        );
    }
}
