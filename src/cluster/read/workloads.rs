//! The workloads that a selection names.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use kube::api::GetParams;
use serde::Deserialize;

use super::helm::Collection;
use crate::cluster::api::access::AccessError;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::{Scope, Selection, WorkloadSelector};
use crate::cluster::connect::connection::Cluster;
use crate::workload::{Workload, WorkloadKind, WorkloadType, decode_as};

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
struct ListedCollection {
    resource: Resource,
    /// Whether the server may not have it at all.
    is_guess: bool,
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
            WorkloadSelector::Everything => {
                let all = WorkloadKind::ALL.map(WorkloadType::from);
                self.list_types(selection, &all, false).await?
            }
            WorkloadSelector::Kinds(types) => self.list_types(selection, types, true).await?,
            WorkloadSelector::Named(named) => self.get_named(&selection.scope, named).await?,
        };
        listing.workloads.sort_by(|a, b| a.id.cmp(&b.id));
        // Two types may name one object: one with a group, one without.
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
        let asked = distinct.iter().map(|one| self.list_type(selection, one));
        let parts = join_all(asked).await;

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
                    // Who may not read an extra that nobody asked for misses nothing.
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
            // What may not be there is missed where nothing else is.
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
                is_guess: !matches!(collection, Collection::There(_)),
                items: match collection {
                    Collection::There(resource) | Collection::Perhaps(resource) => {
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
        let read = |text: &str| read(kind, &resource.api_version, &selection.scope, text);
        self.list(&list, read).await
    }

    /// Turns failed lists into entries, or into one error where nothing else
    /// can have worked.
    async fn report_failures(
        &self,
        scope: &Scope,
        failed: Vec<(Resource, ClusterError)>,
        any_answer: bool,
        listing: &mut Listing,
    ) -> Result<(), ClusterError> {
        let nothing_works = !any_answer && failed.iter().all(|(_, error)| error.is_transport());
        let fatal = |error: &ClusterError| error.is_fatal() || nothing_works;
        let mut refused = None;
        let mut entries = Vec::with_capacity(failed.len());
        for (resource, error) in failed {
            if fatal(&error) {
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
        let looked_up = types
            .into_iter()
            .map(|one| async move { (one, self.collections(one).await) });
        let collections: Vec<_> = join_all(looked_up).await;
        let asked = distinct.into_iter().map(|(workload_type, name)| {
            let meant = collections.iter().find(|(one, _)| *one == workload_type);
            let meant = meant.map_or(&[][..], |(_, collections)| collections.as_slice());
            self.get_by_name(scope, workload_type, meant, name)
        });
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
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

    /// Reads what has a name, from each collection that the type may mean.
    async fn get_by_name(
        &self,
        scope: &Scope,
        workload_type: &WorkloadType,
        collections: &[Collection],
        name: &str,
    ) -> Result<Vec<Result<Workload, AccessError>>, ClusterError> {
        let kind = workload_type.kind();
        let mut answers = NameLookup::default();
        for collection in collections {
            match collection {
                Collection::There(resource) | Collection::Perhaps(resource) => {
                    let request = kube::core::Request::new(resource.path(scope));
                    match self.fetch(request.get(name, &GetParams::default())).await {
                        Ok(body) => {
                            let workload = read(kind, &resource.api_version, scope, &body);
                            answers.found.push(workload);
                        }
                        Err(error) if error.is_fatal() || error.is_transport() => {
                            return Err(error);
                        }
                        Err(error) => answers.add_failure(scope, collection, &error),
                    }
                }
                Collection::Unknown(_, error) => answers.add_failure(scope, collection, error),
            }
        }
        Ok(answers.into_workloads(scope, workload_type, name))
    }
}

/// What the collections of a type tell of a name.
#[derive(Default)]
struct NameLookup {
    found: Vec<Result<Workload, AccessError>>,
    /// Where it may be, for all that can be read.
    unknown: Option<AccessError>,
    forbidden: Option<AccessError>,
    not_found: Option<AccessError>,
    /// Forbidden, and perhaps not there at all.
    guess: Option<AccessError>,
}

impl NameLookup {
    fn add_failure(&mut self, scope: &Scope, collection: &Collection, error: &ClusterError) {
        let resource = collection.resource();
        let is_there = matches!(collection, Collection::There(_));
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

    /// Who may not read a collection does not mean it where another one has the
    /// name. Where none has it, the surest reason to doubt that comes first, and
    /// of two like ones the newer group's.
    fn into_workloads(
        self,
        scope: &Scope,
        workload_type: &WorkloadType,
        name: &str,
    ) -> Vec<Result<Workload, AccessError>> {
        match (self.found.is_empty(), self.unknown) {
            (false, None) => self.found,
            // Another one may have the name, and may be the one that is meant.
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

/// Decodes one object; what cannot be decoded is called by its name.
fn read(
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
