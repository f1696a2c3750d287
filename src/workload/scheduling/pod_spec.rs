//! Reads the scheduling fields of a Pod's spec.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::requirement::{NodeOperator, NodeProperty, NodeRequirement};
use super::scheduling::Scheduling;
use super::toleration::Toleration;
use crate::workload::id::WorkloadKind;

/// The fields of a Pod's spec that say where it can run.
#[derive(Debug, Default)]
pub(crate) struct PlacementFields {
    pub(crate) node_selector: Option<BTreeMap<String, String>>,
    pub(crate) affinity: Option<RawAffinity>,
    pub(crate) tolerations: Option<Vec<Toleration>>,
    pub(crate) node_name: Option<String>,
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
    match_expressions: Option<Vec<RawExpression>>,
    match_fields: Option<Vec<RawExpression>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawExpression {
    key: String,
    operator: String,
    values: Option<Vec<String>>,
}

impl RawExpression {
    /// `None`: the API has no such operator, so it does not restrict anything.
    fn on(self, property: NodeProperty) -> Option<NodeRequirement> {
        Some(NodeRequirement {
            property,
            operator: NodeOperator::parse(&self.operator)?,
            values: self.values.unwrap_or_default(),
        })
    }
}

impl RawTerm {
    /// `None`: an empty term matches no node.
    fn requirements(self) -> Option<Vec<NodeRequirement>> {
        let expressions = self.match_expressions.unwrap_or_default();
        let fields = self.match_fields.unwrap_or_default();
        if expressions.is_empty() && fields.is_empty() {
            return None;
        }
        let on_labels = expressions.into_iter().filter_map(|expression| {
            let property = NodeProperty::of_label(&expression.key);
            expression.on(property)
        });
        // The only field that the API knows is the node's name.
        let on_names = fields
            .into_iter()
            .filter_map(|field| field.on(NodeProperty::Name));
        Some(on_labels.chain(on_names).collect())
    }
}

impl Scheduling {
    pub(crate) fn from_pod(fields: PlacementFields, kind: WorkloadKind) -> Self {
        let selector = fields.node_selector.unwrap_or_default();
        let selector = selector.into_iter().map(|(key, value)| NodeRequirement {
            property: NodeProperty::of_label(&key),
            operator: NodeOperator::In,
            values: vec![value],
        });
        let required = fields
            .affinity
            .and_then(|affinity| affinity.node_affinity)
            .and_then(|node| node.required_during_scheduling_ignored_during_execution)
            .unwrap_or_default();
        let terms = required.node_selector_terms.into_iter();
        let mut tolerations = fields.tolerations.unwrap_or_default();
        if kind == WorkloadKind::DaemonSet {
            tolerations.push(Toleration::of_daemon_sets());
        }
        Self {
            selector: selector.collect(),
            terms: terms.filter_map(RawTerm::requirements).collect(),
            tolerations,
            node_name: fields.node_name.filter(|name| !name.is_empty()),
        }
    }
}
