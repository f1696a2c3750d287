//! Pull secrets: the Secrets with which a workload's Pods pull their images.
//!
//! A Secret is read by `get` and only where a workload or its service account
//! names it, never by a list: who may read one Secret need not be let near the
//! others. Each is read once a run. What it holds leaves this folder in a type
//! that is not printed and is wiped; no log and no message quotes it.
//!
//! # Which ones, and in which order
//!
//! The Pod template's own `imagePullSecrets` come first, then those of the
//! service account. A cluster copies the account's into a Pod only where the
//! Pod names none; here they stand behind the Pod's own, as Flux had it, so that
//! what the account may see is not lost to a Pod that names one more Secret.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Deserialize;
use tokio::sync::{OnceCell, Semaphore};

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{DEFAULT_SERVICE_ACCOUNT, PullIdentity};

/// How many accounts and Secrets are read at once.
const AT_ONCE: usize = 16;

/// How many namespaces or faults one note names.
const NAMED: usize = 5;

/// A Secret that holds registry credentials.
#[derive(Debug)]
pub struct PullSecretContent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A docker config file, of today's shape or of the legacy one.
    pub docker_config: SecretSlice<u8>,
}

/// What was found for one identity.
#[derive(Debug, Clone, Default)]
pub struct PullSecretsFound {
    /// The Secrets, in the order in which they are tried.
    pub secrets: Vec<Arc<PullSecretContent>>,
    /// Something could not be read, so that there may be more; a note says what.
    pub is_incomplete: bool,
}

/// The pull secrets of a cluster, each read at most once, by whoever needs it
/// first.
#[derive(Debug)]
pub struct PullSecrets {
    cluster: Cluster,
    slots: Semaphore,
    accounts: CellsByName<Option<Arc<[String]>>>,
    secrets: CellsByName<Option<Arc<PullSecretContent>>>,
    faults: Mutex<Faults>,
}

/// A value for each namespace and name, made once.
type CellsByName<T> = Mutex<HashMap<(String, String), Arc<OnceCell<T>>>>;

/// What could not be used, to be told once a run.
#[derive(Debug, Default)]
struct Faults {
    forbidden_accounts: BTreeSet<String>,
    forbidden_secrets: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Cluster {
    /// The pull secrets of this cluster; nothing is read yet.
    #[must_use]
    pub fn pull_secrets(&self) -> PullSecrets {
        PullSecrets {
            cluster: self.clone(),
            slots: Semaphore::new(AT_ONCE),
            accounts: Mutex::default(),
            secrets: Mutex::default(),
            faults: Mutex::default(),
        }
    }
}

impl PullSecrets {
    /// The Secrets that workloads of one kind of reader pull with. What cannot
    /// be read is left out, and told by [`Self::notes`].
    pub async fn for_identity(&self, identity: &PullIdentity) -> PullSecretsFound {
        let namespace = &identity.namespace;
        let refs = &identity.pull_secrets;
        let account = refs
            .service_account
            .as_deref()
            .unwrap_or(DEFAULT_SERVICE_ACCOUNT);
        let own = join_all(refs.names.iter().map(|name| self.secret(namespace, name)));
        let of_account = async {
            let names = self.account(namespace, account).await?;
            let further = names.iter().filter(|name| !refs.names.contains(name));
            Some(join_all(further.map(|name| self.secret(namespace, name))).await)
        };
        let (own, of_account) = futures_util::join!(own, of_account);
        let mut found = PullSecretsFound {
            is_incomplete: of_account.is_none(),
            ..PullSecretsFound::default()
        };
        for secret in own.into_iter().chain(of_account.unwrap_or_default()) {
            match secret {
                Some(secret) => found.secrets.push(secret),
                None => found.is_incomplete = true,
            }
        }
        found
    }

    /// What could not be read, each line once, with what to ask where it was
    /// forbidden.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let faults = lock(&self.faults);
        let refused = [
            (
                "serviceaccounts",
                "service accounts",
                &faults.forbidden_accounts,
            ),
            ("secrets", "secrets", &faults.forbidden_secrets),
        ];
        let mut notes = Vec::new();
        for (resource, what, namespaces) in refused {
            let Some(first) = namespaces.first() else {
                continue;
            };
            let places = match namespaces.len() {
                1 => format!("namespace {first}"),
                many => format!("{many} namespaces: {}", enumerate(namespaces)),
            };
            notes.push(format!(
                "note: {what} may not be read in {places}; using your own credentials"
            ));
            notes.push(format!(
                "hint: kubectl auth can-i get {resource} -n {first}"
            ));
        }
        notes.extend(faults.others.iter().take(NAMED).cloned());
        if let more @ 1.. = faults.others.len().saturating_sub(NAMED) {
            notes.push(format!("note: {more} more pull secrets were not used"));
        }
        notes
    }

    /// Tells that what a Secret holds is of no use.
    pub fn reject(&self, secret: &PullSecretContent, fault: &str) {
        self.not_used(&secret.namespace, &secret.name, fault);
    }

