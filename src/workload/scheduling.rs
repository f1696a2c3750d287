//! On which platforms the Pods of a workload can run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Platform;

const OS_LABEL: &str = "kubernetes.io/os";
const ARCH_LABEL: &str = "kubernetes.io/arch";

/// What a Pod's spec demands of a node's operating system and architecture.
/// Demands on any other label are left out: they never widen the choice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// All of these hold (`nodeSelector`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selector: Vec<NodeRequirement>,
    /// One of these groups holds, all of it (required node affinity). Empty:
    /// no demand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Vec<NodeRequirement>>,
}

/// One demand on a node's platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRequirement {
    /// Whether the operating system is meant, else the architecture.
    pub os: bool,
    /// Whether the value must be none of `values`, else one of them.
    pub negated: bool,
    /// The values as labels spell them: `amd64`, `linux`.
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
        let all = |group: &[NodeRequirement]| group.iter().all(|r| r.admits(platform));
        all(&self.selector) && (self.terms.is_empty() || self.terms.iter().any(|term| all(term)))
    }

    /// The platforms on which the Pods can run: the nodes' that are admitted,
    /// or where no known node is, those that the spec itself names: a node of
    /// that platform may be on its way. `None`: nothing is known.
    #[must_use]
    pub fn possible(&self, nodes: Option<&[Platform]>) -> Option<Vec<Platform>> {
        let admitted = |platforms: &[Platform]| -> Option<Vec<Platform>> {
            let admitted: Vec<Platform> = platforms
                .iter()
                .filter(|p| self.admits(p))
                .cloned()
                .collect();
            (!admitted.is_empty()).then_some(admitted)
        };
        nodes.and_then(admitted).or_else(|| admitted(&self.named()))
    }

    /// Every platform that the requirements name; where they name only an
    /// architecture the system is Linux, as on nearly every node.
    fn named(&self) -> Vec<Platform> {
        let requirements = || self.selector.iter().chain(self.terms.iter().flatten());
        let values = |os: bool| -> Vec<&str> {
            let mut values: Vec<&str> = requirements()
                .flat_map(|r| r.positive_values(os))
                .map(String::as_str)
                .collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        let mut systems = values(true);
        if systems.is_empty() {
            systems.push("linux");
        }
        let mut platforms = Vec::new();
        for os in systems {
            platforms.extend(values(false).iter().map(|arch| Platform::new(os, arch, "")));
        }
        platforms
    }
}

/// The parts of a Pod's spec that say where it may run.
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
                let platform_only = |e: RawExpression| match e.operator.as_str() {
                    "In" => NodeRequirement::on_label(&e.key, false, e.values),
                    "NotIn" => NodeRequirement::on_label(&e.key, true, e.values),
                    _ => None,
                };
                term.match_expressions
                    .into_iter()
                    .filter_map(platform_only)
                    .collect()
            })
            .collect();
        // A group without a demand on the platform admits every platform.
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
    fn nodes_are_narrowed_by_selector_and_affinity() {
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
    fn without_nodes_only_what_the_spec_names_is_known() {
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
    fn a_term_on_other_labels_alone_admits_every_platform() {
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
