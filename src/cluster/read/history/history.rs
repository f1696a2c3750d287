//! Reads Events and `ReplicaSets`.

use serde_json::Value;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::cluster::write::events::CONTROLLER;
use crate::plan::{HistoryEntry, HistorySource, images_of_note, updates_in_revisions};
use crate::workload::{Observed, WorkloadKind};

/// What a cluster knows about the updates of one workload.
#[derive(Debug, Default)]
pub struct LiveHistory {
    /// From the revisions of a Deployment, the oldest first.
    pub revisions: Vec<HistoryEntry>,
    /// From the Events of this program.
    pub events: Vec<HistoryEntry>,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
}

impl Cluster {
    /// Reads the Events and, for a Deployment, the `ReplicaSets`. What may not be read becomes a
    /// note: the record of the workload says the most important.
    pub async fn update_history(&self, object: &Observed) -> LiveHistory {
        let mut history = LiveHistory::default();
        let Some(uid) = object.uid.as_deref() else {
            return history;
        };
        let namespace = &object.workload.id.namespace;
        match self.events_of(namespace, uid).await {
            Ok(events) => history.events = events.iter().flat_map(updates_in_event).collect(),
            Err(error) => history.note("Events", namespace, &error),
        }
        if object.workload.id.kind == WorkloadKind::Deployment {
            match self.replica_sets_of(namespace, uid).await {
                Ok(sets) => history.revisions = updates_in_revisions(&sets),
                Err(error) => history.note("ReplicaSets", namespace, &error),
            }
        }
        history
    }

    async fn events_of(&self, namespace: &str, uid: &str) -> Result<Vec<Value>, ClusterError> {
        let selector = format!("involvedObject.uid={uid}");
        let list = ListRequest {
            path: Resource::new("v1", "events").path(&Scope::Namespace(namespace.to_owned())),
            field_selector: Some(&selector),
            ..ListRequest::default()
        };
        let events = self.list(&list, |text| serde_json::from_str(text).ok());
        Ok(events.await?.into_iter().flatten().collect())
    }

    async fn replica_sets_of(
        &self,
        namespace: &str,
        uid: &str,
    ) -> Result<Vec<Value>, ClusterError> {
        let scope = Scope::Namespace(namespace.to_owned());
        let list = ListRequest {
            path: Resource::new("apps/v1", "replicasets").path(&scope),
            ..ListRequest::default()
        };
        let sets = self.list(&list, |text| {
            let set: Option<Value> = serde_json::from_str(text).ok();
            set.filter(|set| is_owned_by(set, uid))
        });
        Ok(sets.await?.into_iter().flatten().collect())
    }
}

impl LiveHistory {
    fn note(&mut self, what: &str, namespace: &str, error: &ClusterError) {
        self.notes.push(format!(
            "the {what} in {namespace} could not be read ({}), so updates may be missing",
            error.reason()
        ));
    }
}

fn is_owned_by(replica_set: &Value, uid: &str) -> bool {
    let owners = replica_set["metadata"]["ownerReferences"].as_array();
    let mut owners = owners.into_iter().flatten();
    owners.any(|owner| owner["uid"] == uid && owner["controller"] == true)
}

/// The images of an Event of this program.
fn updates_in_event(event: &Value) -> Vec<HistoryEntry> {
    let is_rollback = match event["reason"].as_str() {
        Some("ImageUpdated") => false,
        Some("ImageRolledBack" | "RolledBack") => true,
        _ => return Vec::new(),
    };
    if event["reportingComponent"] != CONTROLLER {
        return Vec::new();
    }
    let times = [
        "/eventTime",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ];
    let mut times = times
        .into_iter()
        .filter_map(|at| event.pointer(at)?.as_str());
    let time = times.find_map(|text| text.parse().ok());
    let images = images_of_note(event["message"].as_str().unwrap_or_default());
    images
        .map(|(container, from, to)| HistoryEntry {
            time,
            is_rollback,
            ..HistoryEntry::bare(container, from, to, HistorySource::Event)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, item, page};

    fn deployment() -> Observed {
        let mut object = item("web");
        object["apiVersion"] = json!("apps/v1");
        object["kind"] = json!("Deployment");
        object["metadata"]["uid"] = json!("u-1");
        let observed = Observed::read(&object, "shop").expect("decodes");
        observed.expect("a workload")
    }

    fn event(component: &str, reason: &str) -> Value {
        json!({"reason": reason, "reportingComponent": component, "message":
            "container app: org/app:1 -> org/app:2", "eventTime": "2026-01-02T03:04:05.678900Z"})
    }

    fn replica_set(owner: &str, revision: &str, image: &str) -> Value {
        json!({"metadata": {
                "ownerReferences": [{"kind": "Deployment", "uid": owner, "controller": true}],
                "annotations": {"deployment.kubernetes.io/revision": revision}},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
    }

    #[tokio::test]
    async fn only_our_events_and_own_revisions_count() {
        let (cluster, requests) = cluster(|uri| {
            if uri.contains("/events?") {
                let events = [
                    event("imgpolicy", "ImageUpdated"),
                    event("imgpolicy", "ImageRolledBack"),
                    event("deployment-controller", "ImageUpdated"),
                    event("imgpolicy", "Other"),
                ];
                page(json!(events), "")
            } else {
                let sets = [
                    replica_set("u-1", "1", "org/app:1"),
                    replica_set("u-2", "2", "org/app:3"),
                    replica_set("u-1", "2", "org/app:2"),
                ];
                page(json!(sets), "")
            }
        });
        let history = cluster.update_history(&deployment()).await;
        let rollbacks: Vec<bool> = history.events.iter().map(|e| e.is_rollback).collect();
        assert_eq!(rollbacks, [false, true]);
        let time = history.events[0].time.expect("a time");
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.6789Z");
        let images: Vec<_> = history
            .revisions
            .iter()
            .map(|e| (&*e.change.from, &*e.change.to))
            .collect();
        assert_eq!(images, [("org/app:1", "org/app:2")]);
        assert_eq!(history.notes, [""; 0]);
        let selector = "fieldSelector=involvedObject.uid%3Du-1";
        assert!(
            requests.uris()[0].contains(selector),
            "{:?}",
            requests.uris()
        );
    }

    #[tokio::test]
    async fn what_may_not_be_read_is_a_note() {
        let (cluster, _) = cluster(|_| forbidden());
        let history = cluster.update_history(&deployment()).await;
        assert_eq!(
            history.notes,
            [
                "the Events in shop could not be read (Forbidden), so updates may be missing",
                "the ReplicaSets in shop could not be read (Forbidden), so updates may be missing",
            ]
        );
    }
}
