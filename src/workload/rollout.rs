//! What happens after an image is changed, and the progress of the rollout.
//!
//! A rollout is followed by the rules of `kubectl rollout status`. If nothing
//! happens automatically (paused, `OnDelete`, a CronJob, a HelmRelease), there is
//! nothing to follow.

use serde_json::Value;

use super::id::WorkloadKind;

/// The progress of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutProgress {
    /// It is in progress, with what it is waiting for.
    Waiting(String),
    /// Every Pod that had to be replaced is replaced and available.
    Done,
    /// Nothing happens automatically, or it is not visible here, with the reason.
    Still(String),
    /// The controller gave up, with the reason.
    Failed(String),
}

/// What happens after another image is written into an object of the API, each as a
/// phrase. Empty if that is not known.
#[must_use]
pub fn consequences(object: &Value) -> Vec<String> {
    let Some(kind) = kind(object) else {
        return Vec::new();
    };
    let spec = &object["spec"];
    let one = match kind {
        WorkloadKind::Deployment if spec["paused"] == true => {
            "paused: nothing restarts until it is resumed".to_owned()
        }
        WorkloadKind::Deployment => match (strategy(spec, "strategy"), replicas(spec)) {
            (Some("Recreate"), pods @ 1..) => {
                let stop = count(pods, "stops", "stop");
                format!("Recreate: {stop} before the new ones start")
            }
            (_, pods) => restart(pods),
        },
        WorkloadKind::StatefulSet => match strategy(spec, "updateStrategy") {
            Some("OnDelete") => ON_DELETE.to_owned(),
            _ => match (partition(spec), replicas(spec)) {
                (0, pods) => restart(pods),
                (from, pods) if pods <= from => format!("partition {from}: no Pod restarts"),
                (from, pods) => {
                    let restart = count(pods - from, "restarts", "restart");
                    format!("partition {from}: only {restart}")
                }
            },
        },
        WorkloadKind::DaemonSet => match strategy(spec, "updateStrategy") {
            Some("OnDelete") => ON_DELETE.to_owned(),
            _ => restart(number(&object["status"]["desiredNumberScheduled"])),
        },
        WorkloadKind::CronJob if spec["suspend"] == true => {
            "suspended: no run until it is resumed".to_owned()
        }
        WorkloadKind::CronJob => "takes effect with its next run".to_owned(),
        WorkloadKind::HelmRelease if spec["suspend"] == true => {
            "suspended: nothing happens until it is resumed".to_owned()
        }
        WorkloadKind::HelmRelease => "Helm upgrades the release".to_owned(),
    };
    vec![one]
}

const ON_DELETE: &str = "OnDelete: each Pod keeps its image until it is deleted";

/// `3 Pods restart`.
fn restart(pods: i64) -> String {
    match pods {
        0 => "0 replicas: nothing restarts".to_owned(),
        pods => count(pods, "restarts", "restart"),
    }
}

fn count(pods: i64, one: &str, more: &str) -> String {
    match pods {
        1 => format!("1 Pod {one}"),
        pods => format!("{pods} Pods {more}"),
    }
}

/// The progress of the rollout that the object's last change started, by the rules
/// of `kubectl rollout status`.
#[must_use]
pub fn progress(object: &Value) -> RolloutProgress {
    let (spec, status) = (&object["spec"], &object["status"]);
    let kind = kind(object);
    let is_observed =
        number(&object["metadata"]["generation"]) <= number(&status["observedGeneration"]);
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return RolloutProgress::Still("it is being deleted".to_owned());
    }
    let moves = match kind {
        Some(WorkloadKind::Deployment) => spec["paused"] != true,
        Some(WorkloadKind::StatefulSet | WorkloadKind::DaemonSet) => {
            strategy(spec, "updateStrategy") != Some("OnDelete")
        }
        Some(WorkloadKind::CronJob | WorkloadKind::HelmRelease) | None => false,
    };
    if !moves {
        return RolloutProgress::Still(consequences(object).join(", "));
    }
    if !is_observed {
        return RolloutProgress::Waiting("its controller has not seen the change yet".to_owned());
    }
    match kind {
        Some(WorkloadKind::Deployment) => deployment(spec, status),
        Some(WorkloadKind::StatefulSet) => stateful_set(spec, status),
        _ => daemon_set(status),
    }
}

fn deployment(spec: &Value, status: &Value) -> RolloutProgress {
    let progressing = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Progressing");
    if let Some(condition) = progressing
        && condition["reason"] == "ProgressDeadlineExceeded"
    {
        let message = condition["message"].as_str().unwrap_or_default();
        let details = if message.is_empty() {
            String::new()
        } else {
            format!(" ({message})")
        };
        return RolloutProgress::Failed(format!("it exceeded its progress deadline{details}"));
    }
    let (wanted, all) = (replicas(spec), number(&status["replicas"]));
    let updated = number(&status["updatedReplicas"]);
    let available = number(&status["availableReplicas"]);
    if updated < wanted {
        waiting(format_args!(
            "{updated} of {wanted} Pods have the new image"
        ))
    } else if all > updated {
        waiting(format_args!("{} of the old Pods still run", all - updated))
    } else if available < updated {
        waiting(format_args!(
            "{available} of {updated} new Pods are available"
        ))
    } else {
        RolloutProgress::Done
    }
}

