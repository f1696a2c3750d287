//! Which namespaces may refer to an ImageRepository: its `accessFrom`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{ObjectFields, labels};

/// The label with its own name that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The labels of the namespaces that are known.
pub(crate) type NamespaceLabels = BTreeMap<String, BTreeMap<String, String>>;

/// The namespaces that an ImageRepository is open to, besides its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AccessFrom {
    /// The labels that a namespace must have, by selector; one selector is enough.
    selectors: Vec<BTreeMap<String, String>>,
}

impl AccessFrom {
    /// Reads `spec.accessFrom`.
    pub(crate) fn read(access: &ObjectFields<'_>) -> Result<Self, String> {
        access.refuse_unknown(&["namespaceSelectors"])?;
        let path = access.path_of("namespaceSelectors");
        let selectors = access.list("namespaceSelectors")?.iter();
        let selectors = selectors.map(|selector| {
            let selector = ObjectFields::new(&path, selector)?;
            selector.refuse_unknown(&["matchLabels"])?;
            selector.fields("matchLabels")?;
            Ok(labels(selector.get("matchLabels").unwrap_or(&Value::Null)))
        });
        Ok(Self {
            selectors: selectors.collect::<Result<_, String>>()?,
        })
    }

    /// Checks that a namespace may refer to the ImageRepository.
    ///
    /// # Errors
    ///
    /// It may not, or its labels are not known; as the end of a sentence about the
    /// ImageRepository.
    pub(crate) fn check(&self, namespace: &str, known: &NamespaceLabels) -> Result<(), String> {
        let own = known.get(namespace);
        let mut is_unknown = false;
        for selector in &self.selectors {
            let is_met = selector.iter().map(|(key, value)| match own {
                _ if key == NAME_LABEL => Some(value == namespace),
                Some(labels) => Some(labels.get(key) == Some(value)),
                None => None,
            });
            let is_met: Vec<Option<bool>> = is_met.collect();
            if is_met.iter().all(|met| *met == Some(true)) {
                return Ok(());
            }
            is_unknown |= !is_met.contains(&Some(false));
        }
        Err(if is_unknown {
            format!(
                "selects the namespaces that may use it by their labels, and those of {namespace} \
                 are not known: the Namespace object is missing"
            )
        } else {
            format!(
                "cannot be used from the namespace {namespace}: its accessFrom does not select it"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn namespace_is_selected_by_its_labels_or_its_name() {
        let known = NamespaceLabels::from([(
            "apps".to_owned(),
            BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        )]);
        for (why, selectors, namespace, expected) in [
            ("nothing is selected", json!([]), "apps", "does not select"),
            ("an empty selector", json!([{}]), "other", ""),
            (
                "by label",
                json!([{"matchLabels": {"team": "a"}}]),
                "apps",
                "",
            ),
            (
                "another label",
                json!([{"matchLabels": {"team": "b"}}]),
                "apps",
                "does not select",
            ),
            (
                "by name",
                json!([{"matchLabels": {"team": "b"}},
                    {"matchLabels": {"kubernetes.io/metadata.name": "other"}}]),
                "other",
                "",
            ),
            (
                "labels that are not known",
                json!([{"matchLabels": {"team": "b"}}]),
                "other",
                "Namespace object is missing",
            ),
            (
                "another name, whatever the labels",
                json!([{"matchLabels": {"team": "b", "kubernetes.io/metadata.name": "apps"}}]),
                "other",
                "does not select",
            ),
        ] {
            let access = json!({ "namespaceSelectors": selectors });
            let access = ObjectFields::new("spec.accessFrom", &access).expect("a mapping");
            let access = AccessFrom::read(&access).expect("a list of selectors");
            let found = access.check(namespace, &known);
            match expected {
                "" => assert_eq!(found, Ok(()), "{why}"),
                part => assert!(found.is_err_and(|error| error.contains(part)), "{why}"),
            }
        }
    }
}
