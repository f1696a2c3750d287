//! Why a Pod does not start.

use std::fmt;

use serde_json::Value;

/// The reasons of a container that simply has not started yet.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// A Pod that does not start, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodProblem {
    /// The Pod's name.
    pub pod: String,
    /// One word, such as `ImagePullBackOff` or `Unschedulable`.
    pub reason: String,
    /// The details; may be empty.
    pub message: String,
}

/// `Pod db-1: ImagePullBackOff: Back-off pulling image "org/app:2"`.
impl fmt::Display for PodProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pod,
            reason,
            message,
        } = self;
        write!(f, "Pod {pod}: {reason}")?;
        if message.is_empty() {
            return Ok(());
        }
        write!(f, ": {message}")
    }
}

impl PodProblem {
    /// Reads a Pod of the API. `None`: it has started, or is about to.
    #[must_use]
    pub fn read(pod: &Value) -> Option<Self> {
        let metadata = &pod["metadata"];
        if !metadata["deletionTimestamp"].is_null() {
            return None;
        }
        let status = &pod["status"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let problem = |reason: &Value, message: &Value| Self {
            pod: text(&metadata["name"]),
            reason: text(reason),
            message: text(message),
        };
        for list in ["initContainerStatuses", "containerStatuses"] {
            for container in status[list].as_array().into_iter().flatten() {
                let waiting = &container["state"]["waiting"];
                let reason = waiting["reason"].as_str();
                if reason.is_some_and(|reason| !STARTING.contains(&reason)) {
                    return Some(problem(&waiting["reason"], &waiting["message"]));
                }
            }
        }
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        let unscheduled = conditions.find(|condition| {
            condition["type"] == "PodScheduled"
                && condition["status"] == "False"
                && condition["reason"].is_string()
        })?;
        Some(problem(&unscheduled["reason"], &unscheduled["message"]))
    }
}

/// Whether the controller of an object replaces one Pod after the other and waits until
/// each is ready. Such a StatefulSet waits for ever for a Pod that cannot start, even after
/// its template was corrected, until the Pod is deleted: Kubernetes calls this a forced
/// rollback.
#[must_use]
pub fn waits_for_each_pod(object: &Value) -> bool {
    let spec = &object["spec"];
    object["kind"] == "StatefulSet"
        && spec["podManagementPolicy"] != "Parallel"
        && spec["updateStrategy"]["type"] != "OnDelete"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> Option<String> {
        let pod = json!({"metadata": {"name": "db-1"}, "status": status});
        PodProblem::read(&pod).map(|problem| problem.to_string())
    }

    fn waiting(reason: &str, message: Value) -> Value {
        json!({"containerStatuses": [{"state": {"running": {}}},
            {"state": {"waiting": {"reason": reason, "message": message}}}]})
    }

    #[test]
    fn problem_is_the_reason_of_a_container_or_of_the_scheduler() {
        let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
        let init = json!({"initContainerStatuses": [{"state": {"waiting":
            {"reason": "CrashLoopBackOff"}}}]});
        for (status, expected) in [
            (
                waiting("ImagePullBackOff", json!("Back-off pulling image \"a:2\"")),
                Some("Pod db-1: ImagePullBackOff: Back-off pulling image \"a:2\""),
            ),
            (
                unscheduled,
                Some("Pod db-1: Unschedulable: 0/3 nodes are available"),
            ),
            (init, Some("Pod db-1: CrashLoopBackOff")),
            (waiting("ContainerCreating", Value::Null), None),
            (waiting("PodInitializing", Value::Null), None),
            (json!({}), None),
        ] {
            assert_eq!(pod(&status).as_deref(), expected, "{status}");
        }
        let mut leaving = json!({"metadata": {"name": "db-1", "deletionTimestamp": "now"},
            "status": waiting("ImagePullBackOff", Value::Null)});
        assert_eq!(PodProblem::read(&leaving), None);
        leaving["metadata"]["deletionTimestamp"] = Value::Null;
        assert!(PodProblem::read(&leaving).is_some());
    }

    #[test]
    fn only_a_stateful_set_in_order_waits_for_each_pod() {
        for (kind, spec, expected) in [
            ("StatefulSet", json!({}), true),
            (
                "StatefulSet",
                json!({"podManagementPolicy": "OrderedReady"}),
                true,
            ),
            (
                "StatefulSet",
                json!({"podManagementPolicy": "Parallel"}),
                false,
            ),
            (
                "StatefulSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                false,
            ),
            ("Deployment", json!({}), false),
        ] {
            let object = json!({"kind": kind, "spec": spec});
            assert_eq!(waits_for_each_pod(&object), expected, "{object}");
        }
    }
}
