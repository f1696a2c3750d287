//! What differs between two builds of a kustomization.

use super::scalar_edits::ScalarEdit;
use crate::manifest::kustomize::build::{Built, BuiltObject};
use crate::manifest::kustomize::containers::at_path;
use crate::manifest::kustomize::traced::TracedValue;
use crate::workload::decode;

/// A scalar that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedScalar {
    /// The position of its object.
    pub(crate) object: usize,
    /// The keys and indexes from the object.
    pub(crate) path: Vec<String>,
}

impl ChangedScalar {
    /// The edit whose place the scalar only repeats, in an object that is not a workload.
    pub(crate) fn edit_of_copy<'e>(
        &self,
        object: &BuiltObject,
        edits: &[&'e ScalarEdit],
    ) -> Option<&'e ScalarEdit> {
        let is_workload = !matches!(decode(&object.value.to_value(), ""), Ok(None));
        let Some(TracedValue::Scalar(scalar)) = at_path(&object.value, &self.path) else {
            return None;
        };
        let places = || scalar.origins.iter().map(|origin| &origin.place);
        let mut edits = edits.iter().filter(|_| !is_workload);
        edits
            .find(|edit| places().any(|place| *place == edit.place))
            .copied()
    }

    /// Whether it is an image, or may be a part of one in the values of a release.
    pub(crate) fn is_image(&self, object: &BuiltObject) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [
                ..,
                "containers" | "initContainers" | "ephemeralContainers",
                _,
                "image",
            ]
            | [.., "volumes", _, "image", "reference"] => true,
            ["spec", "values", ..] => object.value.text_at(&["kind"]) == "HelmRelease",
            _ => false,
        }
    }
}

/// The scalars that differ; `None` if the builds differ in any other way.
pub(crate) fn changed_scalars(old: &Built, new: &Built) -> Option<Vec<ChangedScalar>> {
    if old.objects.len() != new.objects.len() {
        return None;
    }
    let mut found = Vec::new();
    for (object, (old, new)) in old.objects.iter().zip(&new.objects).enumerate() {
        let mut comparison = Comparison {
            object,
            path: Vec::new(),
            found: &mut found,
        };
        comparison.compare(&old.value, &new.value)?;
    }
    Some(found)
}

struct Comparison<'a> {
    object: usize,
    path: Vec<String>,
    found: &'a mut Vec<ChangedScalar>,
}

impl Comparison<'_> {
    fn compare(&mut self, old: &TracedValue, new: &TracedValue) -> Option<()> {
        match (old, new) {
            (TracedValue::Mapping(old), TracedValue::Mapping(new)) if old.len() == new.len() => {
                for (old, new) in old.iter().zip(new) {
                    if old.key != new.key {
                        return None;
                    }
                    self.below(old.key.clone(), &old.value, &new.value)?;
                }
            }
            (TracedValue::List(old), TracedValue::List(new)) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    self.below(index.to_string(), old, new)?;
                }
            }
            (TracedValue::Scalar(old), TracedValue::Scalar(new)) => {
                if old.value != new.value {
                    self.found.push(ChangedScalar {
                        object: self.object,
                        path: self.path.clone(),
                    });
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn below(&mut self, key: String, old: &TracedValue, new: &TracedValue) -> Option<()> {
        self.path.push(key);
        self.compare(old, new)?;
        self.path.pop();
        Some(())
    }
}
