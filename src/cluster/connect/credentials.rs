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
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::client_certificate::ClientCertificate;
use super::plugin;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::secrets;

/// How long a token of a file is used before the file is read again, as client-go
/// has it.
const REREAD: Duration = Duration::from_secs(50);

/// The largest token file that is read, in bytes.
const MAX_TOKEN: u64 = 1024 * 1024;

/// What a user of a kubeconfig names, before any of it is used.
pub(crate) enum CredentialSource {
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
impl std::fmt::Debug for CredentialSource {
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
    Renewable(Arc<RenewableToken>),
}

/// A token that is got anew from time to time.
pub(crate) struct RenewableToken {
    source: TokenSource,
    state: Mutex<TokenState>,
}

enum TokenSource {
    File {
        path: String,
        token: Option<SecretString>,
    },
    Plugin(Box<ExecConfig>),
}

struct TokenState {
    header: HeaderValue,
    /// When it is got anew; `None`: not before the server refuses it.
    until: Option<Instant>,
    /// What the server has refused, so that it is got anew only once.
    refused: Option<HeaderValue>,
}

/// Takes the credentials out of a user. What is left is for kube: who is
/// impersonated, the certificate, and the `oidc` provider.
pub(crate) fn take(
    user: &mut AuthInfo,
    server: &http::Uri,
    name: &str,
) -> Result<CredentialSource, ClusterError> {
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
            true => CredentialSource::Withheld,
            false => CredentialSource::None,
        });
    }
    if let Some(certificate) = ClientCertificate::from_user(&own, name)? {
        certificate.apply_to(user);
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
        return Ok(CredentialSource::None);
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
        (Some(user), ..) => CredentialSource::Basic {
            user,
            password: own.password.unwrap_or_default(),
        },
        (None, token, Some(path), _) => CredentialSource::File { path, token },
        (None, Some(token), None, _) => CredentialSource::Token {
            token,
            owner: format!("the token of user {name:?}"),
        },
        (None, None, None, Some(exec)) => CredentialSource::Plugin(Box::new(exec)),
        (None, None, None, None) => CredentialSource::None,
    })
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

impl Credentials {
    /// What a source gives: the header, and a certificate where a plugin has one.
    pub(crate) async fn obtain(
        source: CredentialSource,
    ) -> Result<(Self, Option<ClientCertificate>), ClusterError> {
        let token_source = match source {
            CredentialSource::None => return Ok((Self::None, None)),
            CredentialSource::Withheld => return Ok((Self::Withheld, None)),
            CredentialSource::Basic { user, password } => {
                secrets::learn_login(&user, password.expose_secret());
                let login = format!("{user}:{}", password.expose_secret());
                let login = STANDARD.encode(login);
                let header = header("Basic", login.as_bytes(), "the user name")?;
                return Ok((Self::Fixed(header), None));
            }
            CredentialSource::Token { token, owner } => {
                let header = bearer(token.expose_secret().as_bytes(), &owner)?;
                return Ok((Self::Fixed(header), None));
            }
            CredentialSource::File { path, token } => TokenSource::File { path, token },
            CredentialSource::Plugin(exec) => TokenSource::Plugin(exec),
        };
        let (token, certificate) = token_source.get().await?;
        let Some((header, until)) = token else {
            return Ok((Self::None, certificate));
        };
        let state = TokenState {
            header,
            until,
            refused: None,
        };
        let token = RenewableToken {
            source: token_source,
            state: Mutex::new(state),
        };
        Ok((Self::Renewable(Arc::new(token)), certificate))
    }

    /// What to show with the next request.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, ClusterError> {
        match self {
            Self::None | Self::Withheld => Ok(None),
            Self::Fixed(header) => Ok(Some(header.clone())),
            Self::Renewable(token) => {
                let mut state = token.state.lock().await;
                if state.until.is_some_and(|until| until <= Instant::now()) {
                    token.renew(&mut state).await?;
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
        let Self::Renewable(token) = self else {
            return Ok(None);
        };
        let mut state = token.state.lock().await;
        if state.header == *refused && state.refused.as_ref() != Some(refused) {
            state.refused = Some(refused.clone());
            token.renew(&mut state).await?;
        }
        Ok(Some(state.header.clone()).filter(|header| header != refused))
    }

    /// Whether there are credentials that this server does not get.
    pub(crate) fn are_withheld(&self) -> bool {
        matches!(self, Self::Withheld)
    }
}

impl RenewableToken {
    async fn renew(&self, state: &mut TokenState) -> Result<(), ClusterError> {
        match (self.source.get().await, &self.source) {
            (Ok((Some((header, until)), _)), _) => {
                state.header = header;
                state.until = until;
            }
            // A certificate instead of a token would need another connection.
            (Ok((None, _)), _) => state.until = None,
            // A file that is gone for a moment must not end the run.
            (Err(_), TokenSource::File { .. }) => state.until = Some(Instant::now() + REREAD),
            (Err(error), TokenSource::Plugin(_)) => return Err(error),
        }
        Ok(())
    }
}

/// A header, and when it must be renewed; `None`: not before the server rejects it.
type IssuedToken = (HeaderValue, Option<Instant>);

impl TokenSource {
    async fn get(&self) -> Result<(Option<IssuedToken>, Option<ClientCertificate>), ClusterError> {
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
                Ok((token, issued.certificate))
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
    let token = token.trim_ascii();
    secrets::learn(&String::from_utf8_lossy(token));
    header("Bearer", token, owner)
}

/// A header value that prints as `Sensitive`.
fn header(scheme: &str, value: &[u8], owner: &str) -> Result<HeaderValue, ClusterError> {
    let text = [scheme.as_bytes(), b" ", value].concat();
    let mut header = HeaderValue::from_bytes(&text).map_err(|_| {
        ClusterError::Configuration(format!(
            "{owner} holds a character that no header may have, such as a line break"
        ))
    })?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
