//! Where the Secrets of pull identities are read: from a cluster or from files.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretSlice};

use crate::cluster::{Cluster, PullSecretContent, PullSecrets, PullSecretsFound, SecretValues};
use crate::files::SecretInFile;
use crate::workload::{NO_SERVICE_ACCOUNT, PullIdentity};

/// Where Secrets are read.
#[derive(Debug)]
pub(crate) enum SecretSource<'s> {
    /// The cluster of the workloads.
    Cluster(Box<PullSecrets>),
    /// The files with the ImageRepository objects that name them.
    Files(FileSecrets<'s>),
}

/// The Secrets in files, and which of them could not be used.
#[derive(Debug)]
pub(crate) struct FileSecrets<'s> {
    secrets: &'s [SecretInFile],
    notes: RefCell<BTreeSet<String>>,
}

impl<'s> SecretSource<'s> {
    pub(crate) fn in_cluster(cluster: &Cluster) -> Self {
        Self::Cluster(Box::new(cluster.pull_secrets()))
    }

    pub(crate) fn in_files(secrets: &'s [SecretInFile]) -> Self {
        Self::Files(FileSecrets {
            secrets,
            notes: RefCell::default(),
        })
    }

    /// The Secrets of a pull identity. Those that cannot be read are left out and reported
    /// by [`Self::notes`].
    pub(crate) async fn for_identity(&self, identity: &PullIdentity) -> PullSecretsFound {
        match self {
            Self::Cluster(secrets) => secrets.for_identity(identity).await,
            Self::Files(secrets) => secrets.for_identity(identity),
        }
    }

    /// The values of a Secret with certificates or a proxy.
    ///
    /// # Errors
    ///
    /// It cannot be read; the reason as a phrase.
    pub(crate) async fn values(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<SecretValues>, String> {
        match self {
            Self::Cluster(secrets) => secrets.values(namespace, name).await,
            Self::Files(secrets) => secrets.values(namespace, name).map(Arc::new),
        }
    }

    /// Reports that the content of a Secret cannot be used.
    pub(crate) fn reject(&self, secret: &PullSecretContent, fault: &str) {
        match self {
            Self::Cluster(secrets) => secrets.reject(secret, fault),
            Self::Files(secrets) => secrets.not_used(&secret.namespace, &secret.name, fault),
        }
    }

    /// One line for each Secret that could not be used, with the reason.
    pub(crate) fn notes(&self) -> Vec<String> {
        match self {
            Self::Cluster(secrets) => secrets.notes(),
            Self::Files(secrets) => secrets.notes.borrow().iter().cloned().collect(),
        }
    }

    /// Whom the credentials belong to.
    pub(crate) fn user(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "workload",
            Self::Files(_) => "ImageRepository",
        }
    }
}

impl FileSecrets<'_> {
    fn find(&self, namespace: &str, name: &str) -> Option<&SecretInFile> {
        let mut all = self.secrets.iter();
        all.find(|secret| secret.namespace == namespace && secret.name == name)
    }

    fn values(&self, namespace: &str, name: &str) -> Result<SecretValues, String> {
        let secret = self.find(namespace, name);
        let secret = secret.ok_or("it is not among the files")?;
        let values = secret.connection.iter();
        values
            .map(|(key, value)| {
                let value = value.as_ref().map_err(Clone::clone)?;
                let copy = SecretSlice::from(value.expose_secret().to_vec());
                Ok(((*key).to_owned(), copy))
            })
            .collect()
    }

    fn for_identity(&self, identity: &PullIdentity) -> PullSecretsFound {
        let namespace = &identity.namespace;
        let mut found = PullSecretsFound::default();
        for name in &identity.pull_secrets.names {
            let secret = self.find(namespace, name);
            let config = match secret.map(|secret| &secret.docker_config) {
                Some(Ok(config)) => Ok(config),
                Some(Err(fault)) => Err(fault.as_str()),
                None => Err("it is not among the files; using your own credentials"),
            };
            match config {
                Ok(config) => found.secrets.push(Arc::new(PullSecretContent {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    docker_config: SecretSlice::from(config.expose_secret().to_vec()),
                })),
                Err(fault) => {
                    self.not_used(namespace, name, fault);
                    found.is_incomplete = true;
                }
            }
        }
        let account = identity.pull_secrets.service_account.as_deref();
        if let Some(account) = account.filter(|account| *account != NO_SERVICE_ACCOUNT) {
            let note = format!(
                "note: the pull secrets of serviceaccount {namespace}/{account} are not used: \
                 service accounts are not read from files"
            );
            self.notes.borrow_mut().insert(note);
            found.is_incomplete = true;
        }
        found
    }

    fn not_used(&self, namespace: &str, name: &str, fault: &str) {
        let note = format!("note: pull secret {namespace}/{name} is not used: {fault}");
        self.notes.borrow_mut().insert(note);
    }
}
