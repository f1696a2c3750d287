//! Client certificates: the part of a user's credentials that TLS shows.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::user_file;

/// The maximum size of a file with a certificate or a key, in bytes.
const MAX_PEM: u64 = 1 << 20;

/// A client certificate with its key, in PEM.
pub(crate) struct ClientCertificate {
    pub(crate) certificate: String,
    pub(crate) key: SecretString,
}

impl ClientCertificate {
    /// Checks that TLS can use a certificate and its key. `owner` is for messages:
    /// `of user "eve"`.
    pub(crate) fn from_pem(
        certificate: String,
        key: String,
        owner: &str,
    ) -> Result<Self, ClusterError> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
        if !chain.is_ok_and(|chain| !chain.is_empty()) {
            return Err(configuration(format!(
                "there is no valid client certificate {owner} in PEM"
            )));
        }
        if PrivateKeyDer::from_pem_slice(key.as_bytes()).is_err() {
            return Err(configuration(format!(
                "there is no valid, unencrypted client key {owner} in PEM"
            )));
        }
        Ok(Self {
            certificate,
            key: key.into(),
        })
    }

    /// The client certificate of a kubeconfig user. Data in the kubeconfig wins
    /// over files. No error quotes any of it.
    pub(crate) fn from_user(user: &AuthInfo, name: &str) -> Result<Option<Self>, ClusterError> {
        let certificate = read_pem(
            "client-certificate",
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_deref(),
            name,
        )?;
        let Some(certificate) = certificate else {
            return Ok(None);
        };
        let key_data = user
            .client_key_data
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret);
        let key = read_pem("client-key", key_data, user.client_key.as_deref(), name)?;
        let key = key.ok_or_else(|| {
            configuration(format!(
                "clientKeyData or clientKey must be specified for {name} to use the clientCert \
                 authentication method"
            ))
        })?;
        Self::from_pem(certificate, key, &format!("of user {name:?}")).map(Some)
    }

    /// Makes kube's client present the certificate.
    pub(crate) fn apply_to(&self, user: &mut AuthInfo) {
        user.client_certificate_data = Some(STANDARD.encode(&self.certificate));
        let key = STANDARD.encode(self.key.expose_secret());
        user.client_key_data = Some(key.into());
    }
}

fn read_pem(
    what: &str,
    data: Option<&str>,
    file: Option<&str>,
    name: &str,
) -> Result<Option<String>, ClusterError> {
    let bytes = match (data.filter(|data| !data.is_empty()), file) {
        (Some(data), _) => {
            // Long lines are often folded.
            let data: String = data.split_ascii_whitespace().collect();
            STANDARD.decode(data).map_err(|_| {
                configuration(format!("the {what}-data of user {name:?} is not Base64"))
            })?
        }
        (None, Some(file)) => user_file::read(Path::new(file), MAX_PEM).map_err(|error| {
            let reason = plain_io(&error.to_string());
            configuration(format!(
                "unable to read {what} {file} for {name} due to open {file}: {reason}"
            ))
        })?,
        (None, None) => return Ok(None),
    };
    let text = String::from_utf8(bytes);
    text.map(Some)
        .map_err(|_| configuration(format!("the {what} of user {name:?} is not PEM")))
}

fn configuration(reason: String) -> ClusterError {
    ClusterError::Configuration(reason)
}
