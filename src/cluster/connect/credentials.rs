//! Who we are to an API server: what a kubeconfig or a flag names becomes one
//! `Authorization` header.
//!
//! kubectl's rules hold. Credentials go to https servers only, whatever they are;
//! who is impersonated is no secret and is told everywhere. A token file wins over
//! a token beside it and is read again every minute; a plugin runs again when its
//! token expires, or is refused.
//!
//! kube gets none of these: its errors quote a plugin's environment and output, and
//! a token with a line break ends the process. It keeps what TLS shows (client
//! certificates) and the `oidc` provider.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use kube::config::{AuthInfo, ExecConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::plugin;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::secrets::{self, header};

/// How long a token of a file is used before the file is read again, as client-go
/// has it.
const REREAD: Duration = Duration::from_secs(50);

/// The largest token file that is read, in bytes.
const MAX_TOKEN: u64 = 1024 * 1024;

/// What a user of a kubeconfig names, before any of it is used.
pub(crate) enum Source {
    /// Nothing, or only what TLS shows.
    None,
    /// Something, and the server does not speak https.
    Withheld,
    Basic {
        user: String,
        password: SecretString,
    },
    Token {
        token: SecretString,
        /// Whose it is, for messages.
        owner: String,
    },
    File {
        path: String,
        /// Used where the file cannot be read.
        token: Option<SecretString>,
    },
    Plugin(Box<ExecConfig>),
}

// Without what it holds: `exec` has an environment.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Withheld => "Withheld",
            Self::Basic { .. } => "Basic",
            Self::Token { .. } => "Token",
            Self::File { .. } => "File",
            Self::Plugin(_) => "Plugin",
        })
    }
}

/// What is shown to the server.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// Nothing, although there is something.
    Withheld,
    /// The same header in the whole run.
    Fixed(HeaderValue),
    /// A token that may change.
    Changing(Arc<Changing>),
}

/// A token that is got anew from time to time.
pub(crate) struct Changing {
    from: Origin,
    state: Mutex<State>,
}

enum Origin {
    File {
        path: String,
        token: Option<SecretString>,
    },
    Plugin(Box<ExecConfig>),
}

struct State {
    header: HeaderValue,
    /// When it is got anew; `None`: not before the server refuses it.
    until: Option<Instant>,
    /// What the server has refused, so that it is got anew only once.
    refused: Option<HeaderValue>,
}

/// A client certificate with its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: SecretString,
}

/// Takes the credentials out of a user. What is left is for kube: who is
/// impersonated, the certificate, and the `oidc` provider.
pub(crate) fn take(
    user: &mut AuthInfo,
    server: &http::Uri,
    name: &str,
) -> Result<Source, ClusterError> {
    let own = std::mem::take(user);
    user.impersonate = own.impersonate.clone();
    user.impersonate_uid = own.impersonate_uid.clone();
    user.impersonate_groups = own.impersonate_groups.clone();
    user.impersonate_user_extra = own.impersonate_user_extra.clone();
    check_impersonation(user)?;
    if server.scheme_str() != Some("https") {
        let is_anything = own.token.is_some()
            || own.token_file.is_some()
            || own.username.is_some()
            || own.password.is_some()
            || own.exec.is_some()
            || own.auth_provider.is_some()
            || own.client_certificate.is_some()
            || own.client_certificate_data.is_some();
        return Ok(match is_anything {
            true => Source::Withheld,
            false => Source::None,
        });
    }
    if let Some(identity) = identity_of(&own, name)? {
        show(user, &identity);
    }
    if let Some(provider) = own.auth_provider {
        if provider.name != "oidc" {
            return Err(unsupported(&provider.name));
        }
        for key in ["id-token", "refresh-token", "client-secret"] {
            if let Some(secret) = provider.config.get(key) {
                secrets::learn(secret);
            }
        }
        user.auth_provider = Some(provider);
        return Ok(Source::None);
    }
    let some = |token: Option<SecretString>| token.filter(|t| !t.expose_secret().trim().is_empty());
    let token = some(own.token);
    let file = own.token_file.filter(|path| !path.is_empty());
    let login = own.username.filter(|user| !user.is_empty());
    Ok(match (login, token, file, own.exec) {
        (Some(_), token, file, _) if token.is_some() || file.is_some() => {
            return Err(ClusterError::Configuration(format!(
                "more than one authentication method found for {name}; \
                 found [token basicAuth], only one is allowed"
            )));
        }
        (Some(user), ..) => Source::Basic {
            user,
            password: own.password.unwrap_or_default(),
        },
        (None, token, Some(path), _) => Source::File { path, token },
        (None, Some(token), None, _) => Source::Token {
            token,
            owner: format!("the token of user {name:?}"),
        },
        (None, None, None, Some(exec)) => Source::Plugin(Box::new(exec)),
        (None, None, None, None) => Source::None,
    })
}

