//! The fields of an Application of Argo CD that change what is built.
//!
//! Argo CD edits the kustomization file with `kustomize edit` before it builds it
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/>), after it has merged files
//! of the folder into the Application's source
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/parameters/>).

use std::collections::BTreeMap;

use super::image_override::ImageOverride;
use super::variables::substitute;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::owner::{
    OwnerObject, add_texts_to, append_to_list, change_list, components_of, replace_field,
};
use crate::manifest::kustomize::source::{SourceTree, join_path};
use crate::manifest::kustomize::traced::{TracedScalar, TracedValue, traced_objects};
use crate::workload::AppliedBy;

/// Why an image with a variable is not edited.
const VARIABLE: &str = "it contains a variable of Argo CD, which must not be overwritten; change \
                        it by hand";

/// An Application, with the entry of its sources that applies the root.
#[derive(Debug)]
pub(crate) struct ArgoLayer {
    file: String,
    line: usize,
    application: TracedValue,
    /// `spec.source`, or one of `spec.sources`, with the files of the folder merged into it.
    source: TracedValue,
}

impl ArgoLayer {
    /// The Application that applies the root of a tree. `position` is that of the source in
    /// `spec.sources`.
    ///
    /// # Errors
    ///
    /// It is no longer where it was found, or a file that changes it cannot be read.
    pub(crate) fn find(
        tree: &SourceTree,
        owner: &AppliedBy,
        position: Option<usize>,
    ) -> Result<Self, BuildError> {
        let mut layer = Self {
            file: tree.root.clone(),
            line: 1,
            application: TracedValue::Mapping(Vec::new()),
            source: TracedValue::Mapping(Vec::new()),
        };
        if let Some(object) = OwnerObject::read(tree, &owner.place)? {
            let spec = object.value.get("spec");
            let source = spec.and_then(|spec| match position {
                Some(position) => spec.get("sources")?.items().get(position),
                None => spec.get("source"),
            });
            let Some(source) = source else {
                return Err(BuildError::owner_is_gone(&object.file, object.line));
            };
            layer.source = source.clone();
            layer.file = object.file;
            layer.line = object.line;
            layer.application = object.value;
        }
        let mut names = owner.override_files().into_iter();
        let shared = names.next();
        let present = |name: String| {
            let file = join_path(&tree.root, &name);
            tree.text(&file).map(|text| (file, text))
        };
        // Argo CD knows the name of the file; here, the first of the possible ones counts.
        let files = shared.and_then(present).into_iter();
        for (file, text) in files.chain(names.find_map(present)) {
            layer.merge_file(&file, text)?;
        }
        Ok(layer)
    }

    /// Merges a file of the folder into the source, as a JSON merge patch: a list replaces a
    /// list.
    fn merge_file(&mut self, file: &str, text: &str) -> Result<(), BuildError> {
        let mut objects = traced_objects(file, text).into_iter();
        match (objects.next(), objects.next()) {
            (None, _) => Ok(()),
            (Some(Ok(object)), None) => {
                merge_patch(&mut self.source, &object.value);
                Ok(())
            }
            (Some(Err(error)), _) => {
                let message = format!("Argo CD cannot read it: {}", error.problem);
                Err(BuildError::invalid(file, error.line, message))
            }
            (Some(Ok(_)), Some(_)) => {
                let message = "Argo CD reads a single document here; remove the others";
                Err(BuildError::invalid(file, 1, message))
            }
        }
    }

