//! The platforms on which the Pods of a workload can run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Platform;

const OS_LABEL: &str = "kubernetes.io/os";
const ARCH_LABEL: &str = "kubernetes.io/arch";

/// The requirements of a Pod's spec on the operating system and the architecture
/// of a node. Requirements on other labels are left out, because they never add a
/// platform.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// All of these must hold (`nodeSelector`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selector: Vec<NodeRequirement>,
    /// All requirements of at least one of these terms must hold (required node
    /// affinity). Empty if there is no requirement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Vec<NodeRequirement>>,
}

/// One requirement on a node's platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRequirement {
    /// Whether it is about the operating system; otherwise about the architecture.
    pub os: bool,
    /// Whether the value must not be one of `values`; otherwise it must be.
    pub negated: bool,
    /// The values, as in labels: `amd64`, `linux`.
    pub values: Vec<String>,
}

impl NodeRequirement {
    fn on_label(key: &str, negated: bool, values: Vec<String>) -> Option<Self> {
        let os = match key {
            OS_LABEL | "beta.kubernetes.io/os" => true,
            ARCH_LABEL | "beta.kubernetes.io/arch" => false,
            _ => return None,
        };
        Some(Self {
            os,
            negated,
            values,
        })
    }

    fn admits(&self, platform: &Platform) -> bool {
        let mut parts = platform.as_str().split('/');
        let (os, arch) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let value = if self.os { os } else { arch };
        self.values.iter().any(|v| v == value) != self.negated
    }

    fn positive_values(&self, os: bool) -> &[String] {
        if self.os == os && !self.negated {
            &self.values
        } else {
            &[]
        }
    }
}

impl Scheduling {
    /// Whether a node of this platform may run the Pods.
    #[must_use]
    pub fn admits(&self, platform: &Platform) -> bool {
        admit_all(&self.selector, platform)
            && (self.terms.is_empty() || self.terms.iter().any(|term| admit_all(term, platform)))
    }

    /// The platforms on which the Pods can run: those of the nodes that are admitted.
    /// If no node is, the platforms that the spec itself names, because a node of
    /// that platform may be added later. `None` if neither is known.
    #[must_use]
    pub fn possible(&self, nodes: Option<&[Platform]>) -> Option<Vec<Platform>> {
        nodes
            .and_then(|platforms| self.admitted(platforms))
            .or_else(|| self.admitted(&self.named()))
    }

    fn admitted(&self, platforms: &[Platform]) -> Option<Vec<Platform>> {
        let admitted: Vec<Platform> = platforms
            .iter()
            .filter(|platform| self.admits(platform))
            .cloned()
            .collect();
        (!admitted.is_empty()).then_some(admitted)
    }

    /// Every platform that the requirements name. If they name only an architecture,
    /// the operating system is Linux, as on nearly every node.
    fn named(&self) -> Vec<Platform> {
        let mut systems = self.named_values(true);
        if systems.is_empty() {
            systems.push("linux");
        }
        let mut platforms = Vec::new();
        for os in systems {
            let architectures = self.named_values(false).into_iter();
            platforms.extend(architectures.map(|arch| Platform::new(os, arch, "")));
        }
        platforms
    }

    /// The named operating systems if `os`, otherwise the named architectures.
    fn named_values(&self, os: bool) -> Vec<&str> {
        let requirements = self.selector.iter().chain(self.terms.iter().flatten());
        let mut values: Vec<&str> = requirements
            .flat_map(|requirement| requirement.positive_values(os))
            .map(String::as_str)
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

fn admit_all(requirements: &[NodeRequirement], platform: &Platform) -> bool {
    requirements
        .iter()
        .all(|requirement| requirement.admits(platform))
}

/// The affinity of a Pod's spec.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawAffinity {
    node_affinity: Option<RawNodeAffinity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawNodeAffinity {
    required_during_scheduling_ignored_during_execution: Option<RawNodeSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawNodeSelector {
    node_selector_terms: Vec<RawTerm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawTerm {
    match_expressions: Vec<RawExpression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawExpression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl RawExpression {
    fn platform_requirement(self) -> Option<NodeRequirement> {
        let is_negated = match self.operator.as_str() {
            "In" => false,
            "NotIn" => true,
            _ => return None,
        };
        NodeRequirement::on_label(&self.key, is_negated, self.values)
    }
}

impl Scheduling {
    pub(crate) fn from_pod(
        selector: &BTreeMap<String, String>,
        affinity: Option<RawAffinity>,
    ) -> Self {
        let selector = selector
            .iter()
            .filter_map(|(key, value)| NodeRequirement::on_label(key, false, vec![value.clone()]))
            .collect();
        let required = affinity
            .and_then(|affinity| affinity.node_affinity)
            .and_then(|node| node.required_during_scheduling_ignored_during_execution)
            .unwrap_or_default();
        let terms: Vec<Vec<NodeRequirement>> = required
            .node_selector_terms
            .into_iter()
            .map(|term| {
                term.match_expressions
                    .into_iter()
                    .filter_map(RawExpression::platform_requirement)
                    .collect()
            })
            .collect();
        // A term without a requirement on the platform admits every platform.
        let terms = if terms.iter().any(Vec::is_empty) {
            Vec::new()
        } else {
            terms
        };
        Self { selector, terms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduling(selector: &[(&str, &str)], affinity: serde_json::Value) -> Scheduling {
        let selector = selector
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        Scheduling::from_pod(
            &selector,
            serde_json::from_value(affinity).expect("affinity"),
        )
    }

    fn platforms(names: &[&str]) -> Vec<Platform> {
        names
            .iter()
            .map(|name| name.parse().expect("platform"))
            .collect()
    }

    #[test]
    fn selector_and_affinity_restrict_the_nodes() {
        let nodes = platforms(&["linux/amd64", "linux/arm64", "windows/amd64"]);
        let pinned = scheduling(&[(ARCH_LABEL, "arm64")], serde_json::json!(null));
        assert_eq!(
            pinned.possible(Some(&nodes)),
            Some(platforms(&["linux/arm64"]))
        );
        let affine = scheduling(
            &[("disk", "ssd")],
            serde_json::json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [
                    {"key": OS_LABEL, "operator": "NotIn", "values": ["windows"]},
                    {"key": "zone", "operator": "In", "values": ["a"]}]}]}}}),
        );
        assert_eq!(
            affine.possible(Some(&nodes)),
            Some(platforms(&["linux/amd64", "linux/arm64"]))
        );
    }

    #[test]
    fn platforms_named_in_the_spec_are_used_without_a_matching_node() {
        let pinned = scheduling(&[(ARCH_LABEL, "arm64")], serde_json::json!(null));
        assert_eq!(pinned.possible(None), Some(platforms(&["linux/arm64"])));
        let other = platforms(&["linux/amd64"]);
        assert_eq!(
            pinned.possible(Some(&other)),
            Some(platforms(&["linux/arm64"])),
            "no node of that platform is up yet"
        );
        assert_eq!(Scheduling::default().possible(None), None);
        assert_eq!(Scheduling::default().possible(Some(&[])), None);
    }

    #[test]
    fn term_without_a_platform_label_admits_every_platform() {
        let affine = scheduling(
            &[],
            serde_json::json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": ARCH_LABEL, "operator": "In", "values": ["arm64"]}]},
                    {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}}}),
        );
        let nodes = platforms(&["linux/amd64"]);
        assert_eq!(affine.possible(Some(&nodes)), Some(nodes.clone()));
    }
}
