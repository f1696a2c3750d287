//! The fields of a Kustomization of Flux that change what is built.
//!
//! Flux edits the kustomization file in memory before it builds it
//! (<https://github.com/fluxcd/pkg/blob/main/kustomize/kustomize_generator.go>), so its fields
//! are merged into the file's in the same way here.

use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::owner::{
    OwnerObject, append_to_list, change_list, components_of, replace_field,
};
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::spec::is_filled;
use crate::manifest::kustomize::traced::{TracedEntry, TracedValue};
use crate::workload::KustomizationApplier;

/// Fields whose value replaces that of the file, with their names there.
const REPLACING: [(&str, &str); 3] = [
    ("targetNamespace", "namespace"),
    ("namePrefix", "namePrefix"),
    ("nameSuffix", "nameSuffix"),
];

/// Fields that change what is built in ways that are not known here.
const NOT_MODELLED: [&str; 2] = ["patchesStrategicMerge", "patchesJson6902"];

/// A Kustomization of Flux.
#[derive(Debug)]
pub(crate) struct FluxLayer {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// Its `spec`.
    pub(crate) spec: TracedValue,
}

impl FluxLayer {
    /// The Kustomization that applies the root of a tree.
    ///
    /// # Errors
    ///
    /// It is no longer where it was found.
    pub(crate) fn find(tree: &SourceTree) -> Result<Option<Self>, BuildError> {
        let owner = tree.applied_by.as_ref();
        let owner = owner.filter(|owner| owner.applier == KustomizationApplier::Flux);
        let Some(owner) = owner else {
            return Ok(None);
        };
        let Some(OwnerObject { file, line, value }) = OwnerObject::read(tree, &owner.place)? else {
            return Ok(None);
        };
        match value.get("spec") {
            Some(spec) => Ok(Some(Self {
                spec: spec.clone(),
                file,
                line,
            })),
            None => Err(BuildError::owner_is_gone(&file, line)),
        }
    }

    /// Changes the kustomization of the root as Flux does.
    ///
    /// # Errors
    ///
    /// The Kustomization has a field that is not known here.
    pub(crate) fn merge_into(
        &self,
        root: &mut TracedValue,
        tree: &SourceTree,
    ) -> Result<(), BuildError> {
        for field in NOT_MODELLED {
            if let Some(entry) = self.entry(field).filter(|entry| is_filled(&entry.value)) {
                let message = format!("spec.{field} of Flux's Kustomization is not known here");
                return Err(BuildError::invalid(&self.file, entry.line, message));
            }
        }
        for (field, name) in REPLACING {
            replace_field(root, name, self.spec.get(field));
        }
        let patches = self.spec.get("patches").map(TracedValue::items);
        append_to_list(root, "patches", patches.unwrap_or_default());
        append_to_list(root, "components", &components_of(&self.spec, tree));
        if let Some(images) = self.spec.get("images").filter(|images| is_filled(images)) {
            change_list(root, &["images", "imageTags"], |list| {
                for image in images.items() {
                    merge_image(list, image);
                }
            });
        }
        Ok(())
    }

    pub(crate) fn entry(&self, field: &str) -> Option<&TracedEntry> {
        let mut entries = self.spec.entries().iter();
        entries.find(|entry| entry.key == field)
    }
}

/// Merges an image into the entry of the same name: the name on its own, and the tag and the
/// digest as one. An image with another name is added at the end.
fn merge_image(list: &mut Vec<TracedValue>, image: &TracedValue) {
    let name = image.text_at(&["name"]);
    let mut own = list.iter_mut();
    let Some(own) = own.find(|own| own.text_at(&["name"]) == name) else {
        list.push(image.clone());
        return;
    };
    if let Some(name) = given(image, "newName") {
        replace(own, "newName", Some(name));
    }
    let (tag, digest) = (given(image, "newTag"), given(image, "digest"));
    if tag.is_some() || digest.is_some() {
        replace(own, "newTag", tag);
        replace(own, "digest", digest);
    }
}

/// A field that is neither missing nor empty.
fn given<'t>(image: &'t TracedValue, key: &str) -> Option<&'t TracedValue> {
    let value = image.get(key);
    value.filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

/// Replaces a field, however its key is spelt.
fn replace(entry: &mut TracedValue, key: &str, value: Option<&TracedValue>) {
    if let TracedValue::Mapping(entries) = entry {
        entries.retain(|entry| !entry.key.eq_ignore_ascii_case(key));
    }
    if let Some(value) = value {
        entry.set(key, value.clone());
    }
}
