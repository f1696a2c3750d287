//! Kubernetes Events, which show in `kubectl describe` what happened to an object.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use kube::api::PostParams;
use kube::core::Request;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::repeat::SecondCopy;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::named_enum::named_enum;
use crate::workload::Observed;

/// The reporting controller, whatever the field manager's name is.
pub(crate) const CONTROLLER: &str = "imgpolicy";

/// The API's maximum length of a note, in bytes.
const MAX_NOTE: usize = 1024;

/// The API's maximum length of an action, in bytes.
const MAX_ACTION: usize = 128;

/// How many characters of the object's name the Event's name begins with. With the rest
/// it stays below the maximum of 253 characters.
const MAX_PREFIX: usize = 200;

named_enum! {
    /// What an Event is about.
    pub enum EventReason {
        /// An update was written.
        ImageUpdated = "ImageUpdated",
        /// A rollout failed.
        RolloutFailed = "RolloutFailed",
        /// The previous image was restored after a failure.
        RolledBack = "RolledBack",
        /// A user restored the previous image.
        ImageRolledBack = "ImageRolledBack",
        /// An update is not made until somebody does something.
        UpdateHeld = "UpdateHeld",
        /// The policy of a container cannot be read.
        PolicyInvalid = "PolicyInvalid",
    }
}

/// The content of an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNote {
    /// The reason.
    pub reason: EventReason,
    /// The action, and what it is about: `Update`, `Update app to org/app:2`. It is truncated if
    /// it is longer than the API allows.
    pub action: Cow<'static, str>,
    /// A description of what happened. It is truncated if it is longer than the API
    /// allows.
    pub note: String,
    /// Whether it needs attention: the type is `Warning`, and not `Normal`.
    pub is_warning: bool,
}

impl Cluster {
    /// Records an Event about an object in the observed version.
    ///
    /// # Errors
    ///
    /// The user may not create Events, or the server does not respond.
    pub async fn record_event(
        &self,
        object: &Observed,
        event: &EventNote,
        field_manager: &str,
        now: Timestamp,
    ) -> Result<(), ClusterError> {
        // Two updates within one second need two names.
        let chance = RandomState::new().hash_one(()) & 0xffff;
        let name = event_name(object, &format!("{:x}{chance:04x}", now.as_second()));
        let body = body(object, event, field_manager, now, &name);
        self.send_event(object, body, field_manager).await
    }

    /// Records an Event about a state of an object. While the API server still has the same
    /// Event, it is not recorded again, whichever process has recorded it.
    ///
    /// # Errors
    ///
    /// The user may not create Events, or the server does not respond.
    pub async fn record_state_event(
        &self,
        object: &Observed,
        event: &EventNote,
        field_manager: &str,
        now: Timestamp,
    ) -> Result<(), ClusterError> {
        let name = event_name(object, &fingerprint(object, event));
        let body = body(object, event, field_manager, now, &name);
        match self.send_event(object, body, field_manager).await {
            Err(error) if error.already_exists() => Ok(()),
            recorded => recorded,
        }
    }

    async fn send_event(
        &self,
        object: &Observed,
        body: Value,
        field_manager: &str,
    ) -> Result<(), ClusterError> {
        let namespace = &object.workload.id.namespace;
        check_path_segment("namespace", namespace)?;
        let scope = Scope::Namespace(namespace.clone());
        let params = PostParams {
            dry_run: false,
            field_manager: Some(field_manager.to_owned()),
        };
        let body = body.to_string();
        let request = Request::new(Resource::new("events.k8s.io/v1", "events").path(&scope))
            .create(&params, body.into_bytes());
        // A second copy would fail, because the name already exists.
        self.send(request, SecondCopy::Refused).await?;
        Ok(())
    }
}

/// The name of an Event: that of its object, and an ending of its own.
fn event_name(object: &Observed, ending: &str) -> String {
    let id = &object.workload.id;
    let prefix: String = id.name.chars().take(MAX_PREFIX).collect();
    let prefix = prefix.trim_end_matches(['-', '.']);
    format!("{prefix}.{}.{ending}", id.kind.singular())
}

