//! Identifies credentials without holding them.

use std::fmt;

use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

use crate::image::CanonicalName;

use super::entry::StoredCredential as Credential;

/// Identifies credentials without revealing them: a hash of what is sent to a
/// registry. It is not printed, because a weak password could be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId([u8; 32]);

/// Whose answers of a repository are, after the registry has accepted a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AcceptedIdentity {
    /// Who has sent the request; `None` is anonymous.
    pub(crate) exact: Option<CredentialId>,
    /// The same user of the same credential helper, whatever the password. What an
    /// earlier password has read may be used after the registry has accepted this one.
    pub(crate) login: Option<CredentialId>,
}

impl AcceptedIdentity {
    pub(crate) fn new(credential: &Credential, helper: Option<&str>, name: &CanonicalName) -> Self {
        Self {
            exact: CredentialId::from_credentials([credential]),
            login: helper.map(|helper| CredentialId::for_login(helper, name, credential)),
        }
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(…)")
    }
}

impl CredentialId {
    /// The ID of a list of credentials; `None` if it is empty.
    pub(crate) fn from_credentials<'a>(
        credentials: impl IntoIterator<Item = &'a Credential>,
    ) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut any = false;
        for credential in credentials {
            any = true;
            let (kind, user, secret) = match credential {
                Credential::Password { user, password } => (b'p', user.as_str(), password),
                Credential::IdentityToken { user, token } => (b'i', user.as_str(), token),
                Credential::RegistryToken(token) => (b'r', "", token),
            };
            hash.update([kind]);
            for part in [user, secret.expose_secret()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        any.then(|| Self(hash.finalize().into()))
    }

    /// The ID of whatever password a helper returns for this user of a registry: the
    /// passwords of cloud registries change every hour. It proves nothing by itself.
    fn for_login(helper: &str, name: &CanonicalName, credential: &Credential) -> Self {
        let user = match credential {
            Credential::Password { user, .. } | Credential::IdentityToken { user, .. } => user,
            Credential::RegistryToken(_) => "",
        };
        let mut hash = Sha256::new();
        for part in ["helper", helper, name.registry(), user] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The ID of the credentials that are sent to several sources; `None` if there are
    /// none for any of them. For a single source it is that source's ID.
    pub(crate) fn for_sources(ids: &[Option<Self>]) -> Option<Self> {
        if let [only] = ids {
            return *only;
        }
        let mut hash = Sha256::new();
        for id in ids {
            hash.update([u8::from(id.is_some())]);
            hash.update(id.map_or([0; 32], |id| id.0));
        }
        let any = ids.iter().any(Option::is_some);
        any.then(|| Self(hash.finalize().into()))
    }

    /// The ID of a list of texts, of which each may be missing.
    pub(crate) fn of_parts(parts: &[Option<&[u8]>]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The hash itself, to be used as part of another hash.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