fn stateful_set(spec: &Value, status: &Value) -> RolloutProgress {
    let (wanted, ready) = (replicas(spec), number(&status["readyReplicas"]));
    let updated = number(&status["updatedReplicas"]);
    let partition = partition(spec);
    if ready < wanted {
        return waiting(format_args!("{ready} of {wanted} Pods are ready"));
    }
    if partition > 0 {
        let replaced = wanted - partition;
        return if updated < replaced {
            waiting(format_args!(
                "{updated} of {replaced} Pods from ordinal {partition} have the new image"
            ))
        } else {
            RolloutProgress::Done
        };
    }
    if status["updateRevision"] == status["currentRevision"] {
        RolloutProgress::Done
    } else {
        waiting(format_args!(
            "{updated} of {wanted} Pods have the new image"
        ))
    }
}

fn daemon_set(status: &Value) -> RolloutProgress {
    let wanted = number(&status["desiredNumberScheduled"]);
    let updated = number(&status["updatedNumberScheduled"]);
    let available = number(&status["numberAvailable"]);
    if updated < wanted {
        waiting(format_args!(
            "{updated} of {wanted} Pods have the new image"
        ))
    } else if available < wanted {
        waiting(format_args!("{available} of {wanted} Pods are available"))
    } else {
        RolloutProgress::Done
    }
}

fn waiting(text: std::fmt::Arguments<'_>) -> RolloutProgress {
    RolloutProgress::Waiting(text.to_string())
}

fn kind(object: &Value) -> Option<WorkloadKind> {
    let [api_version, kind] = ["apiVersion", "kind"].map(|key| object[key].as_str());
    WorkloadKind::from_api(api_version?, kind?)
}

/// The API's default is 1.
fn replicas(spec: &Value) -> i64 {
    spec["replicas"].as_i64().unwrap_or(1)
}

fn partition(spec: &Value) -> i64 {
    number(&spec["updateStrategy"]["rollingUpdate"]["partition"])
}

fn strategy<'v>(spec: &'v Value, key: &str) -> Option<&'v str> {
    spec[key]["type"].as_str()
}

