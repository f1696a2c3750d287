//! Pull secrets: the Secrets that a workload's Pods use to pull their images.
//!
//! A Secret is read with `get`, and only if a workload or its service account names it.
//! Secrets are never listed, because a user may be allowed to read one Secret and not the
//! others. Each is read once per run. Its content leaves this folder in a type that is
//! not printed and is wiped from memory; no log line and no message quotes it.
//!
//! # Which Secrets, and in which order
//!
//! The Pod template's own `imagePullSecrets` come first, then those of the
//! service account. A cluster copies the account's Secrets into a Pod only if the Pod
//! names none. Here they follow the Pod's own, as in Flux, so that a Pod that names an
//! additional Secret can still use those of its account.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Deserialize;
use tokio::sync::{OnceCell, Semaphore};

use crate::cluster::api::answer::check_kind;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{DEFAULT_SERVICE_ACCOUNT, NO_SERVICE_ACCOUNT, PullIdentity};

/// How many service accounts and Secrets are read concurrently.
const AT_ONCE: usize = 16;

/// How many namespaces a note names at most, and how many faults are noted.
const NAMED: usize = 5;

/// A Secret that holds registry credentials.
#[derive(Debug)]
pub struct PullSecretContent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A docker config file, in the current or the legacy format.
    pub docker_config: SecretSlice<u8>,
}

/// The Secrets of one pull identity.
#[derive(Debug, Clone, Default)]
pub struct PullSecretsFound {
    /// In the order in which they are tried.
    pub secrets: Vec<Arc<PullSecretContent>>,
    /// Whether something could not be read, so that there may be more Secrets. A note
    /// says what.
    pub is_incomplete: bool,
}

/// The values of a Secret, by their keys.
pub type SecretValues = BTreeMap<String, SecretSlice<u8>>;

/// The pull secrets of a cluster, each read on first use and at most once.
#[derive(Debug)]
pub struct PullSecrets {
    cluster: Cluster,
    slots: Semaphore,
    accounts: CellsByName<Option<Arc<[String]>>>,
    secrets: CellsByName<Option<Arc<PullSecretContent>>>,
    values: CellsByName<Result<Arc<SecretValues>, String>>,
    faults: Mutex<Faults>,
}

/// One value per namespace and name, computed once.
type CellsByName<T> = Mutex<HashMap<(String, String), Arc<OnceCell<T>>>>;

