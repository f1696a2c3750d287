//! Whether our controller runs in a cluster, as its Lease shows.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::object::{CONTROLLER_LEASE, LeaseSpec, leases};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;

/// The annotation of the Lease that names the namespaces on which its holder works.
pub const GOVERNED_NAMESPACES: &str = "imgpolicy.dev/namespaces";

/// The value of the annotation if the controller works on all namespaces.
const ALL: &str = "*";

/// The value of [`GOVERNED_NAMESPACES`] for a controller that works on these.
#[must_use]
pub fn governed_namespaces(scopes: &[Scope]) -> String {
    let names = scopes.iter().map(|scope| scope.namespace().unwrap_or(ALL));
    names.collect::<Vec<_>>().join(",")
}

/// Whether our controller runs in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControllerPresence {
    /// It holds a Lease that has not expired.
    Running,
    /// There is no Lease, or it has expired.
    Absent,
    /// Leases may not be read.
    Unknown,
}

/// A controller that holds a Lease.
///
/// The times are by its own clock, so they show to a person who leads. Whether another may
/// lead is decided without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerLeader {
    /// The namespace where it runs.
    pub namespace: String,
    /// Its Pod, with a suffix that is different after each start.
    pub name: String,
    /// When it last renewed the Lease.
    pub renewed: Timestamp,
    /// When the Lease expires if it is not renewed.
    pub expires: Timestamp,
    /// The namespaces on which it works, as it has noted them.
    governs: String,
}