    /// Changes the kustomization of the root as Argo CD does.
    ///
    /// # Errors
    ///
    /// An image is not one that `kustomize edit set image` accepts.
    pub(crate) fn merge_into(
        &self,
        root: &mut TracedValue,
        tree: &SourceTree,
    ) -> Result<(), BuildError> {
        let Some(kustomize) = self.source.get("kustomize") else {
            return Ok(());
        };
        for field in ["namePrefix", "nameSuffix", "namespace"] {
            replace_field(root, field, kustomize.get(field));
        }
        self.set_images(root, items(kustomize, "images"))?;
        for field in ["commonLabels", "commonAnnotations"] {
            add_texts_to(root, field, kustomize.get(field));
        }
        append_to_list(root, "patches", items(kustomize, "patches"));
        let components = components_of(kustomize, tree);
        if !components.is_empty() {
            change_list(root, &["components"], |list| {
                for component in components {
                    let mut own = list.iter().map(TracedValue::as_str);
                    if !own.any(|own| own == component.as_str()) {
                        list.push(component);
                    }
                }
            });
        }
        Ok(())
    }

    /// Replaces the entries of the same names, adds the other ones, and sorts all of them by
    /// name. Of several entries of the file with one name, the first one counts.
    fn set_images(&self, root: &mut TracedValue, images: &[TracedValue]) -> Result<(), BuildError> {
        if images.is_empty() {
            return Ok(());
        }
        let mut set = BTreeMap::new();
        for image in images {
            let image = self.image(image)?;
            set.insert(image.name.clone(), image);
        }
        change_list(root, &["images", "imageTags"], |list| {
            let mut all = BTreeMap::new();
            for entry in std::mem::take(list) {
                all.entry(name_of(&entry)).or_insert(entry);
            }
            for (name, image) in &set {
                let entry = image.entry(all.get(name));
                all.insert(name.clone(), entry);
            }
            list.extend(all.into_values());
        });
        Ok(())
    }

    fn image(&self, image: &TracedValue) -> Result<ImageOverride, BuildError> {
        let place = match image {
            TracedValue::Scalar(scalar) => scalar.origins.first().map(|origin| &origin.place),
            _ => None,
        };
        let (file, line) = place.map_or((&*self.file, self.line), |at| (&*at.file, at.line));
        let found = match image {
            TracedValue::Scalar(scalar) => self.image_of(scalar),
            _ => None,
        };
        found.ok_or_else(|| {
            let text = image.as_str().unwrap_or_default();
            let message = format!(
                "the image {text:?} of the Application sets nothing, so Argo CD refuses it; use \
                 NAME:TAG, NAME@DIGEST or OLD=NEW"
            );
            BuildError::invalid(file, line, message)
        })
    }

    fn image_of(&self, scalar: &TracedScalar) -> Option<ImageOverride> {
        let written = scalar.as_text()?;
        let text = substitute(written, &self.application, &self.source);
        let mut origins = scalar.origins.clone();
        if written.contains('$') {
            for origin in &mut origins {
                origin.refusal = Some(VARIABLE.into());
            }
        }
        ImageOverride::read(&text, &origins)
    }
}

fn items<'t>(fields: &'t TracedValue, name: &str) -> &'t [TracedValue] {
    fields.get(name).map(TracedValue::items).unwrap_or_default()
}

/// The name of an entry of the kustomization file.
fn name_of(entry: &TracedValue) -> String {
    let mut entries = entry.entries().iter();
    let name = entries.find(|entry| entry.key.eq_ignore_ascii_case("name"));
    let name = name.and_then(|entry| entry.value.as_str());
    name.unwrap_or_default().to_owned()
}

/// <https://www.rfc-editor.org/rfc/rfc7396>
fn merge_patch(target: &mut TracedValue, patch: &TracedValue) {
    let TracedValue::Mapping(entries) = patch else {
        *target = patch.clone();
        return;
    };
    if !matches!(target, TracedValue::Mapping(_)) {
        *target = TracedValue::Mapping(Vec::new());
    }
    for entry in entries {
        if entry.value.is_null() {
            target.remove(&entry.key);
        } else {
            let old = target.get(&entry.key).cloned();
            let mut merged = old.unwrap_or_else(|| TracedValue::Mapping(Vec::new()));
            merge_patch(&mut merged, &entry.value);
            target.set(&entry.key, merged);
        }
    }
}
