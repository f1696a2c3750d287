//! One requirement of a Pod's spec on a node.

use serde::{Deserialize, Serialize};

use super::node::Node;

const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
const ARCH_LABELS: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

/// One requirement on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "SavedRequirement")]
pub struct NodeRequirement {
    /// What it is about.
    pub property: NodeProperty,
    /// What must hold.
    pub operator: NodeOperator,
    /// The values to compare with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What a requirement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeProperty {
    /// The operating system: `linux`.
    Os,
    /// The architecture: `amd64`.
    Architecture,
    /// The node's name.
    Name,
    /// The label with this key.
    Label(String),
}

/// How a requirement compares. The names are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeOperator {
    /// It is one of the values.
    In,
    /// It is none of the values, or is not set.
    NotIn,
    /// It is set.
    Exists,
    /// It is not set.
    DoesNotExist,
    /// It is a greater number.
    Gt,
    /// It is a smaller number.
    Lt,
}

/// Older snapshots have only requirements on the platform.
#[derive(Deserialize)]
#[serde(untagged)]
enum SavedRequirement {
    Current {
        property: NodeProperty,
        operator: NodeOperator,
        #[serde(default)]
        values: Vec<String>,
    },
    Older {
        os: bool,
        negated: bool,
        values: Vec<String>,
    },
}

impl From<SavedRequirement> for NodeRequirement {
    fn from(saved: SavedRequirement) -> Self {
        match saved {
            SavedRequirement::Current {
                property,
                operator,
                values,
            } => Self {
                property,
                operator,
                values,
            },
            SavedRequirement::Older {
                os,
                negated,
                values,
            } => Self {
                property: if os {
                    NodeProperty::Os
                } else {
                    NodeProperty::Architecture
                },
                operator: if negated {
                    NodeOperator::NotIn
                } else {
                    NodeOperator::In
                },
                values,
            },
        }
    }
}

impl NodeProperty {
    pub(crate) fn of_label(key: &str) -> Self {
        if OS_LABELS.contains(&key) {
            Self::Os
        } else if ARCH_LABELS.contains(&key) {
            Self::Architecture
        } else {
            Self::Label(key.to_owned())
        }
    }
}

impl NodeOperator {
    /// `None`: it is not one of the API's.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::Gt,
            "Lt" => Self::Lt,
            _ => return None,
        })
    }
}

impl NodeRequirement {
    /// Whether it holds for a node, or may hold because that is not known.
    pub(crate) fn admits(&self, node: &Node) -> bool {
        let mut parts = node.platform.as_str().split('/');
        let (os, arch) = (parts.next(), parts.next());
        let value = match &self.property {
            NodeProperty::Os => os,
            NodeProperty::Architecture => arch,
            NodeProperty::Name => match &node.name {
                Some(name) => Some(name.as_str()),
                None => return true,
            },
            NodeProperty::Label(key) => match &node.labels {
                Some(labels) => labels.get(key).map(String::as_str),
                None => return true,
            },
        };
        let is_listed = value.is_some_and(|value| self.values.iter().any(|v| v == value));
        match self.operator {
            NodeOperator::In => is_listed,
            NodeOperator::NotIn => !is_listed,
            NodeOperator::Exists => value.is_some(),
            NodeOperator::DoesNotExist => value.is_none(),
            NodeOperator::Gt => self.numbers(value).is_some_and(|(own, limit)| own > limit),
            NodeOperator::Lt => self.numbers(value).is_some_and(|(own, limit)| own < limit),
        }
    }

    /// The node's number and the one that it is compared with.
    fn numbers(&self, value: Option<&str>) -> Option<(i64, i64)> {
        Some((value?.parse().ok()?, self.values.first()?.parse().ok()?))
    }

    /// The values that it names, if it is about this property and names any.
    pub(crate) fn named_values(&self, property: &NodeProperty) -> &[String] {
        if self.property == *property && self.operator == NodeOperator::In {
            &self.values
        } else {
            &[]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requirements_hold_as_in_the_scheduler() {
        let labels = [("pool", "a"), ("cpus", "8")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let node = Node {
            name: Some("n1".to_owned()),
            labels: Some(labels.into()),
            ..Node::of_platform("linux/arm64".parse().expect("a platform"))
        };
        let unknown = Node::of_platform(node.platform.clone());
        let label = |key: &str| NodeProperty::of_label(key);
        for (property, word, values, holds, may_hold) in [
            (label("pool"), "In", &["a", "b"][..], true, true),
            (label("pool"), "In", &["b"], false, true),
            (label("pool"), "NotIn", &["b"], true, true),
            (label("zone"), "NotIn", &["b"], true, true),
            (label("zone"), "Exists", &[], false, true),
            (label("zone"), "DoesNotExist", &[], true, true),
            (label("cpus"), "Gt", &["7"], true, true),
            (label("cpus"), "Gt", &["8"], false, true),
            (label("cpus"), "Lt", &["9"], true, true),
            (label("pool"), "Lt", &["9"], false, true),
            (NodeProperty::Name, "In", &["n1"], true, true),
            (NodeProperty::Name, "In", &["n2"], false, true),
            (label("kubernetes.io/arch"), "In", &["arm64"], true, true),
            (
                label("beta.kubernetes.io/arch"),
                "In",
                &["amd64"],
                false,
                false,
            ),
            (label("kubernetes.io/os"), "NotIn", &["linux"], false, false),
        ] {
            let requirement = NodeRequirement {
                property,
                operator: NodeOperator::parse(word).expect("an operator"),
                values: values.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(requirement.admits(&node), holds, "{requirement:?}");
            assert_eq!(requirement.admits(&unknown), may_hold, "{requirement:?}");
        }
        assert_eq!(NodeOperator::parse("Near"), None);
    }

    #[test]
    fn requirement_of_an_older_snapshot_is_read() {
        let older = json!({"os": false, "negated": true, "values": ["arm64"]});
        let requirement: NodeRequirement = serde_json::from_value(older).expect("read");
        assert_eq!(requirement.property, NodeProperty::Architecture);
        assert_eq!(requirement.operator, NodeOperator::NotIn);
        let saved = serde_json::to_value(&requirement).expect("JSON");
        assert_eq!(
            serde_json::from_value::<NodeRequirement>(saved).expect("read"),
            requirement
        );
    }
}
