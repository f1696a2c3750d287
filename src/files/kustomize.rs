//! Finds the images in files that a `kustomization.yaml` replaces.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::image::name_text;
use crate::manifest::{KUSTOMIZATION_FILES, KustomizeFile};
use crate::workload::{KustomizeOverride, Workload, WorkloadKind};

/// The `kustomization.yaml` files that were read.
#[derive(Debug, Default)]
pub(crate) struct Kustomizations {
    files: Vec<FoundKustomization>,
}

#[derive(Debug)]
struct FoundKustomization {
    /// Its path as it is shown.
    file: String,
    /// Its folder, without links.
    folder: PathBuf,
    content: KustomizeFile,
}

impl Kustomizations {
    /// Adds a file if its name is one of kustomize's.
    pub(crate) fn add(&mut self, path: &Path, text: &str) {
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| KUSTOMIZATION_FILES.contains(&name)) {
            return;
        }
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.files.push(FoundKustomization {
            file: path.display().to_string(),
            folder: real.parent().unwrap_or(Path::new("/")).to_owned(),
            content: KustomizeFile::read(text),
        });
    }

    /// Marks the containers whose image is replaced.
    pub(crate) fn mark(&self, workloads: &mut [Workload]) {
        if self.files.iter().all(|file| file.content.images.is_empty()) {
            return;
        }
        let reached: Vec<BTreeSet<PathBuf>> =
            self.files.iter().map(|file| self.reached(file)).collect();
        for workload in workloads {
            // Kustomize does not replace images in the values of a release.
            if workload.id.kind == WorkloadKind::HelmRelease {
                continue;
            }
            let Some(source) = &workload.source else {
                continue;
            };
            let Ok(file) = fs::canonicalize(&source.file) else {
                continue;
            };
            let own: Vec<&FoundKustomization> = self
                .files
                .iter()
                .zip(&reached)
                .filter(|(_, reached)| reached.contains(&file))
                .map(|(file, _)| file)
                .collect();
            for container in &mut workload.containers {
                container.replaced_by = replaced_by(&own, &container.image);
            }
        }
    }

    /// The files that a kustomization includes, also through others that were read.
    fn reached(&self, from: &FoundKustomization) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut folders = BTreeSet::new();
        let mut open = vec![from];
        while let Some(kustomization) = open.pop() {
            if !folders.insert(&kustomization.folder) {
                continue;
            }
            for path in &kustomization.content.includes {
                let Ok(path) = fs::canonicalize(kustomization.folder.join(path)) else {
                    continue;
                };
                open.extend(self.files.iter().filter(|other| other.folder == path));
                files.insert(path);
            }
        }
        files
    }
}

/// The first entry that replaces an image.
fn replaced_by(kustomizations: &[&FoundKustomization], image: &str) -> Option<KustomizeOverride> {
    kustomizations.iter().find_map(|kustomization| {
        let mut entries = kustomization.content.images.iter();
        let entry = entries.find(|entry| name_text(&entry.name) == name_text(image))?;
        Some(KustomizeOverride {
            file: kustomization.file.clone(),
            line: entry.line,
            sets: entry.sets.clone(),
        })
    })
}
