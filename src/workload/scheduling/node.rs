//! A node of a cluster, as far as it decides which Pods may run there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::toleration::{Taint, is_temporary};
use crate::image::Platform;

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "SavedNode", into = "SavedNode")]
pub struct Node {
    /// The platform of the images that it runs.
    pub platform: Platform,
    /// Its name; `None`: not known.
    pub name: Option<String>,
    /// Its labels; `None`: not known.
    pub labels: Option<BTreeMap<String, String>>,
    /// What keeps Pods away that do not tolerate it, until somebody removes it.
    pub taints: Vec<Taint>,
}

/// In a snapshot, a node of which only the platform matters is the platform's name.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SavedNode {
    Platform(Platform),
    Node {
        platform: Platform,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        labels: Option<BTreeMap<String, String>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        taints: Vec<Taint>,
    },
}

impl Node {
    /// A node of which nothing but the platform is known, so that any requirement on
    /// something else may hold.
    #[must_use]
    pub fn of_platform(platform: Platform) -> Self {
        Self {
            platform,
            name: None,
            labels: None,
            taints: Vec::new(),
        }
    }

    /// Whether any Pod may run there, as far as is known.
    fn is_plain(&self) -> bool {
        self.name.is_none() && self.labels.is_none() && self.taints.is_empty()
    }

    /// Adds a taint, unless it goes away by itself.
    pub fn taint(&mut self, taint: Taint) {
        if !is_temporary(&taint) && taint.keeps_pods_away() {
            self.taints.push(taint);
        }
    }

    /// The distinct nodes, sorted, with only the labels that have these keys, and with
    /// names only if `named`.
    #[must_use]
    pub fn distinct(nodes: Vec<Self>, keys: &BTreeSet<&str>, named: bool) -> Vec<Self> {
        let mut nodes: Vec<Self> = nodes
            .into_iter()
            .map(|mut node| {
                if let Some(labels) = &mut node.labels {
                    labels.retain(|key, _| keys.contains(key.as_str()));
                }
                if keys.is_empty() {
                    node.labels = None;
                }
                node.name = node.name.filter(|_| named);
                node.taints.sort();
                node
            })
            .collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

impl From<SavedNode> for Node {
    fn from(saved: SavedNode) -> Self {
        match saved {
            SavedNode::Platform(platform) => Self::of_platform(platform),
            SavedNode::Node {
                platform,
                name,
                labels,
                taints,
            } => Self {
                platform,
                name,
                labels,
                taints,
            },
        }
    }
}

impl From<Node> for SavedNode {
    fn from(node: Node) -> Self {
        if node.is_plain() {
            return Self::Platform(node.platform);
        }
        let Node {
            platform,
            name,
            labels,
            taints,
        } = node;
        Self::Node {
            platform,
            name,
            labels,
            taints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn snapshot_has_only_what_decides() {
        let plain = Node::of_platform("linux/arm64".parse().expect("a platform"));
        assert_eq!(
            serde_json::to_value(&plain).expect("JSON"),
            json!("linux/arm64")
        );
        let saved = json!({"platform": "linux/arm64", "labels": {"pool": "a"},
            "taints": [{"key": "gpu", "effect": "NoSchedule"}]});
        let node: Node = serde_json::from_value(saved.clone()).expect("a node");
        assert_eq!(serde_json::to_value(&node).expect("JSON"), saved);
        let older: Node = serde_json::from_value(json!("linux/arm64")).expect("a node");
        assert_eq!(older, plain);
    }

    #[test]
    fn nodes_that_differ_in_nothing_that_matters_are_one() {
        let node = |name: &str, pool: &str| {
            let labels = [("pool", pool), ("kubernetes.io/hostname", name)];
            Node {
                name: Some(name.to_owned()),
                labels: Some(labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
                ..Node::of_platform("linux/amd64".parse().expect("a platform"))
            }
        };
        let nodes = vec![node("n1", "a"), node("n2", "a"), node("n3", "b")];
        let distinct = |keys: &[&str], named: bool| {
            Node::distinct(nodes.clone(), &keys.iter().copied().collect(), named).len()
        };
        assert_eq!(distinct(&[], false), 1);
        assert_eq!(distinct(&["pool"], false), 2);
        assert_eq!(distinct(&["kubernetes.io/hostname"], false), 3);
        assert_eq!(distinct(&[], true), 3);
    }
}
