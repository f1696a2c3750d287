//! Where Flux and Argo CD take the objects of an owner from.
//!
//! This needs `get` for `kustomizations.kustomize.toolkit.fluxcd.io` and
//! `gitrepositories.source.toolkit.fluxcd.io`, and `list` for `applications.argoproj.io`.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::owners::{APPLICATIONS, KUSTOMIZATIONS};
use crate::cluster::api::access::AccessError;
use crate::cluster::api::api_group::{CustomKind, ServedKind};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{FluxRepository, GitSource, NoGitSource, Owner};

/// The maximum number of concurrent requests.
const AT_ONCE: usize = 8;

const GIT_REPOSITORIES: CustomKind = CustomKind {
    group: "source.toolkit.fluxcd.io",
    plural: "gitrepositories",
    released: &["v1", "v1beta2", "v1beta1"],
};

/// The folders of owners, each with its owner.
pub type GitSources = Vec<(Owner, Result<Vec<GitSource>, GitSourceError>)>;

/// A kind, and where the server has it.
struct LookedUp {
    kind: CustomKind,
    served: OnceCell<ServedKind>,
}

impl LookedUp {
    const fn new(kind: CustomKind) -> Self {
        Self {
            kind,
            served: OnceCell::const_new(),
        }
    }

    /// Where the server has it. Only the first owner asks.
    async fn served(&self, cluster: &Cluster) -> Result<&ServedKind, ClusterError> {
        let served = self
            .served
            .get_or_try_init(|| cluster.served(&self.kind, None));
        served.await
    }
}

/// The kinds that lead to files.
struct SourceKinds {
    kustomizations: LookedUp,
    repositories: LookedUp,
    applications: LookedUp,
}

/// Why the folders of an owner are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitSourceError {
    /// It has none: the reason as a sentence.
    None(NoGitSource),
    /// It, or its GitRepository, cannot be read.
    Unreadable(AccessError),
}

impl Cluster {
    /// The folders from which Flux Kustomizations and Argo CD Applications take their objects.
    /// Each object is read once.
    pub async fn git_sources(&self, owners: Vec<Owner>) -> GitSources {
        let kinds = SourceKinds {
            kustomizations: LookedUp::new(KUSTOMIZATIONS),
            repositories: LookedUp::new(GIT_REPOSITORIES),
            applications: LookedUp::new(APPLICATIONS),
        };
        let objects = owners.into_iter().map(|owner| async {
            let object = self.source_object(&owner, &kinds).await;
            (owner, object)
        });
        let objects: Vec<_> = stream::iter(objects).buffered(AT_ONCE).collect().await;
        let mut repositories = BTreeMap::new();
        for (owner, found) in &objects {
            if let (true, Ok(object)) = (is_kustomization(owner), found)
                && let Ok(repository) = repository_of(owner, object)
                && !repositories.contains_key(&repository)
            {
                let read = self.flux_repository(&repository, &kinds).await;
                repositories.insert(repository, read);
            }
        }
        let sources = objects.into_iter().map(|(owner, found)| {
            let sources = found.and_then(|object| {
                if !is_kustomization(&owner) {
                    return GitSource::of_application(&owner, &object)
                        .map_err(GitSourceError::None);
                }
                let repository = repository_of(&owner, &object)?;
                let read = repositories.get(&repository).cloned();
                let read = read
                    .ok_or_else(|| GitSourceError::None(format!("{repository} was not read")))??;
                Ok(vec![GitSource::of_kustomization(&owner, &object, &read)])
            });
            (owner, sources)
        });
        sources.collect()
    }

    async fn source_object(
        &self,
        owner: &Owner,
        kinds: &SourceKinds,
    ) -> Result<Value, GitSourceError> {
        if is_kustomization(owner) {
            return self.required(&kinds.kustomizations, owner).await;
        }
        if owner.namespace.is_some() {
            return self.required(&kinds.applications, owner).await;
        }
        // Argo CD's marker does not always include the namespace.
        let mut found = self
            .applications_of_name(owner, &kinds.applications)
            .await
            .map_err(|error| unreadable(&APPLICATIONS, &Scope::AllNamespaces, "list", &error))?;
        match (found.pop(), found.len()) {
            (Some(object), 0) => Ok(object),
            (None, _) => Err(GitSourceError::None(format!("{owner} does not exist"))),
            (Some(_), more) => Err(GitSourceError::None(format!(
                "there are {} Applications with the name {}",
                more + 1,
                owner.name
            ))),
        }
    }

