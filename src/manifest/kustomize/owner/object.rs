//! The object of an owner, with the places of its fields.

use std::sync::Arc;

use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::traced::{TracedValue, traced_objects};
use crate::workload::ApplierPlace;

/// A Kustomization of Flux, or an Application of Argo CD.
#[derive(Debug)]
pub(crate) struct OwnerObject {
    /// Its file, or its name in the cluster.
    pub(crate) file: String,
    /// The line, from 1; 0 in the cluster.
    pub(crate) line: usize,
    pub(crate) value: TracedValue,
}

impl OwnerObject {
    /// Reads it; `None`: it is not among the files.
    ///
    /// # Errors
    ///
    /// It is no longer where it was found.
    pub(crate) fn read(
        tree: &SourceTree,
        place: &ApplierPlace,
    ) -> Result<Option<Self>, BuildError> {
        match place {
            ApplierPlace::File(at) => {
                let text = tree.text(&at.file).unwrap_or_default();
                let mut objects = traced_objects(&at.file, text).into_iter().flatten();
                let Some(object) = objects.find(|object| object.line == at.line) else {
                    return Err(BuildError::owner_is_gone(&at.file, at.line));
                };
                Ok(Some(Self {
                    file: at.file.clone(),
                    line: at.line,
                    value: object.value,
                }))
            }
            ApplierPlace::Cluster { id, object } => Ok(Some(Self {
                file: id.clone(),
                line: 0,
                value: TracedValue::in_cluster(&Arc::from(id.as_str()), object, ""),
            })),
            ApplierPlace::Elsewhere => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use crate::manifest::kustomize::build::build_objects;
    use crate::manifest::kustomize::result::built_objects;
    use crate::manifest::kustomize::source::{SourcePath, SourceTree};
    use crate::workload::{AppliedBy, WrittenAt};

    /// The image of a Deployment with the image `app:1`, and its places, as a Kustomization of a
    /// cluster with these fields applies it.
    fn applied(spec: &Value) -> Result<(String, Vec<String>), String> {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template: \
                    {spec: {containers: [{name: app, image: 'app:1'}]}}\n";
        let file = |text: &str| SourcePath::File {
            text: text.to_owned(),
            folder: "/apps".to_owned(),
        };
        let folder = SourcePath::Folder {
            kustomizations: vec!["kustomization.yaml".to_owned()],
            real: "/apps".to_owned(),
        };
        let object = json!({"metadata": {"namespace": "flux-system", "name": "apps"},
            "spec": spec});
        let tree = SourceTree {
            root: "apps".to_owned(),
            applied_by: Some(AppliedBy::kustomization(&object)),
            paths: BTreeMap::from([
                ("apps".to_owned(), folder),
                ("apps/web.yaml".to_owned(), file(text)),
                (
                    "apps/kustomization.yaml".to_owned(),
                    file("resources: [web.yaml]\n"),
                ),
            ]),
        };
        let built = build_objects(&tree).map_err(|error| error.to_string())?;
        let object = built_objects(&tree, &built, "").objects.remove(0);
        let mut workload = object.workload.expect("it is valid").expect("a workload");
        let container = workload.containers.remove(0);
        let places = container.written_at.iter().map(WrittenAt::to_string);
        Ok((container.image, places.collect()))
    }

    #[test]
    fn places_in_a_cluster_are_paths_of_its_object() {
        let patch =
            "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: app:3\n";
        for (spec, image, place) in [
            (
                json!({"images": [{"name": "other", "newTag": "1"}, {"name": "app",
                    "newTag": "2"}]}),
                "app:2",
                "Kustomization/flux-system/apps spec.images[1].newTag",
            ),
            (
                json!({"patches": [{"target": {"kind": "Deployment"}, "patch": patch}]}),
                "app:3",
                "Kustomization/flux-system/apps spec.patches[0].patch",
            ),
            (json!({}), "app:1", "apps/web.yaml:5"),
        ] {
            let found = applied(&spec).expect("it is built");
            assert_eq!(found, (image.to_owned(), vec![place.to_owned()]), "{spec}");
        }
    }

    #[test]
    fn error_in_a_cluster_names_the_object_without_a_line() {
        let error = applied(&json!({"patchesJson6902": [{}]})).expect_err("it is not known");
        assert_eq!(
            error,
            "Kustomization/flux-system/apps: spec.patchesJson6902 of Flux's Kustomization is not \
             known here"
        );
    }
}