/// The objects that could not be used, reported once per run.
#[derive(Debug, Default)]
struct Faults {
    forbidden_accounts: BTreeSet<String>,
    forbidden_secrets: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Cluster {
    /// The pull secrets of this cluster. Nothing is read yet.
    #[must_use]
    pub fn pull_secrets(&self) -> PullSecrets {
        PullSecrets {
            cluster: self.clone(),
            slots: Semaphore::new(AT_ONCE),
            accounts: Mutex::default(),
            secrets: Mutex::default(),
            values: Mutex::default(),
            faults: Mutex::default(),
        }
    }
}

impl PullSecrets {
    /// The Secrets that workloads with one pull identity use. Secrets that cannot be read
    /// are left out and reported by [`Self::notes`].
    pub async fn for_identity(&self, identity: &PullIdentity) -> PullSecretsFound {
        let namespace = &identity.namespace;
        let refs = &identity.pull_secrets;
        let account = refs
            .service_account
            .as_deref()
            .unwrap_or(DEFAULT_SERVICE_ACCOUNT);
        let own = join_all(refs.names.iter().map(|name| self.secret(namespace, name)));
        let of_account = async {
            if account == NO_SERVICE_ACCOUNT {
                return Some(Vec::new());
            }
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

    /// Notes about objects that could not be read, each line once, with the command that
    /// checks the permission if access was forbidden.
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
                "note: no permission to read {what} in {places}; using your own credentials"
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

    /// Reports that the content of a Secret cannot be used.
    pub fn reject(&self, secret: &PullSecretContent, fault: &str) {
        self.not_used(&secret.namespace, &secret.name, fault);
    }

    /// The names of a service account's pull secrets; `None`: it cannot be read.
    async fn account(&self, namespace: &str, name: &str) -> Option<Arc<[String]>> {
        let cell = cell(&self.accounts, namespace, name);
        cell.get_or_init(|| self.read_account(namespace, name))
            .await
            .clone()
    }

    async fn read_account(&self, namespace: &str, name: &str) -> Option<Arc<[String]>> {
        match self
            .get("ServiceAccount", "serviceaccounts", namespace, name)
            .await
        {
            Ok(body) => match names_of_account(body.expose_secret()) {
                Some(names) => return Some(names.into()),
                None => self.account_unknown(namespace, name, "the response cannot be read"),
            },
            // An account that does not exist has no pull secrets.
            Err(error) if error.is_not_found() => return Some(Arc::default()),
            Err(error) if error.is_forbidden() => {
                let mut faults = lock(&self.faults);
                faults.forbidden_accounts.insert(namespace.to_owned());
            }
            Err(error) => self.account_unknown(namespace, name, &error.line()),
        }
        None
    }

    async fn secret(&self, namespace: &str, name: &str) -> Option<Arc<PullSecretContent>> {
        let cell = cell(&self.secrets, namespace, name);
        cell.get_or_init(|| self.read_secret(namespace, name))
            .await
            .clone()
    }

    /// The values of a Secret of any type: certificates or a proxy, which an ImageRepository
    /// names. It is read at most once.
    ///
    /// # Errors
    ///
    /// It cannot be read; the reason, with the command that checks the permission if access was
    /// forbidden.
    pub async fn values(&self, namespace: &str, name: &str) -> Result<Arc<SecretValues>, String> {
        let cell = cell(&self.values, namespace, name);
        cell.get_or_init(|| self.read_values(namespace, name))
            .await
            .clone()
    }

    async fn read_values(&self, namespace: &str, name: &str) -> Result<Arc<SecretValues>, String> {
        match self.get("Secret", "secrets", namespace, name).await {
            Ok(body) => secret_values(body.expose_secret()).map(Arc::new),
            Err(error) if error.is_not_found() => Err("it does not exist".to_owned()),
            Err(error) if error.is_forbidden() => Err(format!(
                "no permission to read it (check with: kubectl auth can-i get secrets/{name} -n \
                 {namespace})"
            )),
            Err(error) => Err(error.line()),
        }
    }

    async fn read_secret(&self, namespace: &str, name: &str) -> Option<Arc<PullSecretContent>> {
        match self.get("Secret", "secrets", namespace, name).await {
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
    }

    /// Reads one object. Its text may be secret.
    async fn get(
        &self,
        kind: &str,
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
        let path = format!("{path}/{name}");
        let body = SecretString::from(self.cluster.fetch_path(&path).await?);
        check_kind(body.expose_secret(), kind, &format!("GET {path}"))?;
        Ok(body)
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

/// The first few entries of a set, and how many more there are.
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

// Borrowed, so that secrets are not copied to memory that is not wiped.
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

/// The docker config in a Secret, or why there is none. The reason quotes only the
/// Secret's type.
fn docker_config(text: &str) -> Result<SecretSlice<u8>, String> {
    // The library's error is not shown: it may quote the text that it does not understand.
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

// Borrowed, so that secrets are not copied to memory that is not wiped.
#[derive(Deserialize)]
struct AnySecret<'a> {
    #[serde(borrow, default)]
    data: Option<BTreeMap<String, Cow<'a, str>>>,
}

/// The values of a Secret. No reason quotes one.
fn secret_values(text: &str) -> Result<SecretValues, String> {
    let secret: AnySecret<'_> =
        serde_json::from_str(text).map_err(|_| "the response cannot be read".to_owned())?;
    let data = secret.data.unwrap_or_default().into_iter();
    data.map(|(key, value)| {
        let bytes = STANDARD.decode(value.as_bytes());
        let bytes = bytes.map_err(|_| format!("its {key} is not valid base64"))?;
        Ok((key, SecretSlice::from(bytes)))
    })
    .collect()
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
