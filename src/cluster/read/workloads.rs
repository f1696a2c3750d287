//! Reads the workloads of a selection.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use kube::api::GetParams;
use serde::Deserialize;

use super::custom::helm::Collection;
use crate::cluster::api::access::AccessError;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::{Scope, Selection, WorkloadSelector};
use crate::cluster::connect::connection::Cluster;
use crate::workload::{Workload, WorkloadKind, WorkloadType, decode_as};

/// How many objects are read by name concurrently.
const AT_ONCE: usize = 8;

/// The workloads that were read, and the errors of those that were not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Sorted by namespace, name and kind.
    pub workloads: Vec<Workload>,
    /// One per list or object that could not be read.
    pub errors: Vec<AccessError>,
}

/// The result of listing one collection.
struct ListedCollection {
    resource: Resource,
    /// Whether it is unknown if the server has the collection.
    is_guess: bool,
    items: Result<Vec<Result<Workload, AccessError>>, ClusterError>,
}

impl Cluster {
    /// Reads workloads: kinds concurrently, each in pages, and each object on its own, so
    /// that one failure does not affect the rest.
    ///
    /// # Errors
    ///
    /// Nothing can be read: the selection is invalid, the server does not respond, or it
    /// does not accept the credentials.
    pub async fn workloads(&self, selection: &Selection) -> Result<Listing, ClusterError> {
        selection.check()?;
        let mut listing = match &selection.selector {
            WorkloadSelector::Everything => {
                let all = WorkloadKind::ALL.map(WorkloadType::from);
                self.list_types(selection, &all, false).await?
            }
            WorkloadSelector::Kinds(types) => self.list_types(selection, types, true).await?,
            WorkloadSelector::Named(named) => self.get_named(&selection.scope, named).await?,
        };
        listing.workloads.sort_by(|a, b| a.id.cmp(&b.id));
        // Two types, one with a group and one without, may name the same object.
        let workloads = &mut listing.workloads;
        workloads.dedup_by(|a, b| a.id.is_same_object(&b.id));
        Ok(listing)
    }

    async fn list_types(
        &self,
        selection: &Selection,
        types: &[WorkloadType],
        named_by_user: bool,
    ) -> Result<Listing, ClusterError> {
        let mut distinct: Vec<&WorkloadType> = Vec::new();
        for one in types {
            if !distinct.contains(&one) {
                distinct.push(one);
            }
        }
        let lists = distinct.iter().map(|one| self.list_type(selection, one));
        let parts = join_all(lists).await;

        let mut listing = Listing::default();
        let mut failed = Vec::new();
        let mut any_answer = false;
        for (workload_type, parts) in distinct.into_iter().zip(parts) {
            let kind = workload_type.kind();
            let mut is_there = false;
            let mut guesses = Vec::new();
            for part in parts {
                let ListedCollection {
                    resource,
                    is_guess,
                    items,
                } = part;
                match items {
                    Ok(items) => {
                        any_answer = true;
                        is_there = true;
                        for item in items {
                            match item {
                                Ok(workload) => listing.workloads.push(workload),
                                Err(error) => listing.errors.push(error),
                            }
                        }
                    }
                    Err(error) if error.is_not_found() => {}
                    // HelmReleases were not requested, so a user who may not read them
                    // misses nothing.
                    Err(error)
                        if kind == WorkloadKind::HelmRelease
                            && !named_by_user
                            && error.is_forbidden() =>
                    {
                        is_there = true;
                    }
                    Err(error) if is_guess && error.is_forbidden() => {
                        guesses.push((resource, error));
                    }
                    Err(error) => {
                        is_there = true;
                        failed.push((resource, error));
                    }
                }
            }
            // A collection that may not exist counts only if there is no other.
            if !is_there && !guesses.is_empty() {
                is_there = true;
                failed.extend(guesses);
            }
            if !is_there && (named_by_user || kind != WorkloadKind::HelmRelease) {
                let entry = AccessError::no_such_type(&selection.scope, workload_type);
                listing.errors.push(entry);
            }
        }
        self.report_failures(&selection.scope, failed, any_answer, &mut listing)
            .await?;
        Ok(listing)
    }

