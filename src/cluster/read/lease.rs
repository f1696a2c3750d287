//! Whether our controller runs in a cluster, as its Lease shows.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;

/// The name of the Lease that our controller holds, in the namespace where it runs.
pub const CONTROLLER_LEASE: &str = "imgpolicy-controller";

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

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lease {
    spec: LeaseSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LeaseSpec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<i64>,
    renew_time: Option<Timestamp>,
}

impl LeaseSpec {
    /// Whether a controller holds it. A controller that stops removes its name.
    fn is_held(&self, now: Timestamp) -> bool {
        let holder = self.holder_identity.as_deref().unwrap_or_default();
        let (Some(renewed), Some(seconds)) = (self.renew_time, self.lease_duration_seconds) else {
            return false;
        };
        let end = renewed.saturating_add(SignedDuration::from_secs(seconds));
        !holder.is_empty() && end.is_ok_and(|end| end > now)
    }
}

impl Cluster {
    /// Whether our controller runs in any namespace of this cluster.
    pub async fn controller_presence(&self, now: Timestamp) -> ControllerPresence {
        let named = format!("metadata.name={CONTROLLER_LEASE}");
        let list = ListRequest {
            path: Resource::new("coordination.k8s.io/v1", "leases").path(&Scope::AllNamespaces),
            field_selector: Some(&named),
            ..ListRequest::default()
        };
        let leases = self
            .list(&list, |text| {
                // A Lease that cannot be decoded counts as not held.
                let lease: Lease = serde_json::from_str(text).unwrap_or_default();
                lease.spec.is_held(now)
            })
            .await;
        match leases {
            Ok(leases) if leases.contains(&true) => ControllerPresence::Running,
            Ok(_) => ControllerPresence::Absent,
            Err(error) if error.is_not_found() => ControllerPresence::Absent,
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
}
