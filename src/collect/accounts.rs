//! The accounts that fetch a repository's metadata: the user's, or those of
//! workloads with their own pull secrets.
//!
//! A repository is fetched once per credential, not once per namespace: the same
//! Secret in fifty namespaces is one credential. Metadata that was fetched with a
//! credential decides the workloads that have this credential, and no others.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;

use super::connections::{connected, has_connection, not_reached};
use super::fetch::fetch_until_decidable_as;
use super::refusal::{is_refused, with_reason};
use super::secret_source::SecretSource;
use crate::cluster::Cluster;
use crate::evaluator::{PullSecretView, Subject};
use crate::files::SecretInFile;
use crate::image::{CanonicalName, FetchFailureKind, RepositoryMetadata};
use crate::registry::{Account, CredentialId, DockerConfig, PullSecret, Registries};
use crate::workload::PullIdentity;

/// When the pull secrets of workloads are read and sent to registries.
#[derive(Debug, Clone, Copy)]
pub enum PullSecretUse<'c> {
    /// Where a registry refused the user's own credentials (401, 403, 404).
    Auto(&'c Cluster),
    /// Wherever a workload has a pull secret for the registry; elsewhere the user's own
    /// credentials.
    Always(&'c Cluster),
    /// Wherever an ImageRepository names one of these Secrets in files; elsewhere the user's
    /// own credentials.
    Files(&'c [SecretInFile]),
    /// Never.
    Off,
}

/// How many pull secrets were sent to registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedPullSecrets {
    /// The number of Secrets.
    pub secrets: usize,
    /// The number of namespaces that contain them.
    pub namespaces: usize,
}

/// The metadata of a repository, by account.
#[derive(Debug)]
pub(crate) struct RepositoryViews {
    /// What the user can see; `None`: it was not needed.
    pub(crate) user: Option<RepositoryMetadata>,
    /// What workloads can see with their own credentials.
    pub(crate) views: Vec<PullSecretView>,
}

/// The accounts of one run.
#[derive(Debug)]
pub(crate) struct Accounts<'s>(Option<WorkloadAccounts<'s>>);

/// The accounts of workloads, each read at most once.
#[derive(Debug)]
struct WorkloadAccounts<'s> {
    secrets: SecretSource<'s>,
    /// See [`PullSecretUse::Always`].
    is_always: bool,
    by_identity: RefCell<BTreeMap<PullIdentity, Rc<OnceCell<IdentityAccount>>>>,
    /// The Secrets that were used, by namespace and origin.
    used: RefCell<BTreeSet<(String, String)>>,
}

/// The account of the workloads with one pull identity.
#[derive(Debug)]
struct IdentityAccount {
    account: Account,
    secret_count: usize,
    /// Whether some of its Secrets could not be read.
    is_incomplete: bool,
}

/// The credentials that the workloads with one pull identity have for one
/// repository.
#[derive(Debug)]
pub(crate) struct WorkloadCredentials {
    /// The account with their pull secrets.
    pub(crate) account: Account,
    /// Equal for equal credentials; `None`: they have no credentials.
    pub(crate) id: Option<CredentialId>,
    /// The Secrets as messages name them.
    pub(crate) origins: String,
    /// Why they have no credentials, if they have none.
    pub(crate) missing_reason: Option<String>,
    /// Whether some of their Secrets could not be read.
    pub(crate) is_incomplete: bool,
}

/// The subjects with equal credentials for a repository.
#[derive(Debug, Default)]
struct CredentialGroup<'a, 's> {
    subjects: Vec<&'a Subject<'s>>,
    /// By the Secrets as messages name them.
    members: BTreeMap<String, GroupMember>,
}

/// The workloads that have a group's credentials from the same Secrets.
#[derive(Debug)]
struct GroupMember {
    account: Account,
    identities: BTreeSet<PullIdentity>,
}

/// The subjects that use a repository, by their credentials for it.
#[derive(Debug, Default)]
struct RepositoryUsers<'a, 's> {
    groups: BTreeMap<CredentialId, CredentialGroup<'a, 's>>,
    /// Those without credentials.
    without: Vec<&'a Subject<'s>>,
    /// The pull identities without credentials, by the reason.
    missing_reasons: BTreeMap<String, BTreeSet<PullIdentity>>,
}