    /// The pull secrets that a service account names; `None`: it cannot be read.
    async fn account(&self, namespace: &str, name: &str) -> Option<Arc<[String]>> {
        let read = || async {
            match self.get("serviceaccounts", namespace, name).await {
                Ok(body) => match names_of_account(body.expose_secret()) {
                    Some(names) => return Some(names.into()),
                    None => self.account_unknown(namespace, name, "the response cannot be read"),
                },
                // An account that does not exist names nothing.
                Err(error) if error.is_not_found() => return Some(Arc::default()),
                Err(error) if error.is_forbidden() => {
                    let mut faults = lock(&self.faults);
                    faults.forbidden_accounts.insert(namespace.to_owned());
                }
                Err(error) => self.account_unknown(namespace, name, &error.line()),
            }
            None
        };
        let cell = cell(&self.accounts, namespace, name);
        cell.get_or_init(read).await.clone()
    }

    async fn secret(&self, namespace: &str, name: &str) -> Option<Arc<PullSecretContent>> {
        let read = || async {
            match self.get("secrets", namespace, name).await {
                Ok(body) => match docker_config(body.expose_secret()) {
                    Ok(docker_config) => {
                        return Some(Arc::new(PullSecretContent {
                            namespace: namespace.to_owned(),
                            name: name.to_owned(),
                            docker_config,
                        }));
                    }
                    Err(fault) => self.not_used(namespace, name, &fault),
                },
                Err(error) if error.is_not_found() => {
                    self.not_used(namespace, name, "it does not exist");
                }
                Err(error) if error.is_forbidden() => {
                    let mut faults = lock(&self.faults);
                    faults.forbidden_secrets.insert(namespace.to_owned());
                }
                Err(error) => self.not_used(namespace, name, &error.line()),
            }
            None
        };
        let cell = cell(&self.secrets, namespace, name);
        cell.get_or_init(read).await.clone()
    }

    /// Reads one object. Its text may be secret, whatever it is.
    async fn get(
        &self,
        plural: &'static str,
        namespace: &str,
        name: &str,
    ) -> Result<SecretString, ClusterError> {
        check_path_segment("namespace", namespace)?;
        check_path_segment("resource name", name)?;
        let scope = Scope::Namespace(namespace.to_owned());
        let path = Resource::new("v1", plural).path(&scope);
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.ok();
        let body = self.cluster.fetch_path(&format!("{path}/{name}")).await?;
        Ok(body.into())
    }

    fn not_used(&self, namespace: &str, name: &str, fault: &str) {
        let note = format!("note: pull secret {namespace}/{name} is not used: {fault}");
        lock(&self.faults).others.insert(note);
    }

    fn account_unknown(&self, namespace: &str, name: &str, fault: &str) {
        let note = format!(
            "note: the pull secrets of serviceaccount {namespace}/{name} are not used: {fault}"
        );
        lock(&self.faults).others.insert(note);
    }
}

/// The first few of a set, and how many there are beside.
fn enumerate(set: &BTreeSet<String>) -> String {
    let first: Vec<&str> = set.iter().take(NAMED).map(String::as_str).collect();
    let first = first.join(", ");
    match set.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAccount {
    #[serde(default)]
    image_pull_secrets: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    name: String,
}

fn names_of_account(text: &str) -> Option<Vec<String>> {
    let account: ServiceAccount = serde_json::from_str(text).ok()?;
    let listed = account.image_pull_secrets.unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for Reference { name } in listed {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

// Borrowed, so that nothing secret is copied to where it is not wiped.
#[derive(Deserialize)]
struct Secret<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize, Default)]
struct Data<'a> {
    #[serde(rename = ".dockerconfigjson", borrow)]
    modern: Option<Cow<'a, str>>,
    #[serde(rename = ".dockercfg", borrow)]
    legacy: Option<Cow<'a, str>>,
}

/// The docker config that a Secret holds, or why it holds none. The reason
/// quotes nothing but the type.
fn docker_config(text: &str) -> Result<SecretSlice<u8>, String> {
    // The library's error may quote what it does not understand.
    let secret: Secret<'_> =
        serde_json::from_str(text).map_err(|_| "the response cannot be read".to_owned())?;
    let data = secret.data.unwrap_or_default();
    let (key, value) = match &*secret.kind {
        "kubernetes.io/dockerconfigjson" => (".dockerconfigjson", data.modern),
        "kubernetes.io/dockercfg" => (".dockercfg", data.legacy),
        other => {
            return Err(format!(
                "its type is {other:?}, not kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg"
            ));
        }
    };
    let value = value.ok_or_else(|| format!("it has no key {key}"))?;
    let bytes = STANDARD
        .decode(value.as_bytes())
        .map_err(|_| format!("its {key} is not valid base64"))?;
    Ok(bytes.into())
}

fn cell<T>(all: &CellsByName<T>, namespace: &str, name: &str) -> Arc<OnceCell<T>> {
    let key = (namespace.to_owned(), name.to_owned());
    Arc::clone(lock(all).entry(key).or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "pull_secrets_tests.rs"]
mod tests;
