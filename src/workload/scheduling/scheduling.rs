//! The platforms on which the Pods of a workload can run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::node::Node;
use super::requirement::{NodeProperty, NodeRequirement};
use super::toleration::Toleration;
use crate::image::Platform;

/// What a Pod's spec requires of its node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// All of these must hold (`nodeSelector`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selector: Vec<NodeRequirement>,
    /// All requirements of at least one of these terms must hold (required node
    /// affinity). Empty if there is no requirement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Vec<NodeRequirement>>,
    /// The taints that do not keep the Pods away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// The node on which the Pods run without being scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
}

impl Scheduling {
    /// Whether a node may run the Pods, as far as is known about it.
    #[must_use]
    pub fn admits(&self, node: &Node) -> bool {
        self.fits(node)
            && match (&self.node_name, &node.name) {
                (Some(wanted), Some(name)) => wanted == name,
                // A Pod with a node does not pass the scheduler, which checks taints.
                (Some(_), None) => true,
                (None, _) => self.is_tolerated(node),
            }
    }

    /// Whether the selector and the affinity allow the node.
    fn fits(&self, node: &Node) -> bool {
        let hold = |requirements: &[NodeRequirement]| requirements.iter().all(|r| r.admits(node));
        hold(&self.selector) && (self.terms.is_empty() || self.terms.iter().any(|term| hold(term)))
    }

    fn is_tolerated(&self, node: &Node) -> bool {
        node.taints.iter().all(|taint| {
            self.tolerations.iter().any(|one| one.tolerates(taint))
                || self
                    .named_values(&NodeProperty::Architecture)
                    .iter()
                    .any(|arch| Toleration::of_architecture(arch).tolerates(taint))
        })
    }

    /// The platforms on which the Pods can run: those of the nodes that are admitted.
    ///
    /// If no node is, one may be added later. Its platform is that of all nodes if they
    /// have only one, or else one that the spec itself names. `None` if that is not
    /// known.
    #[must_use]
    pub fn possible(&self, nodes: Option<&[Node]>) -> Option<Vec<Platform>> {
        let nodes = nodes.unwrap_or_default();
        platforms(nodes.iter().filter(|node| self.admits(node)))
            .or_else(|| {
                let common = platforms(nodes.iter()).filter(|all| all.len() == 1)?;
                self.admitted(common)
            })
            .or_else(|| self.admitted(self.named()))
    }

    /// Those of the platforms that the selector and the affinity allow; `None` if there
    /// are none.
    fn admitted(&self, mut platforms: Vec<Platform>) -> Option<Vec<Platform>> {
        platforms.retain(|platform| self.fits(&Node::of_platform(platform.clone())));
        (!platforms.is_empty()).then_some(platforms)
    }

    /// Every platform that the requirements name. If they name only an architecture,
    /// the operating system is Linux, as on nearly every node.
    fn named(&self) -> Vec<Platform> {
        let mut systems = self.named_values(&NodeProperty::Os);
        if systems.is_empty() {
            systems.insert("linux");
        }
        let mut platforms = Vec::new();
        for os in systems {
            let architectures = self.named_values(&NodeProperty::Architecture).into_iter();
            platforms.extend(architectures.map(|arch| Platform::new(os, arch, "")));
        }
        platforms
    }

    /// The values of this property that the requirements name.
    fn named_values(&self, property: &NodeProperty) -> BTreeSet<&str> {
        self.requirements()
            .flat_map(|requirement| requirement.named_values(property))
            .map(String::as_str)
            .collect()
    }

    fn requirements(&self) -> impl Iterator<Item = &NodeRequirement> {
        self.selector.iter().chain(self.terms.iter().flatten())
    }

    /// The keys of the labels that it looks at.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.requirements().filter_map(|r| match &r.property {
            NodeProperty::Label(key) => Some(key.as_str()),
            NodeProperty::Os | NodeProperty::Architecture | NodeProperty::Name => None,
        })
    }

    /// Whether it looks at the names of nodes.
    #[must_use]
    pub fn names_nodes(&self) -> bool {
        let mut requirements = self.requirements();
        self.node_name.is_some() || requirements.any(|r| r.property == NodeProperty::Name)
    }
}

/// The distinct platforms of nodes, sorted; `None` if there are none.
fn platforms<'n>(nodes: impl Iterator<Item = &'n Node>) -> Option<Vec<Platform>> {
    let platforms: BTreeSet<&Platform> = nodes.map(|node| &node.platform).collect();
    (!platforms.is_empty()).then(|| platforms.into_iter().cloned().collect())
}

#[cfg(test)]
#[path = "scheduling_tests.rs"]
mod tests;