    async fn applications_of_name(
        &self,
        owner: &Owner,
        kind: &LookedUp,
    ) -> Result<Vec<Value>, ClusterError> {
        let (ServedKind::At(resource) | ServedKind::Perhaps(resource)) = kind.served(self).await?
        else {
            return Ok(Vec::new());
        };
        let objects =
            self.list_applications(resource, owner, |text| serde_json::from_str(text).ok());
        Ok(objects.await?.into_iter().flatten().collect())
    }

    async fn flux_repository(
        &self,
        repository: &Owner,
        kinds: &SourceKinds,
    ) -> Result<FluxRepository, GitSourceError> {
        let object = self.required(&kinds.repositories, repository).await?;
        FluxRepository::read(repository, &object)
            .ok_or_else(|| GitSourceError::None(format!("{repository} has no URL")))
    }

    /// An object that has to exist.
    async fn required(&self, kind: &LookedUp, owner: &Owner) -> Result<Value, GitSourceError> {
        let object = match kind.served(self).await {
            Ok(served) => self.owner_object_at(served, owner).await,
            Err(error) => Err(error),
        };
        match object {
            Ok(Some(object)) => Ok(object),
            Ok(None) => Err(GitSourceError::None(format!("{owner} does not exist"))),
            Err(error) => {
                let namespace = owner.namespace.clone().unwrap_or_default();
                let scope = Scope::Namespace(namespace);
                Err(unreadable(&kind.kind, &scope, "get", &error))
            }
        }
    }
}

fn is_kustomization(owner: &Owner) -> bool {
    owner.kind == "Kustomization"
}

/// The GitRepository that a Kustomization refers to.
fn repository_of(owner: &Owner, object: &Value) -> Result<Owner, GitSourceError> {
    let reference = &object["spec"]["sourceRef"];
    let [kind, namespace, name] =
        ["kind", "namespace", "name"].map(|field| reference[field].as_str().map(str::to_owned));
    let kind = kind.unwrap_or_default();
    if kind != "GitRepository" {
        return Err(GitSourceError::None(format!(
            "{owner} takes its files from the kind {kind}, not from a GitRepository"
        )));
    }
    Ok(Owner {
        kind,
        namespace: namespace.or_else(|| owner.namespace.clone()),
        name: name.unwrap_or_default(),
    })
}

fn unreadable(
    kind: &CustomKind,
    scope: &Scope,
    verb: &str,
    error: &ClusterError,
) -> GitSourceError {
    GitSourceError::Unreadable(AccessError::for_resource(
        scope,
        &kind.newest(),
        verb,
        error,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn repository_of_a_kustomization_is_in_its_namespace_unless_it_names_one() {
        let owner = Owner {
            kind: "Kustomization".to_owned(),
            namespace: Some("apps".to_owned()),
            name: "shop".to_owned(),
        };
        fn of(owner: &Owner, reference: &Value) -> Result<String, GitSourceError> {
            let object = json!({"spec": {"sourceRef": reference}});
            repository_of(owner, &object).map(|repository| repository.to_string())
        }
        let same = of(&owner, &json!({"kind": "GitRepository", "name": "fleet"}));
        assert_eq!(same, Ok("GitRepository apps/fleet".to_owned()));
        let other = json!({"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"});
        assert_eq!(
            of(&owner, &other),
            Ok("GitRepository flux-system/fleet".to_owned())
        );
        let oci = of(&owner, &json!({"kind": "OCIRepository", "name": "fleet"}));
        let Err(GitSourceError::None(reason)) = oci else {
            panic!("it is not a GitRepository: {oci:?}");
        };
        assert!(reason.contains("OCIRepository"), "{reason}");
    }
}
