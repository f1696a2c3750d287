//! Finds the kustomizations among files, and what they include.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::find::FoundFile;
use super::text::read_text;
use crate::manifest::{KUSTOMIZATION_FILES, KustomizationType, all_references};

/// The kustomizations among the files of `-f`.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// The folders that no other kustomization includes, as they are shown.
    pub(crate) tops: Vec<PathBuf>,
    /// The files that these build, without links, and their kustomization files.
    reached: BTreeSet<PathBuf>,
}

/// A folder with a kustomization.
#[derive(Debug)]
struct KustomizationFolder {
    /// As it is shown.
    shown: PathBuf,
    /// The paths that it includes, without links.
    includes: Vec<PathBuf>,
    is_component: bool,
}

impl Roots {
    /// Finds them. Errors are reported when the files are read.
    pub(crate) fn find(files: &[Result<FoundFile, FileError>]) -> Self {
        let mut folders = BTreeMap::new();
        for file in files.iter().flatten() {
            if let FoundFile::Named(path) | FoundFile::InFolder(path) = file
                && let Some((real, folder)) = KustomizationFolder::read(path)
            {
                folders.insert(real, folder);
            }
        }
        let included: BTreeSet<&PathBuf> = folders
            .values()
            .flat_map(|folder| &folder.includes)
            .collect();
        let mut roots = Self::default();
        for (real, folder) in &folders {
            if !folder.is_component && !included.contains(real) {
                roots.add(real, &folders);
            }
        }
        // Those that only include each other.
        for (real, folder) in &folders {
            let is_reached = KUSTOMIZATION_FILES
                .iter()
                .any(|name| roots.reached.contains(&real.join(name)));
            if !folder.is_component && !is_reached {
                roots.add(real, &folders);
            }
        }
        roots.tops.sort();
        roots
    }

    /// Whether a file is built by a kustomization, or is one.
    pub(crate) fn reaches(&self, path: &Path) -> bool {
        !self.reached.is_empty()
            && fs::canonicalize(path).is_ok_and(|real| self.reached.contains(&real))
    }

    /// Adds a top folder and everything that it includes.
    fn add(&mut self, top: &Path, folders: &BTreeMap<PathBuf, KustomizationFolder>) {
        let mut open = vec![top.to_owned()];
        let mut done = BTreeSet::new();
        while let Some(path) = open.pop() {
            if !done.insert(path.clone()) {
                continue;
            }
            match folders.get(&path) {
                Some(folder) => {
                    open.extend(folder.includes.iter().cloned());
                    let files = KUSTOMIZATION_FILES.iter().map(|name| path.join(name));
                    self.reached.extend(files);
                }
                None => {
                    self.reached.insert(path);
                }
            }
        }
        self.tops
            .extend(folders.get(top).map(|folder| folder.shown.clone()));
    }
}

impl KustomizationFolder {
    /// The folder of a kustomization file, without links; `None` if the file is none.
    fn read(path: &Path) -> Option<(PathBuf, Self)> {
        let name = path.file_name()?.to_str()?;
        if !KUSTOMIZATION_FILES.contains(&name) {
            return None;
        }
        let text = read_text(path).ok()?;
        let kustomization_type = KustomizationType::of(&text)?;
        let real = fs::canonicalize(path).ok()?.parent()?.to_owned();
        let references = all_references(&path.display().to_string(), &text);
        let includes = references.iter().filter(|reference| reference.is_local());
        let includes = includes.filter_map(|it| fs::canonicalize(real.join(&it.path)).ok());
        let shown = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let folder = Self {
            shown: shown.unwrap_or(Path::new(".")).to_owned(),
            includes: includes.collect(),
            is_component: kustomization_type == KustomizationType::Component,
        };
        Some((real, folder))
    }
}
