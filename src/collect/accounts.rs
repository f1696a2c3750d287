//! Who asks about a repository: the user, or workloads with their own pull
//! secrets.
//!
//! A repository is asked once for each credential, not for each namespace: the
//! same Secret in fifty namespaces is one credential. What a registry told it
//! decides the workloads that hold it, and no others.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;

use super::scan::settle_as;
use crate::cluster::{Cluster, PullSecrets};
use crate::evaluator::{PullSecretView, Subject};
use crate::image::{
    CanonicalName, FetchFailure, FetchFailureKind, ImageMetadata, Known, RepositoryMetadata,
    SourceKind,
};
use crate::registry::{Account, CredentialId, DockerConfig, PullSecret, Registries};
use crate::workload::Reader;

/// When the pull secrets of workloads are read and shown to registries.
#[derive(Debug, Clone, Copy)]
pub enum PullSecretUse<'c> {
    /// Where the user's own credentials were refused (401, 403, 404).
    Auto(&'c Cluster),
    /// Wherever a workload has one for the registry; the user's own elsewhere.
    Always(&'c Cluster),
    /// Never.
    Off,
}

/// How many pull secrets registries were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedPullSecrets {
    /// The Secrets.
    pub secrets: usize,
    /// The namespaces in which they are.
    pub namespaces: usize,
}

/// What is known of a repository, by who sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What the user sees; `None`: nobody needed to know.
    pub(crate) user: Option<RepositoryMetadata>,
    /// What workloads see with their own credentials.
    pub(crate) views: Vec<PullSecretView>,
}

/// The accounts of one run.
#[derive(Debug)]
pub(crate) struct Accounts(Option<OfWorkloads>);

#[derive(Debug)]
struct OfWorkloads {
    secrets: PullSecrets,
    always: bool,
    known: RefCell<BTreeMap<Reader, Rc<OnceCell<OfReader>>>>,
    /// By namespace and origin.
    used: RefCell<BTreeSet<(String, String)>>,
}

/// The account of the workloads of one reader.
#[derive(Debug)]
struct OfReader {
    account: Account,
    secrets: usize,
    incomplete: bool,
}

/// What the workloads of one reader have for one repository.
#[derive(Debug)]
pub(crate) struct Own {
    /// Their pull secrets.
    pub(crate) account: Account,
    /// Sets their credentials apart from others; `None`: they have none.
    pub(crate) id: Option<CredentialId>,
    /// What messages call the Secrets.
    pub(crate) origins: String,
    /// Why they have no credentials, where that is so.
    pub(crate) lack: Option<String>,
    /// Whether there may be Secrets that could not be read.
    pub(crate) is_incomplete: bool,
}

/// Those who hold equal credentials for a repository.
#[derive(Debug, Default)]
struct Group<'a, 's> {
    subjects: Vec<&'a Subject<'s>>,
    /// By what messages call the Secrets.
    holders: BTreeMap<String, Holder>,
}

#[derive(Debug)]
struct Holder {
    account: Account,
    readers: BTreeSet<Reader>,
}

/// Who uses a repository, by the credentials they have for it.
#[derive(Debug, Default)]
struct Users<'a, 's> {
    with: BTreeMap<CredentialId, Group<'a, 's>>,
    without: Vec<&'a Subject<'s>>,
    /// Why there are none.
    reasons: BTreeMap<String, BTreeSet<Reader>>,
}

impl Accounts {
    pub(crate) fn new(pull_secrets: PullSecretUse<'_>) -> Self {
        let of = |cluster: &Cluster, always| OfWorkloads {
            secrets: cluster.pull_secrets(),
            always,
            known: RefCell::default(),
            used: RefCell::default(),
        };
        Self(match pull_secrets {
            PullSecretUse::Auto(cluster) => Some(of(cluster, false)),
            PullSecretUse::Always(cluster) => Some(of(cluster, true)),
            PullSecretUse::Off => None,
        })
    }

    /// The same without the user: what a workload may see is asked with its own
    /// credentials, whoever else may see it.
    pub(crate) fn of_workloads_alone(pull_secrets: PullSecretUse<'_>) -> Self {
        Self::new(match pull_secrets {
            PullSecretUse::Auto(cluster) => PullSecretUse::Always(cluster),
            given => given,
        })
    }

    /// What the workloads of a reader have for a repository; `None` where pull
    /// secrets are not used.
    pub(crate) async fn own(
        &self,
        reader: &Reader,
        name: &CanonicalName,
        registries: &Registries,
    ) -> Option<Own> {
        let accounts = self.0.as_ref()?;
        let cell = accounts.of(reader).await;
        let of_reader = cell.get()?;
        let account = &of_reader.account;
        let id = registries.credential_id(account, name);
        Some(Own {
            id,
            origins: accounts.note_used(reader, account, name, registries),
            lack: id.is_none().then(|| of_reader.lack(name)),
            is_incomplete: of_reader.incomplete,
            account: account.clone(),
        })
    }