    async fn list_type(
        &self,
        selection: &Selection,
        workload_type: &WorkloadType,
    ) -> Vec<ListedCollection> {
        let kind = workload_type.kind();
        let collections = self.collections(workload_type).await.into_iter();
        let parts = collections.map(|collection| async move {
            ListedCollection {
                resource: collection.resource().clone(),
                is_guess: !matches!(collection, Collection::Served(_)),
                items: match collection {
                    Collection::Served(resource) | Collection::Perhaps(resource) => {
                        self.items(selection, kind, &resource).await
                    }
                    Collection::Unknown(_, error) => Err(error),
                },
            }
        });
        join_all(parts).await
    }

    async fn items(
        &self,
        selection: &Selection,
        kind: WorkloadKind,
        resource: &Resource,
    ) -> Result<Vec<Result<Workload, AccessError>>, ClusterError> {
        let list = ListRequest {
            path: resource.path(&selection.scope),
            label_selector: selection.label_selector.as_deref(),
            ..ListRequest::default()
        };
        self.list(&list, |text| {
            decode_workload(kind, &resource.api_version, &selection.scope, text)
        })
        .await
    }

    /// Turns failed lists into entries, or into one error if no other list can have
    /// worked.
    async fn report_failures(
        &self,
        scope: &Scope,
        failed: Vec<(Resource, ClusterError)>,
        any_answer: bool,
        listing: &mut Listing,
    ) -> Result<(), ClusterError> {
        let nothing_works = !any_answer
            && failed
                .iter()
                .all(|(_, error)| error.is_transport() || error.is_foreign());
        let mut refused = None;
        let mut entries = Vec::with_capacity(failed.len());
        for (resource, error) in failed {
            if error.is_fatal() || nothing_works {
                return Err(error);
            }
            let mut entry = AccessError::for_resource(scope, &resource, "list", &error);
            if *scope == Scope::AllNamespaces && error.is_forbidden() {
                entry.hint = None;
                refused = Some((entries.len(), resource));
            }
            entries.push(entry);
        }
        if let Some((last, resource)) = refused {
            // One check and one hint: what applies to one kind nearly always applies to
            // all of them.
            let allowed = self.may_list_here(&resource).await;
            if let Some(entry) = entries.get_mut(last) {
                entry.hint = Some(self.narrower_scope_hint(&resource, allowed));
            }
        }
        listing.errors.extend(entries);
        Ok(())
    }

    /// Whether the context's namespace may be listed although the whole cluster may not.
    async fn may_list_here(&self, resource: &Resource) -> bool {
        let own = Scope::Namespace(self.namespace().to_owned());
        let params = kube::api::ListParams::default().limit(1);
        let request = kube::core::Request::new(resource.path(&own));
        self.fetch(request.list_metadata(&params)).await.is_ok()
    }

    fn narrower_scope_hint(&self, resource: &Resource, allowed_here: bool) -> String {
        let (resource, namespace) = (resource.qualified(), self.namespace());
        if allowed_here {
            format!(
                "listing {resource} is forbidden in all namespaces, but allowed in namespace \
                 {namespace:?}: use -n {namespace} instead of -A"
            )
        } else {
            format!(
                "listing {resource} is forbidden in all namespaces: select one with -n instead \
                 of -A (kubectl auth can-i list {resource} -n NAMESPACE)"
            )
        }
    }