/// The same for the same Event about the same object.
fn fingerprint(object: &Observed, event: &EventNote) -> String {
    let uid = object.uid.as_deref().unwrap_or_default();
    let parts = [uid, event.reason.as_str(), &event.action, &event.note];
    let hash = Sha256::digest(parts.join("\0"));
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn body(object: &Observed, event: &EventNote, instance: &str, now: Timestamp, name: &str) -> Value {
    let event_type = if event.is_warning {
        "Warning"
    } else {
        "Normal"
    };
    let id = &object.workload.id;
    json!({"apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"namespace": id.namespace, "name": name},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "reportingController": CONTROLLER, "reportingInstance": instance,
        "type": event_type, "reason": event.reason,
        "action": truncate(&event.action, MAX_ACTION), "note": truncate(&event.note, MAX_NOTE),
        "regarding": {"apiVersion": id.api_version, "kind": id.kind, "namespace": id.namespace,
            "name": id.name, "uid": object.uid, "resourceVersion": object.resource_version}})
}

/// Truncates a text to the length that the API allows, in bytes.
fn truncate(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max - '…'.len_utf8();
    let end = (0..=room).rev().find(|&end| text.is_char_boundary(end));
    format!("{}…", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{answering, forbidden, item};

    fn observed(name: &str) -> Observed {
        let mut object = item(name);
        object["apiVersion"] = json!("apps/v1");
        object["kind"] = json!("Deployment");
        object["metadata"]["uid"] = json!("u-1");
        object["metadata"]["resourceVersion"] = json!("7");
        let observed = Observed::read(&object, "shop").expect("decodes");
        observed.expect("a workload")
    }

    fn note(text: &str) -> EventNote {
        EventNote {
            reason: EventReason::ImageUpdated,
            action: "Update".into(),
            is_warning: false,
            note: text.to_owned(),
        }
    }

    #[tokio::test]
    async fn event_names_the_action_and_the_version_of_the_object() {
        let (cluster, requests) = answering(|_| (201, "{}".to_owned()));
        let now = "2026-01-02T03:04:05.6789Z".parse().expect("a time");
        let note = note("container app: org/app:1 -> org/app:2");
        let recorded = cluster
            .record_event(&observed("web"), &note, "ci", now)
            .await;
        recorded.expect("recorded");
        let mut sent = requests.sent().remove(0);
        let name = sent.body["metadata"]["name"].take();
        let name = name.as_str().expect("a name");
        assert!(name.starts_with("web.deployment.695735a5"), "{name}");
        assert_eq!(
            sent.line(),
            "POST /apis/events.k8s.io/v1/namespaces/shop/events?&fieldManager=ci"
        );
        assert_eq!(
            sent.body,
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event",
                "metadata": {"namespace": "shop", "name": null},
                "eventTime": "2026-01-02T03:04:05.678900Z",
                "reportingController": "imgpolicy", "reportingInstance": "ci",
                "type": "Normal", "reason": "ImageUpdated", "action": "Update",
                "note": "container app: org/app:1 -> org/app:2",
                "regarding": {"apiVersion": "apps/v1", "kind": "Deployment",
                    "namespace": "shop", "name": "web", "uid": "u-1", "resourceVersion": "7"}})
        );
    }

    #[tokio::test]
    async fn forbidden_event_is_an_error() {
        let (cluster, _) = answering(|_| forbidden());
        let recorded = cluster
            .record_event(&observed("web"), &note("n"), "ci", Timestamp::UNIX_EPOCH)
            .await;
        assert_eq!(recorded.expect_err("refused").reason(), "Forbidden");
    }

    #[tokio::test]
    async fn state_that_is_recorded_already_is_not_recorded_again() {
        let exists = json!({"kind": "Status", "status": "Failure", "reason": "AlreadyExists",
            "message": "events \"x\" already exists", "code": 409});
        let (cluster, requests) = answering(move |_| (409, exists.to_string()));
        for (name, text) in [("web", "n"), ("web", "n"), ("web", "other")] {
            let recorded = cluster
                .record_state_event(&observed(name), &note(text), "ci", Timestamp::UNIX_EPOCH)
                .await;
            recorded.expect("it is there");
        }
        let sent = requests.sent();
        let names: Vec<&Value> = sent
            .iter()
            .map(|sent| &sent.body["metadata"]["name"])
            .collect();
        assert_eq!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
    }

    #[test]
    fn names_and_notes_stay_within_the_limits_of_the_api() {
        let long = format!("{}-.{}", "a".repeat(198), "b".repeat(53));
        let text = "ä".repeat(MAX_NOTE);
        let object = observed(&long);
        let mut event = note(&text);
        event.action = "Update app to a-very-long-name".repeat(9).into();
        let name = event_name(&object, "0a");
        let body = body(&object, &event, "ci", Timestamp::UNIX_EPOCH, &name);
        let action = body["action"].as_str().expect("an action");
        assert!(
            action.len() <= MAX_ACTION && action.ends_with('…'),
            "{action}"
        );
        let name = body["metadata"]["name"].as_str().expect("a name");
        let start = format!("{}.deployment.0", "a".repeat(198));
        assert!(name.starts_with(&start) && name.len() <= 253, "{name}");
        let note = body["note"].as_str().expect("a note");
        assert!(note.len() <= MAX_NOTE && note.ends_with("ä…"), "{note}");
        assert_eq!(body["note"], json!(format!("{}…", "ä".repeat(510))));
    }
}
