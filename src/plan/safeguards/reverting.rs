//! Annotations that another tool will revert.

use super::field_managers::reverts;
use crate::plan::edit::Edit;
use crate::workload::Observed;

/// The edited annotations that a tool reverts, according to the object's managed
/// fields, each with the field manager.
#[must_use]
pub fn reverting_managers<'o>(object: &'o Observed, edit: &Edit) -> Vec<(String, &'o str)> {
    let keys = edit.annotations.keys();
    keys.filter_map(|key| {
        let mut managers = object.writers.annotations.get(key)?.iter();
        Some((key.clone(), managers.find(|m| reverts(m))?.as_str()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde_json::json;

    fn fields(key: &str) -> serde_json::Value {
        json!({"f:metadata": {"f:annotations": {format!("f:{key}"): {}}}})
    }

    #[test]
    fn only_edited_keys_of_gitops_tools_are_reported() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "managedFields": [
                {"manager": "kustomize-controller", "fieldsV1": fields("fluxcd.io/automated")},
                {"manager": "kubectl-annotate", "fieldsV1": fields("fluxcd.io/locked")},
                {"manager": "argocd-controller", "fieldsV1": fields("fluxcd.io/ignore")}]}});
        let object = Observed::read(&object, "default")
            .expect("decodes")
            .expect("a workload");
        let keys = [
            "fluxcd.io/automated",
            "fluxcd.io/locked",
            "fluxcd.io/tag.app",
        ];
        let edit = Edit {
            annotations: keys.map(|key| (key.to_owned(), None)).into(),
            ..Edit::default()
        };
        let reported: BTreeMap<String, &str> =
            reverting_managers(&object, &edit).into_iter().collect();
        let expected = ("fluxcd.io/automated".to_owned(), "kustomize-controller");
        assert_eq!(reported, BTreeMap::from([expected]));
    }
}
