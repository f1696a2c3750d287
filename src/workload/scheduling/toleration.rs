//! Taints of nodes, and which Pods tolerate them.

use serde::{Deserialize, Serialize};

/// The taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The prefixes of the taints that the control plane itself sets while a node is not
/// ready, or is still being set up.
const TEMPORARY: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

/// The taint that GKE sets on its arm64 nodes. It adds the toleration to Pods that name
/// the architecture.
const ARCHITECTURE: &str = "kubernetes.io/arch";

/// Keeps Pods away from a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Its name.
    pub key: String,
    /// What a toleration compares; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Taint {
    /// The taint of a cordoned node.
    #[must_use]
    pub fn of_cordon() -> Self {
        Self {
            key: UNSCHEDULABLE.to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }
    }

    pub(crate) fn keeps_pods_away(&self) -> bool {
        matches!(self.effect.as_str(), "NoSchedule" | "NoExecute")
    }
}

/// Whether the taint comes and goes with the state of the node. A cordon stays until
/// somebody lifts it.
pub(crate) fn is_temporary(taint: &Taint) -> bool {
    taint.key != UNSCHEDULABLE && TEMPORARY.iter().any(|prefix| taint.key.starts_with(prefix))
}

/// Lets Pods run on nodes with certain taints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// The taint's key; without one, any key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Exists`, or `Equal` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// What the taint's value must be under `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The taint's effect; without one, any effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

impl Toleration {
    /// What every DaemonSet tolerates: its Pods also run on cordoned nodes.
    pub(crate) fn of_daemon_sets() -> Self {
        Self {
            key: Some(UNSCHEDULABLE.to_owned()),
            operator: Some("Exists".to_owned()),
            ..Self::default()
        }
    }

    /// What GKE adds to a Pod that names this architecture.
    pub(crate) fn of_architecture(architecture: &str) -> Self {
        Self {
            key: Some(ARCHITECTURE.to_owned()),
            value: Some(architecture.to_owned()),
            ..Self::default()
        }
    }

    /// By the rules of the scheduler. An operator that is not known here may tolerate it.
    pub(crate) fn tolerates(&self, taint: &Taint) -> bool {
        let is_of = |own: Option<&String>, theirs: &str| {
            own.is_none_or(|own| own.is_empty() || own == theirs)
        };
        is_of(self.effect.as_ref(), &taint.effect)
            && is_of(self.key.as_ref(), &taint.key)
            && match self.operator.as_deref() {
                None | Some("" | "Equal") => self.value.as_deref().unwrap_or("") == taint.value,
                Some(_) => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn taints_are_tolerated_as_by_the_scheduler() {
        let taint = Taint {
            key: "dedicated".to_owned(),
            value: "gpu".to_owned(),
            effect: "NoSchedule".to_owned(),
        };
        for (toleration, expected) in [
            (
                json!({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}),
                true,
            ),
            (
                json!({"key": "dedicated", "operator": "Equal", "value": "gpu"}),
                true,
            ),
            (json!({"key": "dedicated", "operator": "Exists"}), true),
            (json!({"operator": "Exists"}), true),
            (json!({"key": "dedicated"}), false),
            (json!({"key": "dedicated", "value": "web"}), false),
            (json!({"key": "other", "operator": "Exists"}), false),
            (json!({"operator": "Exists", "effect": "NoExecute"}), false),
            (
                json!({"key": "dedicated", "operator": "Gt", "value": "1"}),
                true,
            ),
        ] {
            let parsed: Toleration = serde_json::from_value(toleration.clone()).expect("valid");
            assert_eq!(parsed.tolerates(&taint), expected, "{toleration}");
        }
    }

    #[test]
    fn only_the_taints_of_a_nodes_state_are_temporary() {
        for (key, expected) in [
            ("node.kubernetes.io/not-ready", true),
            ("node.kubernetes.io/disk-pressure", true),
            ("node.cloudprovider.kubernetes.io/uninitialized", true),
            ("node.kubernetes.io/unschedulable", false),
            ("dedicated", false),
        ] {
            let taint = Taint {
                key: key.to_owned(),
                ..Taint::of_cordon()
            };
            assert_eq!(is_temporary(&taint), expected, "{key}");
        }
    }
}