/// Has kube show a certificate.
pub(crate) fn show(user: &mut AuthInfo, identity: &Identity) {
    user.client_certificate_data = Some(STANDARD.encode(&identity.certificate));
    let key = STANDARD.encode(identity.key.expose_secret());
    user.client_key_data = Some(key.into());
}

/// As client-go words it, which has removed them.
fn unsupported(provider: &str) -> ClusterError {
    let instead = match provider {
        "gcp" => "gke-gcloud-auth-plugin",
        "azure" => "https://github.com/Azure/kubelogin",
        _ => {
            return ClusterError::Configuration(format!(
                "no Auth Provider found for name {provider:?}"
            ));
        }
    };
    ClusterError::Configuration(format!(
        "the {provider} auth plugin has been removed from Kubernetes; \
         use the credential plugin {instead} instead"
    ))
}

/// Headers are made of these, and kube does not say of which one it could not.
fn check_impersonation(user: &AuthInfo) -> Result<(), ClusterError> {
    let groups = user.impersonate_groups.iter().flatten();
    let extra = user.impersonate_user_extra.iter().flatten();
    let named = [
        ("user", user.impersonate.as_ref()),
        ("uid", user.impersonate_uid.as_ref()),
    ];
    let mut all = named
        .into_iter()
        .filter_map(|(what, value)| Some((what, value?)))
        .chain(groups.map(|group| ("group", group)))
        .chain(extra.flat_map(|(_, values)| values.iter().map(|value| ("user-extra", value))));
    match all.find(|(_, value)| HeaderValue::from_str(value).is_err()) {
        Some((what, value)) => Err(ClusterError::Configuration(format!(
            "the {what} {value:?} cannot be impersonated: it holds a character that no header may have"
        ))),
        None => Ok(()),
    }
}

/// The client certificate of a user and its key, from files or the kubeconfig
/// itself, which wins. No error quotes any of it.
fn identity_of(user: &AuthInfo, name: &str) -> Result<Option<Identity>, ClusterError> {
    let data = user
        .client_key_data
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let certificate = pem(
        "client-certificate",
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
        name,
    )?;
    let Some(certificate) = certificate else {
        return Ok(None);
    };
    let key = pem("client-key", data, user.client_key.as_deref(), name)?;
    let key = key.ok_or_else(|| {
        ClusterError::Configuration(format!(
            "clientKeyData or clientKey must be specified for {name} to use the clientCert \
             authentication method"
        ))
    })?;
    identity(certificate, key, &format!("of user {name:?}")).map(Some)
}

