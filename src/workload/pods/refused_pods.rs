//! Why the Pods of a workload cannot be created: a quota, Pod Security, an admission
//! webhook.
//!
//! The controller of a Deployment says so in a condition, the others only in Events.

use jiff::Timestamp;
use serde_json::Value;

/// What controllers write before the server's own message.
const PREFIXES: [&str; 3] = [
    "(combined from similar events): ",
    "Error creating: ",
    "Error deleting: ",
];

/// Why the Pods of a Deployment cannot be replaced, from its condition `ReplicaFailure`.
#[must_use]
pub fn refused_pods(object: &Value) -> Option<String> {
    let mut conditions = object["status"]["conditions"].as_array()?.iter();
    let failure = conditions
        .find(|condition| condition["type"] == "ReplicaFailure" && condition["status"] == "True")?;
    let verb = if failure["reason"] == "FailedDelete" {
        "deleted"
    } else {
        "created"
    };
    Some(phrase(verb, failure["message"].as_str()?))
}

/// The same from the `FailedCreate` Events of an object, without those that are older
/// than its last change.
#[must_use]
pub fn refused_pods_in_events(object: &Value, events: &[Value]) -> Option<String> {
    let changed = last_change(object);
    let (_, message) = events
        .iter()
        .filter(|event| event["reason"] == "FailedCreate")
        .filter_map(|event| Some((last_seen(event)?, event["message"].as_str()?)))
        .filter(|(seen, _)| changed.is_none_or(|changed| *seen >= changed))
        .max_by_key(|(seen, _)| *seen)?;
    Some(phrase("created", message))
}

/// When somebody last wrote something other than the status, in whole seconds.
fn last_change(object: &Value) -> Option<Timestamp> {
    let entries = object["metadata"]["managedFields"].as_array()?.iter();
    entries
        .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty())
        .filter_map(|entry| time(&entry["time"]))
        .max()
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    time(&event["lastTimestamp"])
        .or_else(|| time(&event["series"]["lastObservedTime"]))
        .or_else(|| time(&event["eventTime"]))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The server's message without the names of the Pods, which are new with each attempt.
fn phrase(verb: &str, message: &str) -> String {
    let mut why = message.trim();
    for prefix in PREFIXES {
        why = why.strip_prefix(prefix).unwrap_or(why);
    }
    if let Some((start, error)) = why.split_once(" failed error: ")
        && start.to_lowercase().starts_with("create pod ")
    {
        why = error;
    }
    if let Some((start, reason)) = why.split_once(" is forbidden: ")
        && start.starts_with("pods \"")
    {
        why = reason;
    }
    format!("Pods cannot be {verb}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QUOTA: &str = "exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2";

    #[test]
    fn condition_of_a_deployment_says_why() {
        let deployment = |conditions: Value| json!({"status": {"conditions": conditions}});
        let failure = |status: &str, reason: &str, message: &str| {
            json!({"type": "ReplicaFailure", "status": status, "reason": reason,
                "message": message})
        };
        let forbidden = format!("pods \"web-77-abcde\" is forbidden: {QUOTA}");
        let webhook = "admission webhook \"x.y\" denied the request: no";
        for (conditions, expected) in [
            (
                json!([{"type": "Available", "status": "True", "message": "fine"},
                    failure("True", "FailedCreate", &forbidden)]),
                Some(format!("Pods cannot be created: {QUOTA}")),
            ),
            (
                json!([failure("True", "FailedCreate", webhook)]),
                Some(format!("Pods cannot be created: {webhook}")),
            ),
            (
                json!([failure("True", "FailedDelete", "no")]),
                Some("Pods cannot be deleted: no".to_owned()),
            ),
            (json!([failure("False", "FailedCreate", &forbidden)]), None),
            (json!([]), None),
        ] {
            assert_eq!(refused_pods(&deployment(conditions)), expected);
        }
        assert_eq!(refused_pods(&json!({})), None);
    }

    #[test]
    fn newest_event_since_the_last_change_says_why() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "kubectl", "time": "2026-01-01T10:00:00Z"},
            {"manager": "imgpolicy", "time": "2026-01-01T12:00:00Z"},
            {"manager": "controller", "subresource": "status", "time": "2026-01-01T13:00:00Z"}]}});
        let event = |time: &str, message: &str| json!({"reason": "FailedCreate", "lastTimestamp": time, "message": message});
        let of_set = format!(
            "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: {QUOTA}"
        );
        let of_daemons = format!(
            "(combined from similar events): Error creating: pods \"a-x\" is forbidden: {QUOTA}"
        );
        let said = Some(format!("Pods cannot be created: {QUOTA}"));
        for (events, expected) in [
            (vec![event("2026-01-01T12:00:00Z", &of_set)], said.clone()),
            (
                vec![
                    event("2026-01-01T12:00:05Z", &of_daemons),
                    event("2026-01-01T12:00:01Z", "Error creating: earlier"),
                ],
                said.clone(),
            ),
            (
                vec![
                    json!({"reason": "FailedCreate", "lastTimestamp": null, "message": of_set,
                    "eventTime": "2026-01-01T12:00:00.5Z"}),
                ],
                said,
            ),
            (vec![event("2026-01-01T11:59:59Z", &of_set)], None),
            (
                vec![json!({"reason": "SuccessfulCreate", "message": "fine",
                "lastTimestamp": "2026-01-01T12:00:05Z"})],
                None,
            ),
            (vec![json!({"reason": "FailedCreate"})], None),
        ] {
            assert_eq!(
                refused_pods_in_events(&object, &events),
                expected,
                "{events:?}"
            );
        }
    }
}
