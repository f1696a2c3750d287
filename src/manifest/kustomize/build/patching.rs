//! Applies patches to the objects of a kustomization.

use super::built::BuiltObject;
use super::json_patch::apply_json_patch;
use super::merge::merge_object;
use super::paths::PathFinder;
use crate::manifest::document::DocumentError;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::source::join_path;
use crate::manifest::kustomize::spec::ResourceId;
use crate::manifest::kustomize::spec::{KustomizationSpec, PatchEntry, PatchSource, PathReference};
use crate::manifest::kustomize::traced::{TracedObject, objects_in_scalar, traced_objects};
use crate::manifest::kustomize::traced::{TracedScalar, TracedValue};

/// Generated kinds. Patches of generated objects are not modelled, and need not be.
const GENERATED_KINDS: [&str; 2] = ["ConfigMap", "Secret"];

/// The file of a patch, and its documents.
type PatchDocuments = (String, Vec<Result<TracedObject, DocumentError>>);

/// Applies the patches of one kustomization.
pub(crate) struct Patcher<'a> {
    pub(crate) finder: PathFinder<'a>,
    pub(crate) folder: &'a str,
    pub(crate) spec: &'a KustomizationSpec,
    /// Whether ConfigMaps or Secrets are generated.
    pub(crate) generates: bool,
}

impl Patcher<'_> {
    /// Applies a patch.
    pub(crate) fn apply(
        &self,
        patch: &PatchEntry,
        objects: &mut Vec<BuiltObject>,
    ) -> Result<(), BuildError> {
        let (file, documents) = self.documents(patch)?;
        let mut merged = Vec::new();
        for document in documents {
            match document.value {
                TracedValue::List(operations) => {
                    let Some(target) = &patch.target else {
                        let message = "a JSON patch must have a target";
                        return Err(BuildError::invalid(&patch.file, patch.line, message));
                    };
                    for object in objects.iter_mut() {
                        if target.selects(&object.first_id(), &object.id(), &object.value) {
                            object.remember();
                            apply_json_patch(&mut object.value, &operations)
                                .map_err(|why| BuildError::invalid(&file, document.line, why))?;
                            if object.id().name.is_empty() {
                                let message = "the JSON patch removes the name of an object";
                                return Err(BuildError::invalid(&file, document.line, message));
                            }
                        }
                    }
                }
                value => merged.push((document.line, value)),
            }
        }
        if patch.target.is_some() && merged.len() > 1 {
            let message = "a patch with a target must be a single document";
            return Err(BuildError::invalid(&patch.file, patch.line, message));
        }
        for (line, value) in merged {
            let targets = self.targets(&file, line, patch, &value, objects)?;
            merge_into(objects, &targets, &value, &file)?;
        }
        Ok(())
    }

    /// The documents of a patch, and their file.
    fn documents(&self, patch: &PatchEntry) -> Result<(String, Vec<TracedObject>), BuildError> {
        let (file, objects) = match &patch.source {
            PatchSource::Path(reference) => self.file(reference)?,
            PatchSource::Text(scalar) => self.inline(scalar),
            PatchSource::PathOrText(scalar) => {
                let text = scalar.value.as_str().unwrap_or_default();
                if text.contains('\n') || text.contains(": ") {
                    self.inline(scalar)
                } else {
                    let reference = PathReference {
                        path: text.to_owned(),
                        field: "patchesStrategicMerge",
                        file: patch.file.clone(),
                        line: patch.line,
                    };
                    self.file(&reference)?
                }
            }
        };
        let objects: Result<Vec<_>, _> = objects.into_iter().collect();
        let objects = objects
            .map_err(|error| BuildError::invalid(&file, error.line, error.problem.to_string()))?;
        if objects.is_empty() {
            return Err(BuildError::invalid(
                &patch.file,
                patch.line,
                "the patch is empty",
            ));
        }
        Ok((file, objects))
    }

    fn inline(&self, scalar: &TracedScalar) -> PatchDocuments {
        // A patch of Flux is written in another file than those of the kustomization.
        let place = scalar.origins.first().map(|origin| &origin.place);
        let file = place.map_or(self.spec.file.as_str(), |place| &place.file);
        let text = self.finder.0.text(file).unwrap_or_default();
        (file.to_owned(), objects_in_scalar(scalar, text))
    }

    fn file(&self, reference: &PathReference) -> Result<PatchDocuments, BuildError> {
        let text = self.finder.file(self.folder, reference)?;
        let path = join_path(self.folder, &reference.path);
        let objects = traced_objects(&path, text);
        Ok((path, objects))
    }

    /// The positions of the objects that a strategic merge patch applies to.
    fn targets(
        &self,
        file: &str,
        line: usize,
        patch: &PatchEntry,
        value: &TracedValue,
        objects: &[BuiltObject],
    ) -> Result<Vec<usize>, BuildError> {
        let numbered = objects.iter().enumerate();
        if let Some(target) = &patch.target {
            let selected = numbered.filter(|(_, object)| {
                target.selects(&object.first_id(), &object.id(), &object.value)
            });
            return Ok(selected.map(|(at, _)| at).collect());
        }
        let id = ResourceId::of(value);
        let found = numbered.filter(|(_, object)| object.ids().any(|own| own == id));
        let found: Vec<usize> = found.map(|(at, _)| at).collect();
        match found.len() {
            1 => Ok(found),
            0 if self.generates && GENERATED_KINDS.contains(&id.kind.as_str()) => Ok(found),
            0 => {
                let message = format!(
                    "no resource matches this patch of {} {}, so kustomize refuses it",
                    id.kind, id.name
                );
                Err(BuildError::invalid(file, line, message))
            }
            _ => {
                let message = format!(
                    "several resources match this patch of {} {}, so kustomize refuses it",
                    id.kind, id.name
                );
                Err(BuildError::invalid(file, line, message))
            }
        }
    }
}

/// Merges a patch into the objects at these positions.
fn merge_into(
    objects: &mut Vec<BuiltObject>,
    targets: &[usize],
    patch: &TracedValue,
    file: &str,
) -> Result<(), BuildError> {
    let mut deleted = Vec::new();
    for at in targets {
        let object = &mut objects[*at];
        let kept = ["apiVersion", "kind"].map(|key| object.value.get(key).cloned());
        let metadata =
            ["name", "namespace"].map(|key| object.value.at(&["metadata", key]).cloned());
        let old = object.value.clone();
        let merged = merge_object(old, patch)
            .map_err(|unknown| BuildError::needs_kustomize(unknown.key, file, unknown.line))?;
        let Some(merged) = merged else {
            deleted.push(*at);
            continue;
        };
        object.value = merged;
        // A patch changes neither the kind nor the name.
        for (key, value) in ["apiVersion", "kind"].into_iter().zip(kept) {
            restore(Some(&mut object.value), key, value);
        }
        for (key, value) in ["name", "namespace"].into_iter().zip(metadata) {
            restore(object.value.mapping_at("metadata"), key, value);
        }
    }
    for at in deleted.into_iter().rev() {
        objects.remove(at);
    }
    Ok(())
}

fn restore(mapping: Option<&mut TracedValue>, key: &str, value: Option<TracedValue>) {
    match (mapping, value) {
        (Some(mapping), Some(value)) => mapping.set(key, value),
        (Some(mapping), None) => mapping.remove(key),
        (None, _) => {}
    }
}