/// The API omits fields that are 0.
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, spec: Value, status: Value) -> Value {
        let api_version = match kind {
            "CronJob" => "batch/v1",
            "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
            _ => "apps/v1",
        };
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"generation": 2},
            "spec": spec, "status": status})
    }

    #[test]
    fn consequences_depend_on_kind_and_strategy() {
        let none = Value::Null;
        for (kind, spec, status, expected) in [
            ("Deployment", json!({}), &none, "1 Pod restarts"),
            (
                "Deployment",
                json!({"replicas": 3}),
                &none,
                "3 Pods restart",
            ),
            (
                "Deployment",
                json!({"replicas": 0}),
                &none,
                "0 replicas: nothing restarts",
            ),
            (
                "Deployment",
                json!({"replicas": 3, "paused": true}),
                &none,
                "paused: nothing restarts until it is resumed",
            ),
            (
                "Deployment",
                json!({"replicas": 3, "strategy": {"type": "Recreate"}}),
                &none,
                "Recreate: 3 Pods stop before the new ones start",
            ),
            (
                "StatefulSet",
                json!({"replicas": 2, "updateStrategy": {"type": "OnDelete"}}),
                &none,
                "OnDelete: each Pod keeps its image until it is deleted",
            ),
            (
                "StatefulSet",
                json!({"replicas": 5, "updateStrategy": {"type": "RollingUpdate",
                    "rollingUpdate": {"partition": 4}}}),
                &none,
                "partition 4: only 1 Pod restarts",
            ),
            (
                "StatefulSet",
                json!({"replicas": 2, "updateStrategy": {"type": "RollingUpdate",
                    "rollingUpdate": {"partition": 4}}}),
                &none,
                "partition 4: no Pod restarts",
            ),
            (
                "DaemonSet",
                json!({}),
                &json!({"desiredNumberScheduled": 7}),
                "7 Pods restart",
            ),
            (
                "DaemonSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                &none,
                "OnDelete: each Pod keeps its image until it is deleted",
            ),
            (
                "CronJob",
                json!({}),
                &none,
                "takes effect with its next run",
            ),
            (
                "CronJob",
                json!({"suspend": true}),
                &none,
                "suspended: no run until it is resumed",
            ),
            ("HelmRelease", json!({}), &none, "Helm upgrades the release"),
            (
                "HelmRelease",
                json!({"suspend": true}),
                &none,
                "suspended: nothing happens until it is resumed",
            ),
        ] {
            let object = object(kind, spec, status.clone());
            assert_eq!(consequences(&object), [expected], "{object}");
        }
        assert_eq!(consequences(&json!({"kind": "Pod"})), [""; 0]);
    }

    /// `Ok` if it is done, `Err` with what it is waiting for.
    fn waits(object: &Value) -> Result<(), String> {
        match progress(object) {
            RolloutProgress::Done => Ok(()),
            RolloutProgress::Waiting(text) => Err(text),
            RolloutProgress::Still(text) | RolloutProgress::Failed(text) => {
                panic!("{text}: {object}")
            }
        }
    }

    #[test]
    fn deployment_is_followed_as_in_kubectl() {
        let spec = json!({"replicas": 3});
        for (status, waiting) in [
            (
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3,
                    "availableReplicas": 3}),
                Some("its controller has not seen the change yet"),
            ),
            (
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1,
                    "availableReplicas": 3}),
                Some("1 of 3 Pods have the new image"),
            ),
            (
                json!({"observedGeneration": 2, "replicas": 5, "updatedReplicas": 3,
                    "availableReplicas": 5}),
                Some("2 of the old Pods still run"),
            ),
            (
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}),
                Some("0 of 3 new Pods are available"),
            ),
            (
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
                    "availableReplicas": 3}),
                None,
            ),
        ] {
            let object = object("Deployment", spec.clone(), status);
            assert_eq!(waits(&object).err().as_deref(), waiting, "{object}");
        }
        let failed = object(
            "Deployment",
            spec,
            json!({"observedGeneration": 2, "updatedReplicas": 1, "conditions": [
                {"type": "Available", "reason": "ProgressDeadlineExceeded"},
                {"type": "Progressing", "reason": "ProgressDeadlineExceeded",
                    "message": "ReplicaSet \"web-1\" has timed out progressing."}]}),
        );
        let why = "it exceeded its progress deadline \
                   (ReplicaSet \"web-1\" has timed out progressing.)";
        assert_eq!(progress(&failed), RolloutProgress::Failed(why.to_owned()));
    }

    #[test]
    fn stateful_set_is_followed_as_in_kubectl() {
        let rolling = |partition: i64| {
            json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate",
                "rollingUpdate": {"partition": partition}}})
        };
        let seen = |status: Value| {
            let mut status = status;
            status["observedGeneration"] = json!(2);
            status
        };
        for (spec, status, waiting) in [
            (
                rolling(0),
                json!({"readyReplicas": 3, "updateRevision": "a", "currentRevision": "a"}),
                Some("its controller has not seen the change yet"),
            ),
            (
                rolling(0),
                seen(json!({"readyReplicas": 2})),
                Some("2 of 3 Pods are ready"),
            ),
            (
                rolling(0),
                seen(
                    json!({"readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b",
                    "currentRevision": "a"}),
                ),
                Some("1 of 3 Pods have the new image"),
            ),
            (
                rolling(0),
                seen(json!({"readyReplicas": 3, "updateRevision": "b", "currentRevision": "b"})),
                None,
            ),
            (
                rolling(2),
                seen(json!({"readyReplicas": 3, "updateRevision": "b", "currentRevision": "a"})),
                Some("0 of 1 Pods from ordinal 2 have the new image"),
            ),
            (
                rolling(2),
                seen(
                    json!({"readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b",
                    "currentRevision": "a"}),
                ),
                None,
            ),
        ] {
            let object = object("StatefulSet", spec, status);
            assert_eq!(waits(&object).err().as_deref(), waiting, "{object}");
        }
    }

    #[test]
    fn daemon_set_is_followed_as_in_kubectl() {
        for (status, waiting) in [
            (
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": 1, "numberAvailable": 2}),
                Some("1 of 2 Pods have the new image"),
            ),
            (
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": 2, "numberAvailable": 1}),
                Some("1 of 2 Pods are available"),
            ),
            (
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": 2, "numberAvailable": 2}),
                None,
            ),
        ] {
            let object = object("DaemonSet", json!({}), status);
            assert_eq!(waits(&object).err().as_deref(), waiting, "{object}");
        }
    }

    #[test]
    fn paused_and_manual_rollouts_are_not_waited_for() {
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        for (kind, spec) in [
            ("Deployment", json!({"paused": true})),
            ("StatefulSet", on_delete.clone()),
            ("DaemonSet", on_delete),
            ("CronJob", json!({})),
            ("HelmRelease", json!({})),
        ] {
            let object = object(kind, spec, Value::Null);
            let still = consequences(&object).join(", ");
            assert_eq!(progress(&object), RolloutProgress::Still(still), "{kind}");
        }
    }
}