    /// Asks about a repository for everyone who uses it; `known` is what the user
    /// was told already.
    pub(crate) async fn see(
        &self,
        name: &CanonicalName,
        subjects: &[&Subject<'_>],
        registries: &Registries,
        known: RepositoryMetadata,
    ) -> Seen {
        let as_user = async |subjects: &[&Subject<'_>]| {
            settle_as(registries.user(), name, subjects, registries, known.clone()).await
        };
        let (accounts, user) = match &self.0 {
            Some(accounts) if accounts.always => (accounts, None),
            Some(accounts) => (accounts, Some(as_user(subjects).await)),
            None => {
                let user = Some(as_user(subjects).await);
                return Seen {
                    user,
                    views: Vec::new(),
                };
            }
        };
        if let Some(metadata) = &user
            && !is_refused(metadata)
        {
            return Seen {
                user,
                views: Vec::new(),
            };
        }
        let users = accounts.users(name, subjects, registries).await;
        let ask = async |group: &Group<'_, '_>| group.ask(name, registries, !accounts.always).await;
        let views = join_all(users.with.values().map(ask)).await;
        let user = match user {
            None if !users.without.is_empty() => Some(as_user(&users.without).await),
            user => user,
        };
        let mut views: Vec<PullSecretView> = views.into_iter().flatten().collect();
        if let Some(metadata) = &user
            && is_refused(metadata)
        {
            let told = |(reason, readers): (String, _)| PullSecretView {
                metadata: with_reason(metadata, |_| Some(reason.clone())),
                readers,
            };
            views.extend(users.reasons.into_iter().map(told));
        }
        Seen { user, views }
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

    /// Which pull secrets could not be used, and why.
    pub(crate) fn notes(&self) -> Vec<String> {
        let accounts = self.0.as_ref();
        accounts.map_or_else(Vec::new, |accounts| accounts.secrets.notes())
    }
}

impl OfWorkloads {
    /// Divides those who use a repository by their credentials for it.
    async fn users<'a, 's>(
        &self,
        name: &CanonicalName,
        subjects: &[&'a Subject<'s>],
        registries: &Registries,
    ) -> Users<'a, 's> {
        let mut by_reader: BTreeMap<Option<Reader>, Vec<&'a Subject<'s>>> = BTreeMap::new();
        for subject in subjects {
            let reader = subject.workload.reader();
            by_reader.entry(reader).or_default().push(subject);
        }
        let mut users = Users {
            without: by_reader.remove(&None).unwrap_or_default(),
            ..Users::default()
        };
        let read = by_reader.into_iter().filter_map(|(reader, subjects)| {
            let reader = reader?;
            Some(async {
                let account = self.of(&reader).await;
                (reader, account, subjects)
            })
        });
        for (reader, cell, subjects) in join_all(read).await {
            let Some(of_reader) = cell.get() else {
                continue;
            };
            let account = &of_reader.account;
            let Some(id) = registries.credential_id(account, name) else {
                users.without.extend(subjects);
                let reason = of_reader.lack(name);
                users.reasons.entry(reason).or_default().insert(reader);
                continue;
            };
            let origins = self.note_used(&reader, account, name, registries);
            let group = users.with.entry(id).or_default();
            group.subjects.extend(subjects);
            group
                .holders
                .entry(origins)
                .or_insert_with(|| Holder {
                    account: account.clone(),
                    readers: BTreeSet::new(),
                })
                .readers
                .insert(reader);
        }
        users
    }

    /// The pull secrets of a reader that are for a repository, as messages call
    /// them. They count as used.
    fn note_used(
        &self,
        reader: &Reader,
        account: &Account,
        name: &CanonicalName,
        registries: &Registries,
    ) -> String {
        let origins = registries.secrets_for(account, name);
        let of_namespace = |origin: &&str| (reader.namespace.clone(), (*origin).to_owned());
        let mut used = self.used.borrow_mut();
        used.extend(origins.iter().map(of_namespace));
        origins.join(" and ")
    }

    /// The account of a reader; its Secrets are read when it is wanted first.
    async fn of(&self, reader: &Reader) -> Rc<OnceCell<OfReader>> {
        let cell = {
            let mut known = self.known.borrow_mut();
            Rc::clone(known.entry(reader.clone()).or_default())
        };
        cell.get_or_init(|| self.read(reader)).await;
        cell
    }

    async fn read(&self, reader: &Reader) -> OfReader {
        let found = self.secrets.of(reader).await;
        let mut incomplete = found.incomplete;
        let mut secrets = Vec::new();
        for secret in found.secrets {
            match DockerConfig::parse(secret.docker_config.expose_secret()) {
                Ok(config) => secrets.push(PullSecret {
                    origin: format!("secret {}/{}", secret.namespace, secret.name),
                    config,
                }),
                Err(error) => {
                    self.secrets.reject(&secret, &error.to_string());
                    incomplete = true;
                }
            }
        }
        OfReader {
            secrets: secrets.len(),
            incomplete,
            account: if self.always {
                Account::from_pull_secrets(secrets)
            } else {
                Account::from_pull_secrets_after_user(secrets)
            },
        }
    }
}

impl OfReader {
    /// Why it has no credentials for a repository.
    fn lack(&self, name: &CanonicalName) -> String {
        if self.incomplete {
            "not all pull secrets of the workload could be read".to_owned()
        } else if self.secrets == 0 {
            "neither the workload nor its service account names a pull secret".to_owned()
        } else {
            format!("no pull secret of the workload is for {}", name.registry())
        }
    }
}

impl Group<'_, '_> {
    /// Asks once for all of them. Where that is refused, each is told of its own
    /// Secrets.
    async fn ask(
        &self,
        name: &CanonicalName,
        registries: &Registries,
        after_user: bool,
    ) -> Vec<PullSecretView> {
        let Some(first) = self.holders.values().next() else {
            return Vec::new();
        };
        let known = RepositoryMetadata::default();
        let metadata = settle_as(&first.account, name, &self.subjects, registries, known).await;
        let all = self.holders.iter();
        if !is_refused(&metadata) {
            let readers = all.flat_map(|(_, holder)| holder.readers.iter().cloned());
            return vec![PullSecretView {
                readers: readers.collect(),
                metadata,
            }];
        }
        let as_user = if after_user { "as you, then " } else { "" };
        let view = |(at, (origins, holder)): (usize, (&String, &Holder))| PullSecretView {
            readers: holder.readers.clone(),
            metadata: with_reason(&metadata, |kind| match kind {
                FetchFailureKind::NotFound => {
                    Some(format!("asked {as_user}with the credentials of {origins}"))
                }
                // That names the Secrets of the one who asked.
                _ if at == 0 => None,
                _ => Some(format!("the credentials of {origins} are the same")),
            }),
        };
        all.enumerate().map(view).collect()
    }
}

/// Whether a registry let the one who asked not see the repository, or the one
/// image of it that was asked for. A tag that is gone from a repository that can
/// be seen is no refusal, nor is any other failure. Offline, what is not
/// remembered for the one who asks may be for another.
fn is_refused(metadata: &RepositoryMetadata) -> bool {
    use FetchFailureKind::{NotFound, NotRemembered, Unauthorized};
    // Nobody refuses to read a folder.
    if matches!(metadata.source, SourceKind::OciLayout | SourceKind::Given) {
        return false;
    }
    let kinds = || metadata.images.values().map(failure_of);
    let refused = |kind| matches!(kind, Some(Unauthorized | NotRemembered));
    let unauthorized = || kinds().any(refused);
    match &metadata.tags {
        Known::Failed(failure) => {
            matches!(failure.kind, Unauthorized | NotFound | NotRemembered)
        }
        Known::Value(_) => unauthorized(),
        Known::NotAsked => {
            let all_hidden = kinds().all(|kind| kind == Some(NotFound));
            unauthorized() || (!metadata.images.is_empty() && all_hidden)
        }
    }
}

/// How the first question about an image failed that did.
fn failure_of(image: &ImageMetadata) -> Option<FetchFailureKind> {
    fn kind<T>(known: &Known<T>) -> Option<FetchFailureKind> {
        match known {
            Known::Failed(failure) => Some(failure.kind),
            Known::Value(_) | Known::NotAsked => None,
        }
    }
    let digest = kind(&image.digest).or_else(|| kind(&image.members));
    digest.or_else(|| kind(&image.platforms).or_else(|| kind(&image.created)))
}

/// The same refusals, each told with a further reason.
fn with_reason(
    metadata: &RepositoryMetadata,
    reason: impl Fn(FetchFailureKind) -> Option<String>,
) -> RepositoryMetadata {
    let add = |failure: &mut FetchFailure| {
        use FetchFailureKind::{NotFound, Unauthorized};
        if matches!(failure.kind, NotFound | Unauthorized)
            && let Some(reason) = reason(failure.kind)
        {
            failure.message = format!("{}; {reason}", failure.message);
        }
    };
    fn of<T>(known: &mut Known<T>, add: impl Fn(&mut FetchFailure)) {
        if let Known::Failed(failure) = known {
            add(failure);
        }
    }
    let mut told = metadata.clone();
    of(&mut told.tags, add);
    for image in told.images.values_mut() {
        of(&mut image.digest, add);
        of(&mut image.members, add);
        of(&mut image.platforms, add);
        of(&mut image.created, add);
    }
    told
}
