//! Builds the objects of a kustomization, as far as images depend on it.

use std::collections::BTreeSet;

use super::built::{Built, BuiltObject, DeadEntry};
use super::names::{add_texts, rename};
use super::patching::Patcher;
use super::paths::PathFinder;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::flux::change_built;
use crate::manifest::kustomize::source::{SourcePath, SourceTree, join_path};
use crate::manifest::kustomize::spec::{KustomizationSpec, PathReference, is_remote};
use crate::manifest::kustomize::traced::traced_objects;

/// An object with this annotation is not part of the result.
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// The maximum number of objects.
const MAX_OBJECTS: usize = 20_000;

/// How often folders are built. A folder that several others include is built for each.
const MAX_FOLDERS: usize = 5_000;

/// Builds the root of a tree.
///
/// # Errors
///
/// Kustomize would refuse it, or it uses what is not modelled here.
pub fn build_objects(tree: &SourceTree) -> Result<Built, BuildError> {
    let mut builder = Builder {
        finder: PathFinder(tree),
        folders: 0,
        open: Vec::new(),
        dead: BTreeSet::new(),
        alive: BTreeSet::new(),
        generates: false,
    };
    let mut objects = Vec::new();
    builder.folder(&tree.root, None, &mut objects)?;
    objects.retain(|object| {
        object
            .value
            .text_at(&["metadata", "annotations", LOCAL_CONFIG])
            != "true"
    });
    let Builder { dead, alive, .. } = builder;
    let built = Built {
        objects,
        dead_entries: dead.difference(&alive).cloned().collect(),
    };
    change_built(tree, built)
}

struct Builder<'a> {
    finder: PathFinder<'a>,
    /// How many folders were built.
    folders: usize,
    /// The folders that are being built, the root first.
    open: Vec<String>,
    /// Entries that matched nothing in one of the builds of their file, and those that matched.
    dead: BTreeSet<DeadEntry>,
    alive: BTreeSet<DeadEntry>,
    generates: bool,
}

impl Builder<'_> {
    /// Builds a folder. The objects are those of the kustomization that includes a component,
    /// and none otherwise; the new ones are added. `from`: the reference to the folder.
    fn folder(
        &mut self,
        folder: &str,
        from: Option<&PathReference>,
        objects: &mut Vec<BuiltObject>,
    ) -> Result<(), BuildError> {
        let is_component = from.is_some_and(|reference| reference.field == "components");
        let spec = self.finder.spec(folder)?;
        if spec.is_component != is_component
            && let Some(reference) = from
        {
            let message = if is_component {
                format!("{folder} is not of kind Component, so it must be in resources")
            } else {
                format!("{folder} is of kind Component, so it must be in components")
            };
            return Err(BuildError::invalid(
                &reference.file,
                reference.line,
                message,
            ));
        }
        self.folders += 1;
        if self.folders > MAX_FOLDERS {
            let message = format!("the kustomization builds more than {MAX_FOLDERS} folders");
            return Err(BuildError::invalid(&spec.file, 1, message));
        }
        self.generates |= spec.generates;
        self.open.push(folder.to_owned());
        for reference in &spec.resources {
            self.resource(folder, reference, objects)?;
        }
        for reference in &spec.components {
            let path = self.finder.folder(folder, reference, &self.open)?;
            self.folder(&path, Some(reference), objects)?;
        }
        self.transform(folder, &spec, objects)?;
        self.open.pop();
        Ok(())
    }

    fn resource(
        &mut self,
        folder: &str,
        reference: &PathReference,
        objects: &mut Vec<BuiltObject>,
    ) -> Result<(), BuildError> {
        let path = join_path(folder, &reference.path);
        if is_remote(&reference.path)
            || !matches!(
                self.finder.0.paths.get(&path),
                Some(SourcePath::File { .. } | SourcePath::Bytes { .. })
            )
        {
            let path = self.finder.folder(folder, reference, &self.open)?;
            let mut own = Vec::new();
            self.folder(&path, Some(reference), &mut own)?;
            objects.append(&mut own);
            return Ok(());
        }
        let text = self.finder.file(folder, reference)?;
        for object in traced_objects(&path, text) {
            let object = object.map_err(|error| {
                BuildError::invalid(&path, error.line, error.problem.to_string())
            })?;
            let name = object.value.text_at(&["metadata", "name"]);
            if object.value.text_at(&["kind"]).is_empty() || name.is_empty() {
                let message = "a resource must have a kind and a metadata.name";
                return Err(BuildError::invalid(&path, object.line, message));
            }
            objects.push(BuiltObject {
                file: path.clone(),
                line: object.line,
                value: object.value,
                earlier: Vec::new(),
            });
        }
        Ok(())
    }

    /// Applies the transformers of a kustomization, in kustomize's order.
    fn transform(
        &mut self,
        folder: &str,
        spec: &KustomizationSpec,
        objects: &mut Vec<BuiltObject>,
    ) -> Result<(), BuildError> {
        check_distinct(objects)?;
        let patcher = Patcher {
            finder: self.finder,
            folder,
            spec,
            generates: self.generates,
        };
        for patch in &spec.patches {
            patcher.apply(patch, objects)?;
        }
        for object in objects.iter_mut() {
            rename(spec, object);
            add_texts(&mut object.value, "labels", spec.labels.iter());
            add_texts(&mut object.value, "annotations", spec.annotations.iter());
        }
        for patch in &spec.late_patches {
            patcher.apply(patch, objects)?;
        }
        check_replicas(spec, objects)?;
        for entry in &spec.images {
            let mut is_alive = false;
            for object in objects.iter_mut() {
                is_alive |= entry.apply(&mut object.value, &entry.file);
            }
            let entry = DeadEntry::of(entry);
            if is_alive {
                self.alive.insert(entry);
            } else {
                self.dead.insert(entry);
            }
        }
        Ok(())
    }
}

/// The kinds whose number of replicas can be set.
const SCALED_KINDS: [&str; 4] = [
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

/// An entry of `replicas` that names nothing is an error.
fn check_replicas(spec: &KustomizationSpec, objects: &[BuiltObject]) -> Result<(), BuildError> {
    let is_scaled = |name: &str| {
        let ids = objects.iter().flat_map(BuiltObject::ids);
        let mut ids = ids.filter(|id| SCALED_KINDS.contains(&id.kind.as_str()));
        ids.any(|id| id.name == name)
    };
    let mut replicas = spec.replicas.iter();
    match replicas.find(|(name, _)| !is_scaled(name)) {
        Some((name, line)) => {
            let message = format!(
                "replicas names {name}, but no such workload is built, so kustomize refuses it"
            );
            Err(BuildError::invalid(&spec.file, *line, message))
        }
        None => Ok(()),
    }
}

/// Two objects with the same identity are an error.
fn check_distinct(objects: &[BuiltObject]) -> Result<(), BuildError> {
    let mut seen = BTreeSet::new();
    for (index, object) in objects.iter().enumerate() {
        let invalid = |message| BuildError::invalid(&object.file, object.line, message);
        let id = object.id();
        let name = format!("{} {}", id.kind, id.name);
        if !seen.insert(id) {
            return Err(invalid(format!(
                "the kustomization has a second {name}, so kustomize refuses it"
            )));
        }
        if index == MAX_OBJECTS {
            return Err(invalid(format!(
                "the kustomization has more than {MAX_OBJECTS} objects"
            )));
        }
    }
    Ok(())
}
