//! The owners of workloads: whether they are suspended, and whether they really manage a
//! workload.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::api::answer::check_kind;
use crate::cluster::api::api_group::{CustomKind, ServedKind};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::cluster::read::custom::helm::HELM_RELEASES;
use crate::plan::{OwnerAnswer, OwnerQuestion};
use crate::workload::{Owner, WorkloadId};

/// The maximum number of concurrent requests.
const AT_ONCE: usize = 8;

pub(crate) const KUSTOMIZATIONS: CustomKind = CustomKind {
    group: "kustomize.toolkit.fluxcd.io",
    plural: "kustomizations",
    released: &["v1", "v1beta2", "v1beta1"],
};

pub(crate) const APPLICATIONS: CustomKind = CustomKind {
    group: "argoproj.io",
    plural: "applications",
    released: &["v1alpha1"],
};

/// The fields of an Argo CD Application that list the objects it manages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Application {
    metadata: ApplicationMetadata,
    status: ApplicationStatus,
    /// Whether the Application cannot be decoded.
    #[serde(skip)]
    is_unreadable: bool,
}

impl Application {
    fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::debug!("an Application cannot be read: {error}");
            Self {
                is_unreadable: true,
                ..Self::default()
            }
        })
    }

    fn manages(&self, workload: &WorkloadId) -> bool {
        let mut objects = self.status.resources.iter();
        objects.any(|object| object.is_workload(workload))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApplicationMetadata {
    namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApplicationStatus {
    resources: Vec<ManagedObject>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ManagedObject {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl ManagedObject {
    fn is_workload(&self, id: &WorkloadId) -> bool {
        self.group == id.group()
            && self.kind == id.kind.as_str()
            && self.namespace == id.namespace
            && self.name == id.name
    }
}

/// Applications by name; `None`: they cannot be read.
type Applications = BTreeMap<String, Option<Vec<Application>>>;

impl Cluster {
    /// Answers questions about the owners of workloads, each once. For an owner that does
    /// not exist or may not be read, the answer is `Unknown`: it must not be taken as
    /// suspended.
    pub async fn owner_answers(
        &self,
        questions: &[OwnerQuestion],
    ) -> Vec<(OwnerQuestion, OwnerAnswer)> {
        let mut distinct = questions.to_vec();
        distinct.sort();
        distinct.dedup();
        let applications = self.applications(&distinct).await;
        let answers = distinct.into_iter().map(|question| async {
            let answer = match &question {
                OwnerQuestion::IsSuspended(owner) => self.is_suspended(owner).await,
                OwnerQuestion::IsListedByApplication {
                    application,
                    workload,
                } => is_listed(&applications, application, workload),
            };
            (question, answer)
        });
        stream::iter(answers).buffered(AT_ONCE).collect().await
    }

    async fn is_suspended(&self, owner: &Owner) -> OwnerAnswer {
        match self.suspend_field(owner).await {
            Ok(Some(true)) => OwnerAnswer::Yes(None),
            Ok(Some(false)) => OwnerAnswer::No,
            Ok(None) => OwnerAnswer::Unknown,
            Err(error) => {
                tracing::debug!("whether {owner} is suspended is not known: {error}");
                OwnerAnswer::Unknown
            }
        }
    }

    /// `spec.suspend` of a Flux object; `None` if there is no such object.
    async fn suspend_field(&self, owner: &Owner) -> Result<Option<bool>, ClusterError> {
        let kind = match owner.kind.as_str() {
            "Kustomization" => &KUSTOMIZATIONS,
            "HelmRelease" => &HELM_RELEASES,
            _ => return Ok(None),
        };
        let object = self.owner_object(kind, owner).await?;
        Ok(object.map(|object| object["spec"]["suspend"] == true))
    }

    /// The object of an owner; `None` if its namespace is not known, or the cluster does not
    /// have its kind.
    pub(crate) async fn owner_object(
        &self,
        kind: &CustomKind,
        owner: &Owner,
    ) -> Result<Option<Value>, ClusterError> {
        if owner.namespace.is_none() {
            return Ok(None);
        }
        let served = self.served(kind, None).await?;
        self.owner_object_at(&served, owner).await
    }

    /// The same, for a kind that was already looked up.
    pub(crate) async fn owner_object_at(
        &self,
        served: &ServedKind,
        owner: &Owner,
    ) -> Result<Option<Value>, ClusterError> {
        let (Some(namespace), ServedKind::At(resource) | ServedKind::Perhaps(resource)) =
            (&owner.namespace, served)
        else {
            return Ok(None);
        };
        check_path_segment("namespace", namespace)?;
        check_path_segment("resource name", &owner.name)?;
        let scope = Scope::Namespace(namespace.clone());
        let path = format!("{}/{}", resource.path(&scope), owner.name);
        let body = self.fetch_path(&path).await?;
        let request = format!("GET {path}");
        check_kind(&body, &owner.kind, &request)?;
        let object = serde_json::from_str(&body);
        object
            .map(Some)
            .map_err(|error| ClusterError::malformed(&request, &error))
    }

    /// The Applications that the questions name. If the name does not include a namespace,
    /// all namespaces are searched.
    async fn applications(&self, questions: &[OwnerQuestion]) -> Applications {
        let mut names: Vec<&String> = Vec::new();
        for question in questions {
            if let OwnerQuestion::IsListedByApplication { application, .. } = question
                && !names.contains(&application)
            {
                names.push(application);
            }
        }
        if names.is_empty() {
            return Applications::new();
        }
        // Their namespaces are not known.
        if self.stays_in_namespaces() {
            return Applications::new();
        }
        let served = self.served(&APPLICATIONS, None).await;
        let lists = names.into_iter().map(|name| {
            let served = &served;
            async move {
                let applications = match served {
                    Ok(ServedKind::At(resource) | ServedKind::Perhaps(resource)) => {
                        self.applications_named(resource, name).await
                    }
                    // Without Argo CD there are no Applications. Argo Workflows and
                    // Rollouts use the same group.
                    Ok(ServedKind::Nowhere) => Some(Vec::new()),
                    Err(error) => {
                        tracing::debug!("the Applications {name} are not known: {error}");
                        None
                    }
                };
                (name.clone(), applications)
            }
        });
        stream::iter(lists).buffered(AT_ONCE).collect().await
    }

    async fn applications_named(
        &self,
        resource: &Resource,
        name: &str,
    ) -> Option<Vec<Application>> {
        let owner = Owner::application(name);
        match self
            .list_applications(resource, &owner, Application::read)
            .await
        {
            Ok(applications) => Some(applications),
            Err(error) => {
                tracing::debug!("the Applications {name} are not known: {error}");
                None
            }
        }
    }

    /// Reads the Applications with the name of an owner: in its namespace or, if that is not
    /// known, in all namespaces.
    ///
    /// # Errors
    ///
    /// They cannot be listed.
    pub(crate) async fn list_applications<T>(
        &self,
        resource: &Resource,
        owner: &Owner,
        keep: impl FnMut(&str) -> T,
    ) -> Result<Vec<T>, ClusterError> {
        let scope = owner.namespace.clone();
        let scope = scope.map_or(Scope::AllNamespaces, Scope::Namespace);
        scope.check()?;
        let named = format!("metadata.name={}", owner.name);
        let list = ListRequest {
            path: resource.path(&scope),
            field_selector: Some(&named),
            ..ListRequest::default()
        };
        self.list(&list, keep).await
    }
}

fn is_listed(applications: &Applications, name: &str, workload: &WorkloadId) -> OwnerAnswer {
    let Some(Some(applications)) = applications.get(name) else {
        return OwnerAnswer::Unknown;
    };
    match applications.iter().find(|one| one.manages(workload)) {
        Some(application) => OwnerAnswer::Yes(Some(application.metadata.namespace.clone())),
        None if applications.iter().any(|one| one.is_unreadable) => OwnerAnswer::Unknown,
        None => OwnerAnswer::No,
    }
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