/// A certificate and a key that TLS can show.
pub(crate) fn identity(
    certificate: String,
    key: String,
    owner: &str,
) -> Result<Identity, ClusterError> {
    let unusable = |what: &str| {
        Err(ClusterError::Configuration(format!(
            "{what} {owner} in PEM"
        )))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    if !chain.is_ok_and(|chain| !chain.is_empty()) {
        return unusable("there is no valid client certificate");
    }
    if PrivateKeyDer::from_pem_slice(key.as_bytes()).is_err() {
        return unusable("there is no valid, unencrypted client key");
    }
    Ok(Identity {
        certificate,
        key: key.into(),
    })
}

fn pem(
    what: &str,
    data: Option<&str>,
    file: Option<&str>,
    name: &str,
) -> Result<Option<String>, ClusterError> {
    let fault = |reason: String| ClusterError::Configuration(reason);
    let bytes = match (data.filter(|data| !data.is_empty()), file) {
        (Some(data), _) => {
            // Long lines are often folded.
            let data: String = data.split_ascii_whitespace().collect();
            let decoded = STANDARD.decode(data);
            decoded.map_err(|_| fault(format!("the {what}-data of user {name:?} is not Base64")))?
        }
        (None, Some(file)) => std::fs::read(file).map_err(|error| {
            let reason = plain_io(&error.to_string());
            fault(format!(
                "unable to read {what} {file} for {name} due to open {file}: {reason}"
            ))
        })?,
        (None, None) => return Ok(None),
    };
    let text = String::from_utf8(bytes);
    text.map(Some)
        .map_err(|_| fault(format!("the {what} of user {name:?} is not PEM")))
}

impl Credentials {
    /// What a source gives: the header, and a certificate where a plugin has one.
    pub(crate) async fn obtain(source: Source) -> Result<(Self, Option<Identity>), ClusterError> {
        let origin = match source {
            Source::None => return Ok((Self::None, None)),
            Source::Withheld => return Ok((Self::Withheld, None)),
            Source::Basic { user, password } => {
                let header = header::basic(&user, &password);
                let header = header.ok_or_else(|| unusable("the user name"))?;
                return Ok((Self::Fixed(header), None));
            }
            Source::Token { token, owner } => {
                let header = bearer(token.expose_secret().as_bytes(), &owner)?;
                return Ok((Self::Fixed(header), None));
            }
            Source::File { path, token } => Origin::File { path, token },
            Source::Plugin(exec) => Origin::Plugin(exec),
        };
        let (token, identity) = origin.get().await?;
        let Some((header, until)) = token else {
            return Ok((Self::None, identity));
        };
        let state = State {
            header,
            until,
            refused: None,
        };
        let changing = Changing {
            from: origin,
            state: Mutex::new(state),
        };
        Ok((Self::Changing(Arc::new(changing)), identity))
    }

    /// What to show with the next request.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, ClusterError> {
        match self {
            Self::None | Self::Withheld => Ok(None),
            Self::Fixed(header) => Ok(Some(header.clone())),
            Self::Changing(changing) => {
                let mut state = changing.state.lock().await;
                if state.until.is_some_and(|until| until <= Instant::now()) {
                    changing.renew(&mut state).await?;
                }
                Ok(Some(state.header.clone()))
            }
        }
    }

    /// What to show where the server has refused a header (401): another one, or
    /// nothing new.
    pub(crate) async fn instead_of(
        &self,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>, ClusterError> {
        let Self::Changing(changing) = self else {
            return Ok(None);
        };
        let mut state = changing.state.lock().await;
        if state.header == *refused && state.refused.as_ref() != Some(refused) {
            state.refused = Some(refused.clone());
            changing.renew(&mut state).await?;
        }
        Ok(Some(state.header.clone()).filter(|header| header != refused))
    }

    /// Whether there are credentials that this server does not get.
    pub(crate) fn are_withheld(&self) -> bool {
        matches!(self, Self::Withheld)
    }
}

impl Changing {
    async fn renew(&self, state: &mut State) -> Result<(), ClusterError> {
        match (self.from.get().await, &self.from) {
            (Ok((Some((header, until)), _)), _) => {
                state.header = header;
                state.until = until;
            }
            // A certificate instead of a token would need another connection.
            (Ok((None, _)), _) => state.until = None,
            // A file that is gone for a moment must not end the run.
            (Err(_), Origin::File { .. }) => state.until = Some(Instant::now() + REREAD),
            (Err(error), Origin::Plugin(_)) => return Err(error),
        }
        Ok(())
    }
}

type Token = (HeaderValue, Option<Instant>);

impl Origin {
    async fn get(&self) -> Result<(Option<Token>, Option<Identity>), ClusterError> {
        match self {
            Self::File { path, token } => {
                let header = match (read_token(path), token) {
                    (Ok(header), _) => header,
                    (Err(_), Some(token)) => bearer(
                        token.expose_secret().as_bytes(),
                        "the token beside tokenFile",
                    )?,
                    (Err(error), None) => return Err(error),
                };
                Ok((Some((header, Some(Instant::now() + REREAD))), None))
            }
            Self::Plugin(exec) => {
                let issued = plugin::run(exec).await?;
                let owner = format!("the token of the credential plugin {}", issued.program);
                let token = match &issued.token {
                    Some(token) => {
                        let header = bearer(token.expose_secret().as_bytes(), &owner)?;
                        Some((header, issued.until))
                    }
                    None => None,
                };
                Ok((token, issued.identity))
            }
        }
    }
}

fn read_token(path: &str) -> Result<HeaderValue, ClusterError> {
    let mut token = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_TOKEN + 1).read_to_end(&mut token))
        .map_err(|error| {
            let reason = plain_io(&error.to_string());
            ClusterError::Configuration(format!("open {path}: {reason}"))
        })?;
    if u64::try_from(token.len()).is_ok_and(|length| length > MAX_TOKEN) {
        return Err(ClusterError::Configuration(format!(
            "the token in {path} is larger than {MAX_TOKEN} bytes; is it a token file?"
        )));
    }
    if token.trim_ascii().is_empty() {
        return Err(ClusterError::Configuration(format!(
            "read empty token from file {path:?}"
        )));
    }
    bearer(&token, &format!("the token in {path}"))
}

fn bearer(token: &[u8], owner: &str) -> Result<HeaderValue, ClusterError> {
    header::bearer(token).ok_or_else(|| unusable(owner))
}

/// Credentials that no header can carry.
fn unusable(owner: &str) -> ClusterError {
    ClusterError::Configuration(format!(
        "{owner} holds a character that no header may have, such as a line break"
    ))
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
