//! Flux's ImageUpdateAutomation objects: which ImagePolicies they apply, and where.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{identity, labels};
use super::image_policy::FluxImagePolicy;
use crate::workload::ManifestSource;

/// An ImageUpdateAutomation object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAutomation {
    /// Where it is defined.
    pub source: ManifestSource,
    /// Its namespace. It applies no policies of other namespaces.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The file or the folder in which it edits, from the root of the repository.
    pub path: Option<String>,
    /// Which policies it applies, or why that is not known.
    selector: Result<LabelSelector, String>,
}

/// Kubernetes' label selector. All its requirements must be met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct LabelSelector {
    labels: BTreeMap<String, String>,
    expressions: Vec<LabelExpression>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelExpression {
    key: String,
    operator: LabelOperator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl ImageAutomation {
    /// Reads an ImageUpdateAutomation; `None` for another kind of object.
    #[must_use]
    pub fn read(object: &Value, source: &ManifestSource, default_namespace: &str) -> Option<Self> {
        let (namespace, name) = identity(object, "ImageUpdateAutomation", default_namespace)?;
        let path = object.pointer("/spec/update/path").and_then(Value::as_str);
        Some(Self {
            source: source.clone(),
            namespace,
            name,
            path: path.filter(|path| !path.is_empty()).map(str::to_owned),
            selector: LabelSelector::read(&object["spec"]["policySelector"]),
        })
    }

    /// `namespace/name`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Checks that it applies a policy.
    ///
    /// # Errors
    ///
    /// Why it does not, as the end of a sentence about it.
    pub fn check(&self, policy: &FluxImagePolicy) -> Result<(), String> {
        if self.namespace != policy.namespace {
            return Err(format!("applies only policies of {}", self.namespace));
        }
        match &self.selector {
            Ok(selector) if selector.matches(&policy.labels) => Ok(()),
            Ok(_) => Err("does not select its labels".to_owned()),
            Err(error) => Err(format!("has an invalid policySelector: {error}")),
        }
    }
}

impl LabelSelector {
    /// Without a selector, everything is selected.
    fn read(selector: &Value) -> Result<Self, String> {
        let expressions = match &selector["matchExpressions"] {
            Value::Null => Vec::new(),
            Value::Array(all) => all
                .iter()
                .map(LabelExpression::read)
                .collect::<Result<_, _>>()?,
            _ => return Err("matchExpressions must be a list".to_owned()),
        };
        Ok(Self {
            labels: labels(&selector["matchLabels"]),
            expressions,
        })
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut wanted = self.labels.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
            && self
                .expressions
                .iter()
                .all(|expression| expression.matches(labels))
    }
}

impl LabelExpression {
    fn read(expression: &Value) -> Result<Self, String> {
        let operator = match expression["operator"].as_str().unwrap_or_default() {
            "In" => LabelOperator::In,
            "NotIn" => LabelOperator::NotIn,
            "Exists" => LabelOperator::Exists,
            "DoesNotExist" => LabelOperator::DoesNotExist,
            other => {
                return Err(format!(
                    "the operator {other:?} is not one of In, NotIn, Exists, DoesNotExist"
                ));
            }
        };
        let values = expression["values"].as_array().into_iter().flatten();
        let values: Vec<String> = values
            .filter_map(|v| Some(v.as_str()?.to_owned()))
            .collect();
        let needs_values = matches!(operator, LabelOperator::In | LabelOperator::NotIn);
        if values.is_empty() == needs_values {
            return Err("In and NotIn need values, and the other operators have none".to_owned());
        }
        let key = expression["key"]
            .as_str()
            .ok_or("an expression has no key")?;
        Ok(Self {
            key: key.to_owned(),
            operator,
            values,
        })
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let is_listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            LabelOperator::In => is_listed,
            LabelOperator::NotIn => !is_listed,
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source() -> ManifestSource {
        ManifestSource {
            file: "flux.yaml".to_owned(),
            line: 1,
        }
    }

    #[test]
    fn policies_are_applied_by_namespace_and_labels() {
        let policy = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
            "metadata": {"name": "app", "labels": {"tier": "front", "env": "prod"}},
        });
        let policy =
            FluxImagePolicy::read(&policy, Some(&source()), "flux-system").expect("a policy");
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (why, namespace, selector, expected) in [
            ("no selector", "flux-system", Value::Null, Ok(())),
            ("an empty one", "flux-system", json!({}), Ok(())),
            (
                "labels",
                "flux-system",
                json!({"matchLabels": {"tier": "front"}}),
                Ok(()),
            ),
            (
                "other labels",
                "flux-system",
                json!({"matchLabels": {"tier": "front", "env": "dev"}}),
                Err("does not select its labels"),
            ),
            (
                "In",
                "flux-system",
                expression("env", "In", &["dev", "prod"]),
                Ok(()),
            ),
            (
                "NotIn",
                "flux-system",
                expression("env", "NotIn", &["prod"]),
                Err("does not select its labels"),
            ),
            (
                "NotIn without the label",
                "flux-system",
                expression("x", "NotIn", &["1"]),
                Ok(()),
            ),
            (
                "Exists",
                "flux-system",
                expression("env", "Exists", &[]),
                Ok(()),
            ),
            (
                "DoesNotExist",
                "flux-system",
                expression("env", "DoesNotExist", &[]),
                Err("does not select its labels"),
            ),
            (
                "an unknown operator",
                "flux-system",
                expression("env", "Gt", &["1"]),
                Err("has an invalid policySelector"),
            ),
            (
                "another namespace",
                "apps",
                json!({}),
                Err("applies only policies of apps"),
            ),
        ] {
            let object = json!({
                "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation",
                "metadata": {"name": "auto", "namespace": namespace},
                "spec": {"policySelector": selector},
            });
            let automation = ImageAutomation::read(&object, &source(), "default").expect(why);
            match (automation.check(&policy), expected) {
                (Err(error), Err(expected)) => assert!(error.starts_with(expected), "{error}"),
                (found, expected) => assert_eq!(found.is_ok(), expected.is_ok(), "{why}"),
            }
        }
    }
}