impl ControllerLeader {
    /// Whether it works on any namespace of this scope.
    #[must_use]
    pub fn governs(&self, scope: &Scope) -> bool {
        let mut names = self.governs.split(',');
        scope
            .namespace()
            .is_none_or(|own| names.any(|name| name == own || name == ALL))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedLease {
    metadata: ListedMetadata,
    spec: LeaseSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedMetadata {
    namespace: String,
    annotations: BTreeMap<String, String>,
}

impl ListedLease {
    /// The controller that holds it. A controller that stops removes its name.
    fn leader(self) -> Option<ControllerLeader> {
        let renewed = self.spec.renew_time?;
        let seconds = self.spec.lease_duration_seconds?;
        let expires = renewed.saturating_add(SignedDuration::from_secs(seconds.into()));
        let ListedMetadata {
            namespace,
            mut annotations,
        } = self.metadata;
        // A leader that has just begun has not noted it yet.
        let governs = annotations.remove(GOVERNED_NAMESPACES);
        Some(ControllerLeader {
            governs: governs.unwrap_or_else(|| namespace.clone()),
            namespace,
            name: self.spec.holder()?.to_owned(),
            renewed,
            expires: expires.ok()?,
        })
    }
}

impl Cluster {
    /// The controllers of this cluster that hold a Lease, one a namespace, also if it has
    /// expired.
    ///
    /// # Errors
    ///
    /// Leases may not be read, or the server does not respond.
    pub async fn controller_leaders(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ControllerLeader>, ClusterError> {
        let named = format!("metadata.name={CONTROLLER_LEASE}");
        let list = ListRequest {
            path: leases().path(scope),
            field_selector: Some(&named),
            ..ListRequest::default()
        };
        let leaders = self.list(&list, |text| {
            // A Lease that cannot be decoded counts as not held.
            let lease: ListedLease = serde_json::from_str(text).unwrap_or_default();
            lease.leader()
        });
        match leaders.await {
            Ok(leaders) => Ok(leaders.into_iter().flatten().collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether our controller runs in any namespace of this cluster.
    pub async fn controller_presence(&self, now: Timestamp) -> ControllerPresence {
        match self.controller_leaders(&Scope::AllNamespaces).await {
            Ok(leaders) if leaders.iter().any(|leader| leader.expires > now) => {
                ControllerPresence::Running
            }
            Ok(_) => ControllerPresence::Absent,
            Err(error) => {
                tracing::debug!("whether a controller runs is not known: {error}");
                ControllerPresence::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, not_found, page};

    async fn presence(answer: (u16, String)) -> ControllerPresence {
        let (cluster, requests) = cluster(move |_| answer.clone());
        let now = "2026-01-01T00:00:30Z".parse().expect("a time");
        let presence = cluster.controller_presence(now).await;
        assert_eq!(
            requests.lines(),
            ["GET /apis/coordination.k8s.io/v1/leases?\
                 &fieldSelector=metadata.name%3Dimgpolicy-controller&limit=500"]
        );
        presence
    }

    fn lease(holder: Value, seconds: Value, renewed: &str) -> (u16, String) {
        let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": seconds,
            "renewTime": renewed});
        page(json!([{"spec": {}}, {"spec": spec}]), "")
    }

    #[tokio::test]
    async fn controller_runs_while_its_lease_has_not_expired() {
        let fresh = "2026-01-01T00:00:20.000000Z";
        for (answer, expected) in [
            (
                lease(json!("pod-1"), json!(15), fresh),
                ControllerPresence::Running,
            ),
            (
                lease(json!("pod-1"), json!(10), fresh),
                ControllerPresence::Absent,
            ),
            (
                lease(json!(""), json!(15), fresh),
                ControllerPresence::Absent,
            ),
            (
                lease(json!("pod-1"), json!(null), fresh),
                ControllerPresence::Absent,
            ),
            (
                lease(json!("pod-1"), json!(15), "soon"),
                ControllerPresence::Absent,
            ),
            (page(json!([]), ""), ControllerPresence::Absent),
            (not_found(), ControllerPresence::Absent),
            (forbidden(), ControllerPresence::Unknown),
        ] {
            let shown = answer.1.clone();
            assert_eq!(presence(answer).await, expected, "{shown}");
        }
    }

    #[tokio::test]
    async fn leaders_are_named_with_their_namespace_and_times() {
        let spec = json!({"holderIdentity": "pod-1_a", "leaseDurationSeconds": 15,
            "renewTime": "2026-01-01T00:00:20.5Z"});
        let answer = page(
            json!([{"metadata": {"namespace": "shop"}, "spec": spec}, {"spec": {}}]),
            "",
        );
        let (cluster, requests) = cluster(move |_| answer.clone());
        let scope = Scope::Namespace("shop".to_owned());
        let leaders = cluster.controller_leaders(&scope).await.expect("leaders");
        let expected = ControllerLeader {
            namespace: "shop".to_owned(),
            name: "pod-1_a".to_owned(),
            renewed: "2026-01-01T00:00:20.5Z".parse().expect("a time"),
            expires: "2026-01-01T00:00:35.5Z".parse().expect("a time"),
            governs: "shop".to_owned(),
        };
        assert_eq!(leaders, [expected]);
        assert!(requests.lines()[0].contains("/namespaces/shop/leases?"));
    }

    fn scope(name: &str) -> Scope {
        Scope::Namespace(name.to_owned())
    }

    #[tokio::test]
    async fn leader_governs_the_namespaces_that_it_has_noted() {
        let both = governed_namespaces(&[scope("shop"), scope("bank")]);
        let all = governed_namespaces(&[Scope::AllNamespaces]);
        for (noted, governed) in [
            (json!({}), ["imgpolicy"].as_slice()),
            (json!({GOVERNED_NAMESPACES: both}), &["bank", "shop"]),
            (
                json!({GOVERNED_NAMESPACES: all}),
                &["bank", "imgpolicy", "shop", "sho"],
            ),
        ] {
            let spec = json!({"holderIdentity": "pod-1", "leaseDurationSeconds": 15,
                "renewTime": "2026-01-01T00:00:20Z"});
            let metadata = json!({"namespace": "imgpolicy", "annotations": noted});
            let answer = page(json!([{"metadata": metadata, "spec": spec}]), "");
            let (cluster, _) = cluster(move |_| answer.clone());
            let leaders = cluster.controller_leaders(&Scope::AllNamespaces).await;
            let leader = leaders.expect("leaders").remove(0);
            let found = ["bank", "imgpolicy", "shop", "sho"];
            let found = found
                .into_iter()
                .filter(|name| leader.governs(&scope(name)));
            assert_eq!(found.collect::<Vec<_>>(), governed, "{metadata}");
            assert!(leader.governs(&Scope::AllNamespaces));
        }
    }
}