impl<'s> Accounts<'s> {
    pub(crate) fn new(pull_secrets: PullSecretUse<'s>) -> Self {
        let (source, is_always) = match pull_secrets {
            PullSecretUse::Auto(cluster) => (SecretSource::in_cluster(cluster), false),
            PullSecretUse::Always(cluster) => (SecretSource::in_cluster(cluster), true),
            PullSecretUse::Files(secrets) => (SecretSource::in_files(secrets), true),
            PullSecretUse::Off => return Self(None),
        };
        Self(Some(WorkloadAccounts::new(source, is_always)))
    }

    /// Like [`Self::new`], but a workload with credentials of its own is never
    /// answered with what the user can see.
    pub(crate) fn for_workloads_only(pull_secrets: PullSecretUse<'s>) -> Self {
        Self::new(match pull_secrets {
            PullSecretUse::Auto(cluster) => PullSecretUse::Always(cluster),
            given => given,
        })
    }

    /// The credentials that the workloads with a pull identity have for a repository;
    /// `None` if pull secrets are not used.
    pub(crate) async fn workload_credentials(
        &self,
        identity: &PullIdentity,
        name: &CanonicalName,
        registries: &Registries,
    ) -> Option<WorkloadCredentials> {
        let accounts = self.0.as_ref()?;
        let cell = accounts.account(identity).await;
        let identity_account = cell.get()?;
        let account = &identity_account.account;
        let id = registries.credential_id(account, name);
        Some(WorkloadCredentials {
            id,
            origins: accounts.note_used(identity, account, name, registries),
            missing_reason: id
                .is_none()
                .then(|| identity_account.missing_reason(name, accounts.secrets.user())),
            is_incomplete: identity_account.is_incomplete,
            account: account.clone(),
        })
    }

