//! Whose credentials are sent to a registry.
//!
//! The user who runs the program is one account; the pull secrets of a workload are
//! another. What one account could read is never returned to another: each has its
//! own tokens and its own view of a repository.

use std::sync::Arc;

use crate::image::CanonicalName;

use super::credential_id::CredentialId;
use super::docker_config::DockerConfig;
use super::entry::StoredCredential as Credential;
use super::keychain::{CredentialCandidate, FoundCredentials, Keychain};
use crate::registry::options::RegistryOptions;

/// A Secret of a cluster with registry credentials, parsed. Credential helpers that
/// it names are never run.
#[derive(Debug, Clone)]
pub struct PullSecret {
    /// Its name in messages: `secret NAMESPACE/NAME`.
    pub origin: String,
    /// Its content.
    pub config: DockerConfig,
}

/// Whose credentials are sent to a registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Account(Arc<CredentialSource>);

#[derive(Debug)]
enum CredentialSource {
    User(Keychain),
    PullSecrets {
        secrets: Vec<PullSecret>,
        after_user: bool,
    },
}

impl Account {
    pub(crate) fn for_user(options: &RegistryOptions) -> Self {
        Self(Arc::new(CredentialSource::User(Keychain::new(options))))
    }

    /// The account of a workload: its pull secrets, in the order in which they are
    /// tried.
    #[must_use]
    pub fn from_pull_secrets(secrets: Vec<PullSecret>) -> Self {
        Self(Arc::new(CredentialSource::PullSecrets {
            secrets,
            after_user: false,
        }))
    }

    /// Like [`Self::from_pull_secrets`], for a repository that has refused the user,
    /// so that failures mention that the user's credentials were also tried.
    #[must_use]
    pub fn from_pull_secrets_after_user(secrets: Vec<PullSecret>) -> Self {
        Self(Arc::new(CredentialSource::PullSecrets {
            secrets,
            after_user: true,
        }))
    }

    /// Identifies the pull secrets' credentials for a repository; `None` for the user,
    /// and if no secret is for that repository. Workloads with the same ID may share
    /// answers.
    #[must_use]
    pub fn credential_id(&self, name: &CanonicalName) -> Option<CredentialId> {
        CredentialId::from_credentials(self.matching(name).into_iter().map(|(_, c)| c))
    }

    /// The pull secrets with credentials for a repository, each once, in the order in
    /// which they are tried.
    #[must_use]
    pub fn secrets_for(&self, name: &CanonicalName) -> Vec<&str> {
        let mut origins: Vec<&str> = Vec::new();
        for (secret, _) in self.matching(name) {
            if !origins.contains(&secret.origin.as_str()) {
                origins.push(&secret.origin);
            }
        }
        origins
    }

    /// The credentials of the pull secrets for a repository, in the kubelet's order:
    /// the best key of all secrets first, and for equal keys the first secret.
    fn matching(&self, name: &CanonicalName) -> Vec<(&PullSecret, &Credential)> {
        let CredentialSource::PullSecrets { secrets, .. } = &*self.0 else {
            return Vec::new();
        };
        let mut matching: Vec<_> = secrets
            .iter()
            .flat_map(|secret| secret.config.ranked(name).map(move |found| (secret, found)))
            .collect();
        matching.sort_by_key(|(_, (rank, _))| *rank);
        matching
            .into_iter()
            .map(|(secret, (_, credential))| (secret, credential))
            .collect()
    }

    /// Whether the credentials come from a cluster.
    pub(crate) fn is_from_cluster(&self) -> bool {
        matches!(*self.0, CredentialSource::PullSecrets { .. })
    }

    /// The IDs under which the cache may hold what this account has read of a
    /// repository; `run_helpers`: also those of helpers, which have to be run.
    pub(crate) async fn ids(&self, name: &CanonicalName, run_helpers: bool) -> Vec<CredentialId> {
        match &*self.0 {
            CredentialSource::User(keychain) => keychain.ids(name, run_helpers).await,
            CredentialSource::PullSecrets { .. } => self.credential_id(name).into_iter().collect(),
        }
    }

