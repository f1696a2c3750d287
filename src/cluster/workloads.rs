//! The workloads that a selection names.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use kube::api::GetParams;
use serde::Deserialize;

use super::access::AccessError;
use super::connection::Cluster;
use super::error::ClusterError;
use super::page::List;
use super::resource::Resource;
use super::selection::{Scope, Selection, What};
use crate::workload::{Workload, WorkloadKind, decode_as};

/// How many objects are asked for at once by name.
const AT_ONCE: usize = 8;

/// What was read, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Sorted by namespace, name and kind.
    pub workloads: Vec<Workload>,
    /// One for each list or object that could not be read.
    pub errors: Vec<AccessError>,
}

/// A collection that was asked for, and how it went.
struct Part {
    resource: Resource,
    items: Result<Vec<Result<Workload, AccessError>>, ClusterError>,
}

impl Cluster {
    /// Reads workloads: kinds concurrently, each in pages, and each object
    /// alone, so that what fails spoils nothing else.
    ///
    /// # Errors
    ///
    /// Nothing can be read at all: the selection makes no sense, no server
    /// answers, or it does not accept the credentials.
    pub async fn workloads(&self, selection: &Selection) -> Result<Listing, ClusterError> {
        selection.check()?;
        let mut listing = match &selection.what {
            What::Everything => self.of_kinds(selection, &WorkloadKind::ALL, false).await?,
            What::Kinds(kinds) => self.of_kinds(selection, kinds, true).await?,
            What::Named(named) => self.of_names(&selection.scope, named).await?,
        };
        listing.workloads.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(listing)
    }

    async fn of_kinds(
        &self,
        selection: &Selection,
        kinds: &[WorkloadKind],
        named_by_user: bool,
    ) -> Result<Listing, ClusterError> {
        let mut distinct = Vec::new();
        for kind in kinds {
            if !distinct.contains(kind) {
                distinct.push(*kind);
            }
        }
        let asked = distinct.iter().map(|kind| self.of_kind(selection, *kind));
        let parts = join_all(asked).await;

        let mut listing = Listing::default();
        let mut failed = Vec::new();
        let mut any_answer = false;
        for (kind, parts) in distinct.into_iter().zip(parts) {
            let parts = match parts {
                Ok(parts) => parts,
                Err(error) => {
                    // Only HelmReleases are looked up before they are listed.
                    let resource = Resource::new("helm.toolkit.fluxcd.io/v2", kind.plural());
                    vec![Part {
                        resource,
                        items: Err(error),
                    }]
                }
            };
            let mut served = false;
            for Part { resource, items } in parts {
                match items {
                    Ok(items) => {
                        any_answer = true;
                        served = true;
                        for item in items {
                            match item {
                                Ok(workload) => listing.workloads.push(workload),
                                Err(error) => listing.errors.push(error),
                            }
                        }
                    }
                    Err(error) if error.is_not_found() => {}
                    // Who may not read an extra that nobody asked for misses nothing.
                    Err(error)
                        if kind == WorkloadKind::HelmRelease
                            && !named_by_user
                            && error.is_forbidden() =>
                    {
                        served = true;
                    }
                    Err(error) => {
                        served = true;
                        failed.push((resource, error));
                    }
                }
            }
            if !served && (named_by_user || kind != WorkloadKind::HelmRelease) {
                let entry = AccessError::no_such_type(&selection.scope, kind.plural());
                listing.errors.push(entry);
            }
        }
        self.enter_failures(&selection.scope, failed, any_answer, &mut listing)
            .await?;
        Ok(listing)
    }

    async fn of_kind(
        &self,
        selection: &Selection,
        kind: WorkloadKind,
    ) -> Result<Vec<Part>, ClusterError> {
        let resources = match Resource::built_in(kind) {
            Some(resource) => vec![resource],
            None => self.helm_releases().await?,
        };
        let lists = resources.into_iter().map(|resource| async move {
            let list = List {
                path: resource.path(&selection.scope),
                label_selector: selection.label_selector.as_deref(),
                ..List::default()
            };
            let items = self
                .list(&list, |text| {
                    read(kind, &resource.api_version, &selection.scope, text)
                })
                .await;
            Part { resource, items }
        });
        Ok(join_all(lists).await)
    }