    /// Fetches a repository's metadata for every subject that uses it; `known` is what
    /// was already fetched as the user.
    pub(crate) async fn fetch(
        &self,
        name: &CanonicalName,
        subjects: &[&Subject<'_>],
        registries: &Registries,
        known: RepositoryMetadata,
    ) -> RepositoryViews {
        let (connected, others): (Vec<_>, Vec<_>) = subjects
            .iter()
            .copied()
            .partition(|subject| has_connection(subject));
        let views = self.fetch_connected(name, &connected, registries).await;
        if !connected.is_empty() && others.is_empty() {
            return RepositoryViews { user: None, views };
        }
        let mut fetched = self.fetch_plain(name, &others, registries, known).await;
        fetched.views.extend(views);
        fetched
    }

    /// Fetches what readers with a connection of their own see, with their own credentials
    /// only.
    async fn fetch_connected(
        &self,
        name: &CanonicalName,
        subjects: &[&Subject<'_>],
        registries: &Registries,
    ) -> Vec<PullSecretView> {
        let mut by_reader: BTreeMap<PullIdentity, Vec<&Subject<'_>>> = BTreeMap::new();
        for subject in subjects {
            if let Some(reader) = subject.reader() {
                by_reader.entry(reader).or_default().push(subject);
            }
        }
        let fetches = by_reader.into_iter().map(|(reader, subjects)| async move {
            let metadata = match &self.0 {
                Some(accounts) => {
                    let fetched = accounts.fetch_as(&reader, name, &subjects, registries);
                    fetched.await
                }
                None => Err(format!(
                    "with --pull-secrets=off, {} of its ImageRepository is not used",
                    reader.pull_secrets.connection.fields().join(", ")
                )),
            };
            PullSecretView {
                metadata: metadata.unwrap_or_else(|reason| not_reached(name, &reason)),
                readers: BTreeSet::from([reader]),
            }
        });
        join_all(fetches).await
    }

    /// Fetches a repository for subjects without a connection of their own.
    async fn fetch_plain(
        &self,
        name: &CanonicalName,
        subjects: &[&Subject<'_>],
        registries: &Registries,
        known: RepositoryMetadata,
    ) -> RepositoryViews {
        let as_user = async |subjects: &[&Subject<'_>]| {
            fetch_until_decidable_as(registries.user(), name, subjects, registries, known.clone())
                .await
        };
        let (accounts, user) = match &self.0 {
            Some(accounts) if accounts.is_always => (accounts, None),
            Some(accounts) => (accounts, Some(as_user(subjects).await)),
            None => {
                let user = Some(as_user(subjects).await);
                return RepositoryViews {
                    user,
                    views: Vec::new(),
                };
            }
        };
        if let Some(metadata) = &user
            && !is_refused(metadata)
        {
            return RepositoryViews {
                user,
                views: Vec::new(),
            };
        }
        let users = accounts.users(name, subjects, registries).await;
        let fetches = users
            .groups
            .values()
            .map(|group| group.fetch(name, registries, !accounts.is_always));
        let views = join_all(fetches).await;
        let user = match user {
            None if !users.without.is_empty() => Some(as_user(&users.without).await),
            user => user,
        };
        let mut views: Vec<PullSecretView> = views.into_iter().flatten().collect();
        if let Some(metadata) = &user
            && is_refused(metadata)
        {
            for (reason, readers) in users.missing_reasons {
                let metadata = with_reason(metadata, |_| Some(reason.clone()));
                views.push(PullSecretView { metadata, readers });
            }
        }
        RepositoryViews { user, views }
    }

    pub(crate) fn used(&self) -> UsedPullSecrets {
        let Some(accounts) = &self.0 else {
            return UsedPullSecrets::default();
        };
        let used = accounts.used.borrow();
        let namespaces: BTreeSet<&String> = used.iter().map(|(namespace, _)| namespace).collect();
        UsedPullSecrets {
            secrets: used.len(),
            namespaces: namespaces.len(),
        }
    }

    /// One line per pull secret that could not be used, with the reason.
    pub(crate) fn notes(&self) -> Vec<String> {
        let accounts = self.0.as_ref();
        accounts.map_or_else(Vec::new, |accounts| accounts.secrets.notes())
    }
}

impl<'s> WorkloadAccounts<'s> {
    fn new(secrets: SecretSource<'s>, is_always: bool) -> Self {
        Self {
            secrets,
            is_always,
            by_identity: RefCell::default(),
            used: RefCell::default(),
        }
    }

    /// Fetches a repository as a reader with a connection of its own.
    ///
    /// # Errors
    ///
    /// The connection cannot be set up; the reason.
    async fn fetch_as(
        &self,
        reader: &PullIdentity,
        name: &CanonicalName,
        subjects: &[&Subject<'_>],
        registries: &Registries,
    ) -> Result<RepositoryMetadata, String> {
        let connected = connected(&self.secrets, reader, name, registries).await?;
        let cell = self.account(reader).await;
        let Some(own) = cell.get() else {
            return Ok(RepositoryMetadata::default());
        };
        let origins = self.note_used(reader, &own.account, name, &connected);
        let known = RepositoryMetadata::default();
        let metadata =
            fetch_until_decidable_as(&own.account, name, subjects, &connected, known).await;
        Ok(with_reason(&metadata, |_| {
            Some(if origins.is_empty() {
                own.missing_reason(name, "ImageRepository")
            } else {
                format!("tried with {origins}")
            })
        }))
    }

    /// Groups the subjects that use a repository by their credentials for it.
    async fn users<'a, 'w>(
        &self,
        name: &CanonicalName,
        subjects: &[&'a Subject<'w>],
        registries: &Registries,
    ) -> RepositoryUsers<'a, 'w> {
        let mut by_identity: BTreeMap<Option<PullIdentity>, Vec<&'a Subject<'w>>> = BTreeMap::new();
        for subject in subjects {
            let identity = subject.reader();
            by_identity.entry(identity).or_default().push(subject);
        }
        let mut users = RepositoryUsers {
            without: by_identity.remove(&None).unwrap_or_default(),
            ..RepositoryUsers::default()
        };
        let read = by_identity.into_iter().filter_map(|(identity, subjects)| {
            let identity = identity?;
            Some(async {
                let account = self.account(&identity).await;
                (identity, account, subjects)
            })
        });
        for (identity, cell, subjects) in join_all(read).await {
            let Some(identity_account) = cell.get() else {
                continue;
            };
            let account = &identity_account.account;
            let Some(id) = registries.credential_id(account, name) else {
                users.without.extend(subjects);
                let reason = identity_account.missing_reason(name, self.secrets.user());
                users
                    .missing_reasons
                    .entry(reason)
                    .or_default()
                    .insert(identity);
                continue;
            };
            let origins = self.note_used(&identity, account, name, registries);
            let group = users.groups.entry(id).or_default();
            group.subjects.extend(subjects);
            group
                .members
                .entry(origins)
                .or_insert_with(|| GroupMember {
                    account: account.clone(),
                    identities: BTreeSet::new(),
                })
                .identities
                .insert(identity);
        }
        users
    }

    /// The pull secrets of an identity that are for a repository, as messages name
    /// them. They now count as used.
    fn note_used(
        &self,
        identity: &PullIdentity,
        account: &Account,
        name: &CanonicalName,
        registries: &Registries,
    ) -> String {
        let origins = registries.secrets_for(account, name);
        let mut used = self.used.borrow_mut();
        for origin in &origins {
            used.insert((identity.namespace.clone(), (*origin).to_owned()));
        }
        origins.join(" and ")
    }

    /// The account of a pull identity. Its Secrets are read on first use.
    async fn account(&self, identity: &PullIdentity) -> Rc<OnceCell<IdentityAccount>> {
        let cell = {
            let mut by_identity = self.by_identity.borrow_mut();
            Rc::clone(by_identity.entry(identity.clone()).or_default())
        };
        cell.get_or_init(|| self.read_account(identity)).await;
        cell
    }

    async fn read_account(&self, identity: &PullIdentity) -> IdentityAccount {
        let found = self.secrets.for_identity(identity).await;
        let mut is_incomplete = found.is_incomplete;
        let mut secrets = Vec::new();
        for secret in found.secrets {
            match DockerConfig::parse(secret.docker_config.expose_secret()) {
                Ok(config) => secrets.push(PullSecret {
                    origin: format!("secret {}/{}", secret.namespace, secret.name),
                    config,
                }),
                Err(error) => {
                    self.secrets.reject(&secret, &error.to_string());
                    is_incomplete = true;
                }
            }
        }
        IdentityAccount {
            secret_count: secrets.len(),
            is_incomplete,
            account: if self.is_always || !identity.pull_secrets.connection.is_empty() {
                Account::from_pull_secrets(secrets)
            } else {
                Account::from_pull_secrets_after_user(secrets)
            },
        }
    }
}

impl IdentityAccount {
    /// Why it has no credentials for a repository.
    fn missing_reason(&self, name: &CanonicalName, user: &str) -> String {
        let bad_entries = self.account.bad_entries(name);
        if !bad_entries.is_empty() {
            bad_entries.join("; ")
        } else if self.is_incomplete {
            format!("not all pull secrets of the {user} could be read")
        } else if self.secret_count == 0 {
            format!("neither the {user} nor its service account names a pull secret")
        } else {
            format!("no pull secret of the {user} is for {}", name.registry())
        }
    }
}

impl CredentialGroup<'_, '_> {
    /// Fetches the metadata once for the whole group. If that is refused, each member's
    /// message names its own Secrets.
    async fn fetch(
        &self,
        name: &CanonicalName,
        registries: &Registries,
        after_user: bool,
    ) -> Vec<PullSecretView> {
        let Some(first) = self.members.values().next() else {
            return Vec::new();
        };
        let known = RepositoryMetadata::default();
        let metadata =
            fetch_until_decidable_as(&first.account, name, &self.subjects, registries, known).await;
        if !is_refused(&metadata) {
            let readers = self.members.values();
            let readers = readers.flat_map(|member| member.identities.iter().cloned());
            return vec![PullSecretView {
                readers: readers.collect(),
                metadata,
            }];
        }
        let as_user = if after_user { "as you, then " } else { "" };
        let members = self.members.iter().enumerate();
        members
            .map(|(at, (origins, member))| PullSecretView {
                readers: member.identities.clone(),
                metadata: with_reason(&metadata, |kind| match kind {
                    FetchFailureKind::NotFound => Some(format!(
                        "requested {as_user}with the credentials of {origins}"
                    )),
                    // The message already names the Secrets of the first member.
                    _ if at == 0 => None,
                    _ => Some(format!("the credentials of {origins} are the same")),
                }),
            })
            .collect()
    }
}