    /// The credentials to try for a repository, in order.
    pub(crate) async fn find(&self, name: &CanonicalName) -> FoundCredentials {
        let after_user = match &*self.0 {
            CredentialSource::User(keychain) => return keychain.find(name).await,
            CredentialSource::PullSecrets { after_user, .. } => *after_user,
        };
        let candidates = self
            .matching(name)
            .into_iter()
            .map(|(secret, credential)| CredentialCandidate {
                credential: Arc::new(credential.clone()),
                origin: secret.origin.clone(),
                helper: None,
            })
            .collect();
        FoundCredentials::new(candidates, after_user, self.bad_entries(name))
    }

    /// The pull secrets' entries for a repository that cannot be used, each as a
    /// message.
    #[must_use]
    pub fn bad_entries(&self, name: &CanonicalName) -> Vec<String> {
        let CredentialSource::PullSecrets { secrets, .. } = &*self.0 else {
            return Vec::new();
        };
        let bad_entries = secrets.iter().filter_map(|secret| {
            let bad = secret.config.bad_entry(name)?;
            Some(format!(
                "the entry for {} in {} was not used: {bad}",
                name.registry(),
                secret.origin
            ))
        });
        bad_entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(configs: &[&str]) -> Account {
        let secret = |(n, config): (usize, &&str)| PullSecret {
            origin: format!("secret a/{n}"),
            config: DockerConfig::parse(config.as_bytes()).expect("a config"),
        };
        Account::from_pull_secrets(configs.iter().enumerate().map(secret).collect())
    }

    fn id(configs: &[&str], name: &str) -> Option<CredentialId> {
        account(configs).credential_id(&name.parse().expect("a name"))
    }

    const ALICE: &str = r#"{"auths":{"r.example":{"username":"alice","password":"1"}}}"#;
    const BOB: &str = r#"{"auths":{"r.example":{"username":"bob","password":"1"}}}"#;
    const ALICE_ELSEWHERE: &str =
        r#"{"auths":{"r.example":{"auth":"YWxpY2U6MQ=="},"q.example":{"auth":"eDp5"}}}"#;

    #[test]
    fn equal_credentials_have_the_same_id_in_any_secret() {
        let name = "r.example/app";
        assert_eq!(id(&[ALICE], name), id(&[ALICE_ELSEWHERE], name));
        assert_ne!(id(&[ALICE], name), id(&[BOB], name));
        assert_ne!(id(&[ALICE, BOB], name), id(&[BOB, ALICE], name));
        assert_eq!(id(&[ALICE], "q.example/app"), None);
        assert!(!format!("{:?}", id(&[ALICE], name)).contains("alice"));
    }

    #[test]
    fn the_best_key_of_all_secrets_is_tried_first() {
        let team = r#"{"auths":{"r.example/team":{"username":"carol","password":"1"},
            "r.example":{"username":"dave","password":"1"}}}"#;
        let account = account(&[ALICE, team]);
        let users = |name: &str| {
            let name = name.parse().expect("a name");
            let user = |(_, credential): (_, &Credential)| match credential {
                Credential::Password { user, .. } => user.clone(),
                _ => "?".to_owned(),
            };
            account
                .matching(&name)
                .into_iter()
                .map(user)
                .collect::<Vec<_>>()
        };
        assert_eq!(users("r.example/team/app"), ["carol", "alice", "dave"]);
        assert_eq!(users("r.example/app"), ["alice", "dave"]);
        let name = "r.example/team/app".parse().expect("a name");
        assert_eq!(account.secrets_for(&name), ["secret a/1", "secret a/0"]);
    }

    #[tokio::test]
    async fn secrets_are_tried_in_order_and_their_helpers_never_run() {
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
