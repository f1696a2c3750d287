//! Which folders Flux and Argo CD apply.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::flux_markers::{inside, roots};
use crate::files::PathOrStdin;
use crate::workload::{AppliedBy, KustomizationApplier, ManifestSource};

/// The owners of folders, by the paths of the folders without links.
#[derive(Debug, Clone, Default)]
pub struct AppliedFolders(BTreeMap<PathBuf, Vec<AppliedBy>>);

impl AppliedFolders {
    /// The folders that the Kustomizations of Flux and the Applications of Argo CD among these
    /// objects apply. A path begins where that of an automation begins. `paths` are those of
    /// `-f`.
    #[must_use]
    pub fn find<'o>(
        objects: impl Iterator<Item = &'o (ManifestSource, Value)>,
        paths: &[PathOrStdin],
    ) -> Self {
        let roots = roots(paths);
        let mut folders = Self::default();
        for (at, object) in objects {
            for (path, owner) in AppliedBy::in_file(object, at) {
                let mut folder = roots.iter().map(|root| inside(root, &path));
                let folder = folder.find_map(|folder| fs::canonicalize(folder).ok());
                if let Some(folder) = folder {
                    folders.0.entry(folder).or_default().push(owner);
                }
            }
        }
        folders
    }

    /// The folders below those of `-f` that Kustomizations of Flux apply, without links, and as
    /// they are shown.
    #[must_use]
    pub fn of_flux(&self, paths: &[PathOrStdin]) -> Vec<PathBuf> {
        let folders = self.0.iter().filter(|(_, owners)| {
            let mut owners = owners.iter();
            owners.any(|owner| owner.applier == KustomizationApplier::Flux)
        });
        folders
            .filter_map(|(folder, _)| shown(folder, paths))
            .collect()
    }

    /// What applies a folder. If no object among the files does, files of Argo CD in the folder
    /// show that an Application elsewhere does.
    #[must_use]
    pub fn owners(&self, folder: &Path) -> Vec<AppliedBy> {
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut owners = match self.0.get(&real) {
            Some(owners) => owners.clone(),
            None => return applied_elsewhere(&real),
        };
        for owner in &mut owners {
            let mut files = owner.override_files().into_iter();
            owner.has_changes |= files.any(|file| real.join(file).is_file());
        }
        owners
    }
}

/// The path of a folder as one of `-f`, or below it.
fn shown(folder: &Path, paths: &[PathOrStdin]) -> Option<PathBuf> {
    paths.iter().find_map(|path| {
        let PathOrStdin::Path(path) = path else {
            return None;
        };
        let real = fs::canonicalize(path).ok()?;
        Some(path.join(folder.strip_prefix(real).ok()?))
    })
}

/// The Applications that files in a folder name.
fn applied_elsewhere(folder: &Path) -> Vec<AppliedBy> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut is_shared = false;
    let mut names = Vec::new();
    for entry in entries.flatten() {
        let file = entry.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".yaml"));
        match name.and_then(|name| name.strip_prefix(".argocd-source")) {
            Some("") => is_shared = true,
            Some(name) => names.extend(name.strip_prefix('-').map(str::to_owned)),
            None => {}
        }
    }
    names.sort();
    if names.is_empty() && is_shared {
        return vec![AppliedBy::application_elsewhere(None)];
    }
    let names = names.iter();
    names
        .map(|name| AppliedBy::application_elsewhere(Some(name)))
        .collect()
}