    async fn get_named(
        &self,
        scope: &Scope,
        named: &[(WorkloadType, String)],
    ) -> Result<Listing, ClusterError> {
        let mut distinct: Vec<&(WorkloadType, String)> = Vec::new();
        for name in named {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        let mut types: Vec<&WorkloadType> = Vec::new();
        for (one, _) in &distinct {
            if !types.contains(&one) {
                types.push(one);
            }
        }
        let lookups = types
            .into_iter()
            .map(|one| async move { (one, self.collections(one).await) });
        let collections: Vec<_> = join_all(lookups).await;
        let requests = distinct.into_iter().map(|(workload_type, name)| {
            let meant = collections.iter().find(|(one, _)| *one == workload_type);
            let meant = meant.map_or(&[][..], |(_, collections)| collections.as_slice());
            self.get_by_name(scope, workload_type, meant, name)
        });
        let answers: Vec<_> = stream::iter(requests).buffered(AT_ONCE).collect().await;
        let mut listing = Listing::default();
        for answer in answers {
            for found in answer? {
                match found {
                    Ok(workload) => listing.workloads.push(workload),
                    Err(entry) => listing.errors.push(entry),
                }
            }
        }
        Ok(listing)
    }

    /// Reads the objects of one name from each collection that the type may refer to.
    async fn get_by_name(
        &self,
        scope: &Scope,
        workload_type: &WorkloadType,
        collections: &[Collection],
        name: &str,
    ) -> Result<Vec<Result<Workload, AccessError>>, ClusterError> {
        let kind = workload_type.kind();
        let mut lookup = NameLookup::default();
        for collection in collections {
            match collection {
                Collection::Served(resource) | Collection::Perhaps(resource) => {
                    let request = kube::core::Request::new(resource.path(scope));
                    match self.fetch(request.get(name, &GetParams::default())).await {
                        Ok(body) => {
                            let workload =
                                decode_workload(kind, &resource.api_version, scope, &body);
                            lookup.found.push(workload);
                        }
                        Err(error) if error.is_fatal() || error.is_transport() => {
                            return Err(error);
                        }
                        Err(error) => lookup.add_failure(scope, collection, &error),
                    }
                }
                Collection::Unknown(_, error) => lookup.add_failure(scope, collection, error),
            }
        }
        Ok(lookup.into_workloads(scope, workload_type, name))
    }
}

/// The results of looking up one name in the collections of a type.
#[derive(Default)]
struct NameLookup {
    found: Vec<Result<Workload, AccessError>>,
    /// The failure of a collection that may or may not have the name.
    unknown: Option<AccessError>,
    forbidden: Option<AccessError>,
    not_found: Option<AccessError>,
    /// Forbidden, and the collection may not exist.
    guess: Option<AccessError>,
}

impl NameLookup {
    fn add_failure(&mut self, scope: &Scope, collection: &Collection, error: &ClusterError) {
        let resource = collection.resource();
        let is_there = matches!(collection, Collection::Served(_));
        let slot = if error.is_not_served() {
            return;
        } else if error.is_no_such_object() {
            &mut self.not_found
        } else if !error.is_forbidden() {
            &mut self.unknown
        } else if is_there {
            &mut self.forbidden
        } else {
            &mut self.guess
        };
        slot.get_or_insert_with(|| AccessError::for_resource(scope, resource, "get", error));
    }

    /// If one collection has the name, forbidden collections are ignored. If none has it,
    /// the most certain reason is reported, and of two equal reasons the one of the newer
    /// group.
    fn into_workloads(
        self,
        scope: &Scope,
        workload_type: &WorkloadType,
        name: &str,
    ) -> Vec<Result<Workload, AccessError>> {
        match (self.found.is_empty(), self.unknown) {
            (false, None) => self.found,
            // Another collection may also have the name, and it may be the one the user
            // wants.
            (false, Some(mut failure)) => {
                let word = workload_type.singular();
                let group = workload_type.kind().groups()[0];
                failure.hint = Some(format!(
                    "more than one API group may have {word}/{name}: include the group, as in \
                     {word}.{group}/{name}"
                ));
                vec![Err(failure)]
            }
            (true, unknown) => {
                let failure = unknown
                    .or(self.forbidden)
                    .or(self.not_found)
                    .or(self.guess)
                    .unwrap_or_else(|| AccessError::no_such_type(scope, workload_type));
                vec![Err(failure)]
            }
        }
    }
}

/// Decodes one object. An error names the object.
pub(crate) fn decode_workload(
    kind: WorkloadKind,
    api_version: &str,
    scope: &Scope,
    text: &str,
) -> Result<Workload, AccessError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ObjectIdentity {
        metadata: ObjectName,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ObjectName {
        name: String,
        namespace: String,
    }
    let namespace = scope.namespace().unwrap_or_default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    decode_as(kind, api_version, namespace, &mut deserializer).map_err(|error| {
        let identity: ObjectIdentity = serde_json::from_str(text).unwrap_or_default();
        let ObjectName { name, namespace } = identity.metadata;
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
