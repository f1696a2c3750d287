//! Whose credentials a registry is shown.
//!
//! The user who runs the program is one account; the pull secrets of a workload
//! are another. What one account was told is never answered to another: each
//! has its own tokens and its own view of a repository.

use std::fmt;
use std::sync::Arc;

use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

use crate::image::CanonicalName;

use super::credentials::{Candidate, Credential, DockerConfig, Found, Keychain};
use super::options::RegistryOptions;

/// A Secret of a cluster that holds registry credentials, read. Helpers that it
/// names are never run.
#[derive(Debug, Clone)]
pub struct PullSecret {
    /// What messages call it: `secret NAMESPACE/NAME`.
    pub origin: String,
    /// What it holds.
    pub config: DockerConfig,
}

/// Tells credentials apart without telling them: a hash of what is shown to a
/// registry. It is not printed, since a weak password may be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId([u8; 32]);

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(…)")
    }
}

/// Whose credentials a registry is shown. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Account(Arc<Holder>);

#[derive(Debug)]
enum Holder {
    User(Keychain),
    PullSecrets(Vec<PullSecret>),
}

impl Account {
    pub(super) fn of_user(options: &RegistryOptions) -> Self {
        Self(Arc::new(Holder::User(Keychain::new(options))))
    }

    /// The account of a workload: its pull secrets in the order in which the
    /// kubelet tries them.
    #[must_use]
    pub fn of_pull_secrets(secrets: Vec<PullSecret>) -> Self {
        Self(Arc::new(Holder::PullSecrets(secrets)))
    }

    /// What sets the pull secrets' credentials for a repository apart from
    /// others; `None` for the user, and where no secret is for that repository.
    /// Workloads with the same one may share answers.
    #[must_use]
    pub fn credential_id(&self, name: &CanonicalName) -> Option<CredentialId> {
        let Holder::PullSecrets(secrets) = &*self.0 else {
            return None;
        };
        let credentials = secrets.iter().flat_map(|s| s.config.credentials(name));
        CredentialId::of(credentials)
    }

    /// Whether the credentials come from a cluster.
    pub(super) fn is_of_workload(&self) -> bool {
        matches!(*self.0, Holder::PullSecrets(_))
    }

    /// The identities under which the cache may hold what this account was told
    /// of a repository. No helper is run for it; `private` says whether what a
    /// helper gave may be known by the helper's name.
    pub(super) async fn ids(&self, name: &CanonicalName, private: bool) -> Vec<CredentialId> {
        match &*self.0 {
            Holder::User(keychain) => keychain.ids(name, private).await,
            Holder::PullSecrets(_) => self.credential_id(name).into_iter().collect(),
        }
    }

    /// The credentials to try for a repository, in their order.
    pub(super) async fn find(&self, name: &CanonicalName) -> Found {
        let secrets = match &*self.0 {
            Holder::User(keychain) => return keychain.find(name).await,
            Holder::PullSecrets(secrets) => secrets,
        };
        let candidates = secrets.iter().flat_map(|secret| {
            let credentials = secret.config.credentials(name);
            credentials.map(|credential| Candidate {
                credential: Arc::new(credential.clone()),
                origin: secret.origin.clone(),
                helper: None,
            })
        });
        Found::new(candidates.collect())
    }
}

impl CredentialId {
    /// The identity of a list of credentials; `None` if it is empty.
    pub(super) fn of<'a>(credentials: impl IntoIterator<Item = &'a Credential>) -> Option<Self> {
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

    /// The identity of whatever a helper says of a registry: its passwords
    /// change by the hour, and whoever runs it stays the same.
    pub(super) fn of_helper(helper: &str, name: &CanonicalName) -> Self {
        let mut hash = Sha256::new();
        for part in ["helper", helper, name.registry()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The hash itself, as a part of what is hashed further.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(configs: &[&str]) -> Account {
        let secret = |config: &&str| PullSecret {
            origin: "secret a/b".to_owned(),
            config: DockerConfig::parse(config.as_bytes()).expect("a config"),
        };
        Account::of_pull_secrets(configs.iter().map(secret).collect())
    }

    fn id(configs: &[&str], name: &str) -> Option<CredentialId> {
        account(configs).credential_id(&name.parse().expect("a name"))
    }

    const ALICE: &str = r#"{"auths":{"r.example":{"username":"alice","password":"1"}}}"#;
    const BOB: &str = r#"{"auths":{"r.example":{"username":"bob","password":"1"}}}"#;
    const ALICE_ELSEWHERE: &str =
        r#"{"auths":{"r.example":{"auth":"YWxpY2U6MQ=="},"q.example":{"auth":"eDp5"}}}"#;

    #[test]
    fn equal_credentials_have_one_identity_wherever_they_stand() {
        let name = "r.example/app";
        assert_eq!(id(&[ALICE], name), id(&[ALICE_ELSEWHERE], name));
        assert_ne!(id(&[ALICE], name), id(&[BOB], name));
        assert_ne!(id(&[ALICE, BOB], name), id(&[BOB, ALICE], name));
        assert_eq!(id(&[ALICE], "q.example/app"), None);
        assert!(!format!("{:?}", id(&[ALICE], name)).contains("alice"));
    }

    #[tokio::test]
    async fn secrets_are_tried_in_their_order_and_their_helpers_never() {
        let helper = r#"{"credHelpers":{"r.example":"evil"},"credsStore":"evil"}"#;
        let found = account(&[helper, BOB, ALICE])
            .find(&"r.example/app".parse().expect("a name"))
            .await;
        let users: Vec<&str> = found
            .candidates
            .iter()
            .map(|candidate| match &*candidate.credential {
                Credential::Password { user, .. } => user.as_str(),
                _ => "?",
            })
            .collect();
        assert_eq!(users, ["bob", "alice"]);
    }
}
