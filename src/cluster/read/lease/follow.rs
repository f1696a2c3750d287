//! Reads the Lease of our controller once, or follows its changes.

use futures_util::{Stream, StreamExt as _};
use kube::api::GetParams;
use kube::core::Request;
use serde_json::Value;

use super::object::{CONTROLLER_LEASE, Lease, leases};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::cluster::watch::events::Event;

/// A change of the Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseEvent {
    /// It was written, or it is the Lease that existed when the watch began.
    Written(Lease),
    /// It was deleted. This is its last state; its version is that of the deletion.
    Deleted(Lease),
}

impl Cluster {
    /// The Lease of the controller in a namespace; `None` if there is none.
    ///
    /// # Errors
    ///
    /// It may not be read, or the server does not respond.
    pub async fn controller_lease(&self, namespace: &str) -> Result<Option<Lease>, ClusterError> {
        let request = collection(namespace)?.get(CONTROLLER_LEASE, &GetParams::default());
        match self.fetch(request).await {
            Ok(body) => parse("GET", &body).map(Some),
            Err(error) if error.is_no_such_object() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Follows the changes of the controller's Lease in a namespace. The first event is the
    /// present Lease, if there is one; the server may take it from a cache, so it can be
    /// older than what [`Cluster::controller_lease`] has returned.
    ///
    /// The stream ends after some minutes. Nothing limits the time between two events.
    ///
    /// # Errors
    ///
    /// The Lease may not be watched, or the server does not respond.
    pub async fn watch_controller_lease(
        &self,
        namespace: &str,
    ) -> Result<impl Stream<Item = Result<LeaseEvent, ClusterError>> + use<>, ClusterError> {
        check_path_segment("namespace", namespace)?;
        let only_ours = format!("metadata.name={CONTROLLER_LEASE}");
        let list = ListRequest {
            path: leases().path(&Scope::Namespace(namespace.to_owned())),
            field_selector: Some(&only_ours),
            ..ListRequest::default()
        };
        // Version 0 is "any": a version that was read long ago is often too old to watch from.
        let events = self.watch(&list, "0").await?;
        Ok(events.filter_map(|event| std::future::ready(decode(event).transpose())))
    }
}

/// An event; `None` for one that says nothing about the Lease.
fn decode(event: Result<Event, ClusterError>) -> Result<Option<LeaseEvent>, ClusterError> {
    Ok(match event? {
        Event::Applied(text) => Some(LeaseEvent::Written(parse("WATCH", text.get())?)),
        Event::Deleted(text) => Some(LeaseEvent::Deleted(parse("WATCH", text.get())?)),
        Event::Bookmark(_) => None,
    })
}

pub(crate) fn collection(namespace: &str) -> Result<Request, ClusterError> {
    check_path_segment("namespace", namespace)?;
    let scope = Scope::Namespace(namespace.to_owned());
    Ok(Request::new(leases().path(&scope)))
}

/// Decodes the Lease in the response to a request with this verb.
pub(crate) fn parse(verb: &str, body: &str) -> Result<Lease, ClusterError> {
    serde_json::from_str::<Value>(body)
        .and_then(Lease::decode)
        .map_err(|error| ClusterError::malformed(&request_label(verb), &error))
}

/// The request, for messages.
fn request_label(verb: &str) -> String {
    format!("{verb} {}/{CONTROLLER_LEASE}", leases().qualified())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, no_such_object, not_found};

    fn stored(version: &str, holder: &str) -> Value {
        json!({"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}})
    }

    #[tokio::test]
    async fn missing_lease_is_nothing_and_a_missing_api_is_an_error() {
        for (answer, expected) in [
            ((200, stored("7", "a").to_string()), Ok(Some("7"))),
            (
                no_such_object("leases", "imgpolicy-controller"),
                Ok::<_, &str>(None),
            ),
            (not_found(), Err("NotFound")),
            (forbidden(), Err("Forbidden")),
            ((200, "{\"spec\": 1}".to_owned()), Err("Malformed")),
        ] {
            let (cluster, requests) = cluster(move |_| answer.clone());
            let lease = cluster.controller_lease("shop").await;
            let found = lease.as_ref().map(|lease| lease.as_ref());
            let found = found.map(|lease| lease.map(|lease| lease.version.as_str()));
            assert_eq!(found.map_err(ClusterError::reason), expected);
            assert_eq!(
                requests.lines(),
                ["GET /apis/coordination.k8s.io/v1/namespaces/shop/leases/imgpolicy-controller"]
            );
        }
    }

    #[tokio::test]
    async fn watch_names_the_one_lease_and_yields_its_changes() {
        let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "old"});
        let lines = [
            json!({"type": "ADDED", "object": stored("7", "a")}),
            json!({"type": "MODIFIED", "object": stored("8", "b")}),
            json!({"type": "DELETED", "object": stored("9", "b")}),
            json!({"type": "ERROR", "object": gone}),
        ];
        let body = lines.map(|line| line.to_string()).join("\n");
        let (cluster, requests) = cluster(move |_| (200, body.clone()));
        let events = cluster.watch_controller_lease("shop").await.expect("opens");
        let events: Vec<_> = events.collect().await;
        let seen: Vec<String> = events
            .iter()
            .map(|event| match event {
                Ok(LeaseEvent::Written(lease)) => format!("written {}", lease.version),
                Ok(LeaseEvent::Deleted(lease)) => format!("deleted {}", lease.version),
                Err(error) => error.line(),
            })
            .collect();
        let expected = [
            "written 7",
            "written 8",
            "deleted 9",
            "Error from server (Expired): old",
        ];
        assert_eq!(seen, expected);
        assert_eq!(
            requests.lines(),
            [
                "GET /apis/coordination.k8s.io/v1/namespaces/shop/leases?&watch=true\
                 &timeoutSeconds=290&fieldSelector=metadata.name%3Dimgpolicy-controller\
                 &allowWatchBookmarks=true&resourceVersion=0"
            ]
        );
    }

    #[tokio::test]
    async fn watch_that_is_not_allowed_is_an_error_at_once() {
        let (cluster, _) = cluster(|_| forbidden());
        let Err(error) = cluster.watch_controller_lease("shop").await else {
            panic!("no watch");
        };
        assert!(error.is_access_denied(), "{error}");
    }

    #[tokio::test]
    async fn namespace_with_a_slash_is_rejected() {
        let (cluster, requests) = cluster(|_| forbidden());
        let error = cluster.controller_lease("a/b").await.expect_err("refused");
        assert_eq!(error.reason(), "Invalid");
        assert!(requests.lines().is_empty());
    }
}
