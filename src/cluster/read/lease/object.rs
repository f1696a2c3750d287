//! A Lease (`coordination.k8s.io/v1`) as it is stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::api::resource::Resource;

/// The name of the Lease that our controller holds, in the namespace where it runs.
pub const CONTROLLER_LEASE: &str = "imgpolicy-controller";

/// The collection of Leases.
pub(crate) fn leases() -> Resource {
    Resource::new("coordination.k8s.io/v1", "leases")
}

/// Annotations that the holder writes together with its renewals; `None`: it removes one.
pub type LeaseNotes = BTreeMap<String, Option<String>>;

/// A stored Lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// `metadata.resourceVersion`. A replacement that names it fails if the Lease was
    /// written in between.
    pub version: String,
    /// Who holds it.
    pub spec: LeaseSpec,
    /// The whole object: a replacement keeps all fields that we do not use.
    object: Value,
}

/// Who holds a Lease, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaseSpec {
    /// Who leads; `None` or empty: nobody. A holder that stops removes its name.
    pub holder_identity: Option<String>,
    /// For how long after a renewal nobody else may lead.
    pub lease_duration_seconds: Option<i32>,
    /// When the holder began to lead, by the holder's clock.
    pub acquire_time: Option<Timestamp>,
    /// When the holder renewed it, by the holder's clock. Do not compare it with another
    /// clock to decide who leads.
    pub renew_time: Option<Timestamp>,
    /// How often the holder has changed.
    pub lease_transitions: Option<i32>,
}

impl LeaseSpec {
    /// Who leads; `None`: nobody.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.holder_identity
            .as_deref()
            .filter(|name| !name.is_empty())
    }

    /// As the API writes it. It requires exactly six digits of a second.
    fn write_to(&self, spec: &mut Value) {
        let [acquired, renewed] = [self.acquire_time, self.renew_time]
            .map(|time| time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()));
        spec["holderIdentity"] = json!(self.holder_identity);
        spec["leaseDurationSeconds"] = json!(self.lease_duration_seconds);
        spec["acquireTime"] = json!(acquired);
        spec["renewTime"] = json!(renewed);
        spec["leaseTransitions"] = json!(self.lease_transitions);
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredLease {
    metadata: StoredMetadata,
    spec: LeaseSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredMetadata {
    resource_version: String,
}

impl Lease {
    /// Decodes a Lease.
    ///
    /// # Errors
    ///
    /// A field does not have the API's type.
    pub fn decode(object: Value) -> Result<Self, serde_json::Error> {
        let stored = StoredLease::deserialize(&object)?;
        Ok(Self {
            version: stored.metadata.resource_version,
            spec: stored.spec,
            object,
        })
    }

    /// The version as a number. Since Kubernetes 1.35 the API says that a higher number is
    /// newer; all servers with etcd have always kept that.
    #[must_use]
    pub fn version_number(&self) -> Option<u64> {
        self.version.parse().ok()
    }

    /// This object with another holder and these annotations; all other fields are kept.
    pub(crate) fn replacement(&self, spec: &LeaseSpec, notes: &LeaseNotes) -> Value {
        let mut object = self.object.clone();
        if !object["spec"].is_object() {
            object["spec"] = json!({});
        }
        spec.write_to(&mut object["spec"]);
        for (key, text) in notes {
            annotate(&mut object, key, text.as_deref());
        }
        object
    }

    /// One of its annotations.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.object["metadata"]["annotations"][key].as_str()
    }

    /// This object with another annotation; all other fields are kept.
    pub(crate) fn annotated(&self, key: &str, text: &str) -> Value {
        let mut object = self.object.clone();
        annotate(&mut object, key, Some(text));
        object
    }

    /// A Lease that does not exist yet.
    pub(crate) fn new_object(namespace: &str, spec: &LeaseSpec) -> Value {
        let mut object = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": namespace, "name": CONTROLLER_LEASE}, "spec": {}});
        spec.write_to(&mut object["spec"]);
        object
    }
}

