//! Selects the server and its credentials from kubeconfig files, flags, or the Pod's own
//! service account.
//!
//! The order is kubectl's. Flags win over the files of `KUBECONFIG`, or else over
//! `~/.kube/config`. Several files are merged: the first definition wins, and missing
//! files are skipped. Without files and flags, a Pod's service account is used; without
//! that, `localhost:8080`, as in kubectl. If a context names a cluster or a user that is
//! not defined, kubectl falls back to `localhost:8080` or asks for a user name; we report
//! an error instead.

use std::io::{self, IsTerminal};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{
    AuthInfo, Cluster as ClusterEntry, Context, ExecAuthCluster, ExecInteractiveMode, Kubeconfig,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;

use super::credentials::{self, KubeconfigCredentials};
use super::options::ConnectionOptions;
use super::proxy;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::secrets;
use crate::user_file;

/// kubectl's server if none is configured.
const FALLBACK_SERVER: &str = "http://localhost:8080";

/// The maximum size of a file with the certificates of an authority, in bytes.
const MAX_AUTHORITY: u64 = 16 << 20;

/// The selected parts of a kubeconfig, with the flags applied.
#[derive(Debug, Default)]
pub(crate) struct EffectiveConfig {
    /// The context's name; `None` in a Pod, or if only flags are used.
    pub(crate) context: Option<String>,
    /// The context's namespace.
    pub(crate) namespace: Option<String>,
    cluster_name: String,
    cluster: ClusterEntry,
    user_name: String,
    user: AuthInfo,
}

/// Whether the files define nothing.
pub(crate) fn is_empty(config: &Kubeconfig) -> bool {
    config.contexts.is_empty() && config.clusters.is_empty() && config.auth_infos.is_empty()
}

/// Selects context, cluster and user, and applies the flags.
pub(crate) fn resolve(
    config: &Kubeconfig,
    options: &ConnectionOptions,
) -> Result<EffectiveConfig, ClusterError> {
    let context_name = options
        .context
        .as_ref()
        .or(config.current_context.as_ref())
        .filter(|name| !name.is_empty());
    let context = match context_name {
        Some(name) => config
            .contexts
            .iter()
            .find(|named| named.name == *name)
            .map(|named| named.context.clone().unwrap_or_default())
            .ok_or_else(|| ClusterError::UnknownContext(name.clone()))?,
        None => Context::default(),
    };
    let cluster_name = options.cluster.clone().unwrap_or(context.cluster);
    let cluster = match find_cluster(config, &cluster_name) {
        Some(cluster) => cluster,
        None if cluster_name.is_empty() => ClusterEntry::default(),
        None => return Err(ClusterError::UnknownCluster(cluster_name)),
    };
    let user_name = options.user.clone().or(context.user).unwrap_or_default();
    let user = match find_user(config, &user_name) {
        Some(user) => user,
        None if user_name.is_empty() => AuthInfo::default(),
        None => return Err(ClusterError::UnknownUser(user_name)),
    };
    let mut effective = EffectiveConfig {
        context: context_name.cloned(),
        namespace: context.namespace.filter(|name| !name.is_empty()),
        cluster_name,
        cluster,
        user_name,
        user,
    };
    apply_cluster_flags(&mut effective.cluster, options)?;
    apply_user_flags(&mut effective.user, options)?;
    Ok(effective)
}

fn find_cluster(config: &Kubeconfig, name: &str) -> Option<ClusterEntry> {
    let named = config.clusters.iter().find(|named| named.name == name)?;
    Some(named.cluster.clone().unwrap_or_default())
}

fn find_user(config: &Kubeconfig, name: &str) -> Option<AuthInfo> {
    let named = config.auth_infos.iter().find(|named| named.name == name)?;
    Some(named.auth_info.clone().unwrap_or_default())
}

fn apply_cluster_flags(
    cluster: &mut ClusterEntry,
    options: &ConnectionOptions,
) -> Result<(), ClusterError> {
    if options.insecure_skip_tls_verify && options.certificate_authority.is_some() {
        return Err(ClusterError::Configuration(
            "specifying a root certificates file with the insecure flag is not allowed".to_owned(),
        ));
    }
    if let Some(file) = &options.certificate_authority {
        cluster.certificate_authority = Some(file.display().to_string());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    if let Some(name) = &options.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if options.disable_compression {
        cluster.disable_compression = Some(true);
    }
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
    }
    let server = match cluster.server.take().filter(|server| !server.is_empty()) {
        None => FALLBACK_SERVER.to_owned(),
        Some(server) if server.contains("://") => server,
        // As in kubectl, whatever the TLS flags are: no credentials are sent there.
        Some(host) => format!("http://{host}"),
    };
    cluster.server = Some(server);
    Ok(())
}

/// Applies the credential flags to a user, whether from a file or the Pod's.
pub(crate) fn apply_user_flags(
    user: &mut AuthInfo,
    options: &ConnectionOptions,
) -> Result<(), ClusterError> {
    let basic = options.username.is_some() || options.password.is_some();
    if options.token.is_some() && basic {
        return Err(ClusterError::Configuration(
            "more than one authentication method found; found [token basicAuth], only one is allowed"
                .to_owned(),
        ));
    }
    if options.token.is_some() || basic {
        // A credential flag replaces every kind of credential in the file.
        user.token = options.token.clone();
        user.username = options.username.clone();
        user.password = (options.username.is_some())
            .then(|| options.password.clone().unwrap_or(SecretString::from("")));
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
    }
    if let Some(file) = &options.client_certificate {
        user.client_certificate = Some(file.display().to_string());
        user.client_certificate_data = None;
    }
    if let Some(file) = &options.client_key {
        user.client_key = Some(file.display().to_string());
        user.client_key_data = None;
    }
    if let Some(name) = &options.impersonate_user {
        user.impersonate = Some(name.clone());
        user.impersonate_groups = None;
        user.impersonate_uid = None;
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if let Some(uid) = &options.impersonate_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    if user.impersonate.is_none()
        && (user.impersonate_groups.is_some() || user.impersonate_uid.is_some())
    {
        return Err(ClusterError::Configuration(
            "requesting uid, groups or user-extra without impersonating a user".to_owned(),
        ));
    }
    Ok(())
}

/// A credential plugin may prompt only if someone can answer.
fn interactive_mode(
    mode: Option<&ExecInteractiveMode>,
) -> Result<Option<ExecInteractiveMode>, ClusterError> {
    let terminal = io::stdin().is_terminal();
    match mode {
        Some(ExecInteractiveMode::Always) if !terminal => Err(ClusterError::Unreachable {
            reason: "getting credentials: exec plugin cannot support interactive mode: \
                     standard input is not a terminal"
                .to_owned(),
        }),
        None | Some(ExecInteractiveMode::IfAvailable) if !terminal => {
            Ok(Some(ExecInteractiveMode::Never))
        }
        mode => Ok(mode.cloned()),
    }
}

impl EffectiveConfig {
    /// Converts the selected parts to kube's configuration and to our own credentials.
    /// kube's conversion is not used, because it applies the environment's proxy to every
    /// server.
    pub(crate) fn into_config(self) -> Result<(kube::Config, KubeconfigCredentials), ClusterError> {
        self.check_files()?;
        let Self {
            cluster, mut user, ..
        } = self;
        let url = server_url(cluster.server.as_deref().unwrap_or(FALLBACK_SERVER))?;
        let mut source = credentials::take(&mut user, &url, &self.user_name)?;
        if let KubeconfigCredentials::Plugin(exec) = &mut source {
            exec.interactive_mode = interactive_mode(exec.interactive_mode.as_ref())?;
            if exec.provide_cluster_info {
                let info = ExecAuthCluster::try_from(&cluster);
                // The library's error names the file or the Base64 fault.
                exec.cluster = Some(info.map_err(|e| ClusterError::Configuration(e.to_string()))?);
            }
        }
        let mut config = kube::Config::new(url);
        config.proxy_url = proxy::proxy_for(cluster.proxy_url.as_deref(), &config.cluster_url)?;
        config.root_cert = authority(&cluster, &self.cluster_name)?;
        config.accept_invalid_certs = cluster.insecure_skip_tls_verify == Some(true);
        config.disable_compression = cluster.disable_compression == Some(true);
        config.tls_server_name = cluster.tls_server_name;
        config.auth_info = user;
        if let Some(namespace) = self.namespace {
            config.default_namespace = namespace;
        }
        Ok((config, source))
    }

    /// Checks that the files can be read. As in kubectl, an error names the file and the
    /// cluster or user that needs it.
    fn check_files(&self) -> Result<(), ClusterError> {
        let cluster = &self.cluster;
        let user = &self.user;
        for (what, file, data, owner) in [
            (
                "certificate-authority",
                &cluster.certificate_authority,
                cluster.certificate_authority_data.is_some(),
                &self.cluster_name,
            ),
            (
                "client-cert",
                &user.client_certificate,
                user.client_certificate_data.is_some(),
                &self.user_name,
            ),
            (
                "client-key",
                &user.client_key,
                user.client_key_data.is_some(),
                &self.user_name,
            ),
        ] {
            let Some(file) = file.as_ref().filter(|_| !data) else {
                continue;
            };
            if let Err(error) = user_file::check(Path::new(file)) {
                let reason = plain_io(&error.to_string());
                return Err(ClusterError::Configuration(format!(
                    "unable to read {what} {file} for {owner} due to open {file}: {reason}"
                )));
            }
        }
        Ok(())
    }
}

/// The server's URL. A user name and password in it are neither shown nor used.
fn server_url(server: &str) -> Result<http::Uri, ClusterError> {
    secrets::learn_url(server);
    let url = server.parse::<http::Uri>().ok().filter(|url| {
        matches!(url.scheme_str(), Some("https" | "http")) && crate::proxy::has_valid_host(url)
    });
    url.ok_or_else(|| {
        let server = secrets::without_login(server);
        ClusterError::Configuration(format!(
            "the server {server:?} is not a valid URL; use https://HOST:PORT"
        ))
    })
}

/// The certificates of the cluster's authority. Data in the kubeconfig wins over a file.
fn authority(cluster: &ClusterEntry, name: &str) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
    let unusable = |reason: String| {
        ClusterError::Configuration(format!(
            "unable to use the certificate authority of {name}: {reason}"
        ))
    };
    let pem = match (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    ) {
        (Some(data), _) => {
            // Long lines are often folded.
            let data: String = data.split_ascii_whitespace().collect();
            let decoded = STANDARD.decode(data);
            decoded.map_err(|_| unusable("it is not Base64".to_owned()))?
        }
        (None, Some(file)) => user_file::read(Path::new(file), MAX_AUTHORITY)
            .map_err(|error| unusable(plain_io(&error.to_string())))?,
        (None, None) => return Ok(None),
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect();
    // The parser's error is not shown: it quotes a line, and the file may be a private
    // key by mistake.
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
        Ok(_) | Err(_) => Err(unusable(
            "it contains no certificate in PEM format".to_owned(),
        )),
    }
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