    /// Turns failed lists into entries, or into one error where nothing else
    /// can have worked.
    async fn enter_failures(
        &self,
        scope: &Scope,
        failed: Vec<(Resource, ClusterError)>,
        any_answer: bool,
        listing: &mut Listing,
    ) -> Result<(), ClusterError> {
        let nothing_works = !any_answer && failed.iter().all(|(_, error)| error.is_transport());
        let fatal = |error: &ClusterError| error.spoils_all() || nothing_works;
        let mut refused = None;
        let mut entries = Vec::with_capacity(failed.len());
        for (resource, error) in failed {
            if fatal(&error) {
                return Err(error);
            }
            let mut entry = AccessError::on(scope, &resource, "list", &error);
            if *scope == Scope::AllNamespaces && error.is_forbidden() {
                entry.hint = None;
                refused = Some((entries.len(), resource));
            }
            entries.push(entry);
        }
        if let Some((last, resource)) = refused {
            // Asked and told once: what holds for one kind nearly always holds
            // for all.
            let allowed = self.may_list_here(&resource).await;
            if let Some(entry) = entries.get_mut(last) {
                entry.hint = Some(self.narrower(&resource, allowed));
            }
        }
        listing.errors.extend(entries);
        Ok(())
    }

    /// Whether the own namespace may be listed where the whole cluster may not.
    async fn may_list_here(&self, resource: &Resource) -> bool {
        let own = Scope::Namespace(self.namespace().to_owned());
        let params = kube::api::ListParams::default().limit(1);
        let request = kube::core::Request::new(resource.path(&own));
        self.fetch(request.list_metadata(&params)).await.is_ok()
    }

    fn narrower(&self, resource: &Resource, allowed_here: bool) -> String {
        let (resource, namespace) = (resource.qualified(), self.namespace());
        if allowed_here {
            format!(
                "listing {resource} in all namespaces is forbidden, in namespace {namespace:?} \
                 it is allowed: use -n {namespace} instead of -A"
            )
        } else {
            format!(
                "listing {resource} in all namespaces is forbidden: name one with -n instead \
                 of -A (kubectl auth can-i list {resource} -n NAMESPACE)"
            )
        }
    }

    async fn of_names(
        &self,
        scope: &Scope,
        named: &[(WorkloadKind, String)],
    ) -> Result<Listing, ClusterError> {
        let mut distinct: Vec<&(WorkloadKind, String)> = Vec::new();
        for name in named {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        let helm = distinct.iter().any(|n| n.0 == WorkloadKind::HelmRelease);
        let helm = if helm {
            self.helm_releases().await?
        } else {
            Vec::new()
        };
        let asked = distinct.into_iter().map(|(kind, name)| {
            let resources = match Resource::built_in(*kind) {
                Some(resource) => vec![resource],
                None => helm.clone(),
            };
            async move { self.of_name(scope, *kind, resources, name).await }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut listing = Listing::default();
        for answer in answers {
            match answer? {
                Ok(workload) => listing.workloads.push(workload),
                Err(entry) => listing.errors.push(entry),
            }
        }
        Ok(listing)
    }

    /// Reads one object by name, from the first of its collections that has it.
    async fn of_name(
        &self,
        scope: &Scope,
        kind: WorkloadKind,
        resources: Vec<Resource>,
        name: &str,
    ) -> Result<Result<Workload, AccessError>, ClusterError> {
        let mut failure = AccessError::no_such_type(scope, kind.plural());
        for (n, resource) in resources.iter().enumerate() {
            let request = kube::core::Request::new(resource.path(scope));
            let params = GetParams::default();
            match self.fetch(request.get(name, &params)).await {
                Ok(body) => return Ok(read(kind, &resource.api_version, scope, &body)),
                Err(error) if error.spoils_all() || error.is_transport() => return Err(error),
                // What the newer group says is the answer where neither has it.
                Err(error) if n == 0 || !error.is_not_found() => {
                    failure = AccessError::on(scope, resource, "get", &error);
                }
                Err(_) => {}
            }
        }
        Ok(Err(failure))
    }
}

/// Decodes one object; what cannot be decoded is called by its name.
fn read(
    kind: WorkloadKind,
    api_version: &str,
    scope: &Scope,
    text: &str,
) -> Result<Workload, AccessError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Identity {
        metadata: Name,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Name {
        name: String,
        namespace: String,
    }
    let namespace = scope.namespace().unwrap_or_default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    decode_as(kind, api_version, namespace, &mut deserializer).map_err(|error| {
        let identity: Identity = serde_json::from_str(text).unwrap_or_default();
        let Name { name, namespace } = identity.metadata;
        let scope = match namespace.as_str() {
            "" => scope.clone(),
            _ => Scope::Namespace(namespace),
        };
        AccessError {
            scope: scope.label(),
            reason: "Malformed".to_owned(),
            message: format!("error: {}/{name} cannot be read: {error}", kind.singular()),
            hint: None,
        }
    })
}

#[cfg(test)]
#[path = "workloads_tests.rs"]
mod tests;
