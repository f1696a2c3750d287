//! Turns the credentials of a kubeconfig or a flag into one `Authorization` header.
//!
//! The rules are kubectl's. Credentials of any kind are sent to https servers only; the
//! impersonated user is not a secret and is sent to every server. A token file wins over
//! a token in the same kubeconfig user, and is read again every minute. A plugin runs
//! again when its token expires or is rejected.
//!
//! kube does not get these credentials: its errors quote a plugin's environment and
//! output, and a token with a line break ends the process. kube gets only client
//! certificates and the `oidc` provider.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::client_certificate::ClientCertificate;
use super::plugin;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::secrets::{self, header};
use crate::user_file;

/// How long a token from a file is used before the file is read again, as in client-go.
const REREAD: Duration = Duration::from_secs(50);

/// The maximum size of a token file, in bytes.
const MAX_TOKEN: u64 = 1024 * 1024;

/// The credentials that a kubeconfig user names, before they are used.
pub(crate) enum KubeconfigCredentials {
    /// None, or only a client certificate.
    None,
    /// There are credentials, but the server does not use https.
    Withheld,
    Basic {
        user: String,
        password: SecretString,
    },
    Token {
        token: SecretString,
        /// Whose token it is, for messages.
        owner: String,
    },
    File {
        path: String,
        /// Used if the file cannot be read.
        token: Option<SecretString>,
    },
    Plugin(Box<ExecConfig>),
}

// Shows only the variant: the values are secrets, and so may be the environment of `exec`.
impl std::fmt::Debug for KubeconfigCredentials {
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

/// What is sent to the server.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// Nothing, although there are credentials.
    Withheld,
    /// The same header for the whole run.
    Fixed(HeaderValue),
    /// A token that may change.
    Renewable(Arc<RenewableToken>),
}

/// A token that is renewed from time to time.
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
    /// When it must be renewed; `None`: not before the server rejects it.
    until: Option<Instant>,
    /// The header that the server has rejected, so that it is renewed only once.
    rejected: Option<HeaderValue>,
}

/// Takes the credentials out of a user. The rest is for kube: the impersonated user, the
/// certificate, and the `oidc` provider.
pub(crate) fn take(
    user: &mut AuthInfo,
    server: &http::Uri,
    name: &str,
) -> Result<KubeconfigCredentials, ClusterError> {
    let own = std::mem::take(user);
    user.impersonate = own.impersonate.clone();
    user.impersonate_uid = own.impersonate_uid.clone();
    user.impersonate_groups = own.impersonate_groups.clone();
    user.impersonate_user_extra = own.impersonate_user_extra.clone();
    check_impersonation(user)?;
    if server.scheme_str() != Some("https") {
        let has_credentials = own.token.is_some()
            || own.token_file.is_some()
            || own.username.is_some()
            || own.password.is_some()
            || own.exec.is_some()
            || own.auth_provider.is_some()
            || own.client_certificate.is_some()
            || own.client_certificate_data.is_some();
        return Ok(if has_credentials {
            KubeconfigCredentials::Withheld
        } else {
            KubeconfigCredentials::None
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
        return Ok(KubeconfigCredentials::None);
    }
    let token = own
        .token
        .filter(|token| !token.expose_secret().trim().is_empty());
    let file = own.token_file.filter(|path| !path.is_empty());
    let login = own.username.filter(|user| !user.is_empty());
    Ok(match (login, token, file, own.exec) {
        (Some(_), token, file, _) if token.is_some() || file.is_some() => {
            return Err(ClusterError::Configuration(format!(
                "more than one authentication method found for {name}; \
                 found [token basicAuth], only one is allowed"
            )));
        }
        (Some(user), ..) => KubeconfigCredentials::Basic {
            user,
            password: own.password.unwrap_or_default(),
        },
        (None, token, Some(path), _) => KubeconfigCredentials::File { path, token },
        (None, Some(token), None, _) => KubeconfigCredentials::Token {
            token,
            owner: format!("the token of user {name:?}"),
        },
        (None, None, None, Some(exec)) => KubeconfigCredentials::Plugin(Box::new(exec)),
        (None, None, None, None) => KubeconfigCredentials::None,
    })
}

/// client-go's error for a provider that it has removed.
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

/// Checks the values that become headers, because kube's error does not say which of them
/// is invalid.
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
            "the {what} {value:?} cannot be impersonated: it contains a character that is not allowed \
             in a header"
        ))),
        None => Ok(()),
    }
}

impl Credentials {
    /// Obtains the header from a source, and a certificate if a plugin returns one.
    pub(crate) async fn obtain(
        source: KubeconfigCredentials,
    ) -> Result<(Self, Option<ClientCertificate>), ClusterError> {
        let token_source = match source {
            KubeconfigCredentials::None => return Ok((Self::None, None)),
            KubeconfigCredentials::Withheld => return Ok((Self::Withheld, None)),
            KubeconfigCredentials::Basic { user, password } => {
                let header = header::basic(&user, &password);
                let header = header.ok_or_else(|| unusable("the user name"))?;
                return Ok((Self::Fixed(header), None));
            }
            KubeconfigCredentials::Token { token, owner } => {
                let header = bearer(token.expose_secret().as_bytes(), &owner)?;
                return Ok((Self::Fixed(header), None));
            }
            KubeconfigCredentials::File { path, token } => TokenSource::File { path, token },
            KubeconfigCredentials::Plugin(exec) => TokenSource::Plugin(exec),
        };
        let (token, certificate) = token_source.get().await?;
        let Some((header, until)) = token else {
            return Ok((Self::None, certificate));
        };
        let state = TokenState {
            header,
            until,
            rejected: None,
        };
        let token = RenewableToken {
            source: token_source,
            state: Mutex::new(state),
        };
        Ok((Self::Renewable(Arc::new(token)), certificate))
    }

    /// The header for the next request.
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

    /// Another header, after the server has rejected one (401); `None`: there is no other.
    pub(crate) async fn replacement_for(
        &self,
        rejected: &HeaderValue,
    ) -> Result<Option<HeaderValue>, ClusterError> {
        let Self::Renewable(token) = self else {
            return Ok(None);
        };
        let mut state = token.state.lock().await;
        if state.header == *rejected && state.rejected.as_ref() != Some(rejected) {
            state.rejected = Some(rejected.clone());
            token.renew(&mut state).await?;
        }
        Ok(Some(state.header.clone()).filter(|header| header != rejected))
    }

    /// Whether there are credentials that are not sent to this server.
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
            // A file that is missing for a moment must not end the run.
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
                        "the token given with tokenFile",
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
    let token = user_file::read(Path::new(path), MAX_TOKEN).map_err(|error| {
        ClusterError::Configuration(if error.kind() == ErrorKind::FileTooLarge {
            format!("the token in {path} is larger than {MAX_TOKEN} bytes; is it a token file?")
        } else {
            format!("open {path}: {}", plain_io(&error.to_string()))
        })
    })?;
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

/// Credentials that a header cannot carry.
fn unusable(owner: &str) -> ClusterError {
    ClusterError::Configuration(format!(
        "{owner} contains a character that is not allowed in a header, such as a line break"
    ))
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