/// Sets an annotation of an object; `None`: removes it.
fn annotate(object: &mut Value, key: &str, text: Option<&str>) {
    let annotations = &mut object["metadata"]["annotations"];
    match (text, annotations.as_object_mut()) {
        (Some(text), Some(all)) => {
            all.insert(key.to_owned(), json!(text));
        }
        (Some(text), None) => *annotations = json!({key: text}),
        (None, Some(all)) => {
            all.shift_remove(key);
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Value {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "imgpolicy-controller", "resourceVersion": "41",
                "annotations": {"imgpolicy.dev/resumed-at": "2026-01-01T00:00:00Z"}},
            "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15,
                "acquireTime": "2026-01-01T00:00:00.000000Z",
                "renewTime": "2026-01-01T00:00:10.500000Z", "leaseTransitions": 3,
                "strategy": "OldestEmulationVersion"}})
    }

    #[test]
    fn replacement_keeps_the_fields_of_others_and_the_version() {
        let lease = Lease::decode(stored()).expect("a Lease");
        assert_eq!(lease.version_number(), Some(41));
        let none = LeaseNotes::new();
        assert_eq!(lease.replacement(&lease.spec, &none), stored());
        let spec = LeaseSpec {
            holder_identity: Some("pod-2".to_owned()),
            renew_time: Some("2026-01-01T00:00:12.000001234Z".parse().expect("a time")),
            ..lease.spec.clone()
        };
        let mut expected = stored();
        expected["spec"]["holderIdentity"] = json!("pod-2");
        expected["spec"]["renewTime"] = json!("2026-01-01T00:00:12.000001Z");
        assert_eq!(lease.replacement(&spec, &none), expected);
    }

    /// The annotations of a Lease after a renewal with these notes.
    fn noted(lease: &Lease, notes: &[(&str, Option<&str>)]) -> Value {
        let notes = notes.iter();
        let notes = notes.map(|(key, text)| ((*key).to_owned(), text.map(str::to_owned)));
        let object = lease.replacement(&lease.spec, &notes.collect());
        object["metadata"]["annotations"].clone()
    }

    #[test]
    fn notes_are_written_and_removed_beside_the_annotations_of_others() {
        let lease = Lease::decode(stored()).expect("a Lease");
        let resumed = json!({"imgpolicy.dev/resumed-at": "2026-01-01T00:00:00Z"});
        let mut expected = resumed.clone();
        expected["a"] = json!("1");
        assert_eq!(noted(&lease, &[("a", Some("1")), ("b", None)]), expected);
        assert_eq!(
            noted(&lease, &[("imgpolicy.dev/resumed-at", None)]),
            json!({})
        );
        assert_eq!(noted(&lease, &[]), resumed);
    }

    #[test]
    fn empty_name_is_nobody() {
        for (name, holder) in [
            (None, None),
            (Some(""), None),
            (Some("pod-1"), Some("pod-1")),
        ] {
            let spec = LeaseSpec {
                holder_identity: name.map(str::to_owned),
                ..LeaseSpec::default()
            };
            assert_eq!(spec.holder(), holder);
        }
    }

    #[test]
    fn lease_without_a_spec_can_be_replaced() {
        let lease = Lease::decode(json!({"metadata": {"resourceVersion": "1"}}));
        let lease = lease.expect("a Lease");
        assert_eq!(lease.spec, LeaseSpec::default());
        let spec = LeaseSpec {
            holder_identity: Some("pod-1".to_owned()),
            ..LeaseSpec::default()
        };
        let notes = LeaseNotes::from([("a".to_owned(), Some("1".to_owned()))]);
        let object = lease.replacement(&spec, &notes);
        assert_eq!(object["spec"]["holderIdentity"], "pod-1");
        assert_eq!(object["metadata"]["annotations"], json!({"a": "1"}));
    }
}
