//! Reads the files that a kustomization reaches.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::error::{FileError, MAX_BYTES};
use super::text::read_text;
use crate::manifest::{
    BuildError, KUSTOMIZATION_FILES, LocalReference, ReferenceTarget, SourcePath, SourceTree,
    all_references, join_path, owner_references, plugin_references, references,
};
use crate::user_file;
use crate::workload::{AppliedBy, ApplierPlace};

/// The maximum number of files and folders.
const MAX_PATHS: usize = 20_000;

/// The fields with paths that an owner may add.
const MODELLED: [&str; 2] = ["components", "patches path"];

/// The maximum size of all files together, in bytes.
const MAX_TOTAL_BYTES: usize = 256 << 20;

/// How much of a kustomization is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KustomizationReach {
    /// What the model of kustomize reads.
    Modelled,
    /// Every file that the kustomize program would read.
    Everything,
}

/// What is read of a folder.
#[derive(Debug, Clone, Copy)]
pub struct TreeScope<'a> {
    /// How much is read.
    pub reach: KustomizationReach,
    /// What applies the folder, if that is known.
    pub owner: Option<&'a AppliedBy>,
}

/// Reads the kustomization in a folder, everything that it includes, and nothing outside the
/// tree that contains the folder: the Git work tree, otherwise the current folder if it
/// contains the folder, otherwise the folder itself.
///
/// # Errors
///
/// The folder, or the file of its owner, cannot be read.
pub fn read_kustomization(folder: &Path, scope: TreeScope<'_>) -> Result<SourceTree, FileError> {
    read_tree(folder, None, scope)
}

/// Like [`read_kustomization`], for a folder without one: this text takes its place.
pub(crate) fn read_with_resources(
    folder: &Path,
    kustomization: &str,
    scope: TreeScope<'_>,
) -> Result<SourceTree, FileError> {
    read_tree(folder, Some(kustomization), scope)
}

fn read_tree(
    folder: &Path,
    kustomization: Option<&str>,
    scope: TreeScope<'_>,
) -> Result<SourceTree, FileError> {
    let name = folder.to_str().ok_or_else(|| FileError::NameNotUtf8 {
        file: folder.to_owned(),
    })?;
    if name.contains("://") {
        return Err(FileError::Kustomization {
            root: name.to_owned(),
            error: Box::new(BuildError::Folder {
                folder: name.to_owned(),
                message: "this is a URL, but only local folders are built; clone it first"
                    .to_owned(),
            }),
        });
    }
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FileError::NotFound {
            path: name.to_owned(),
        },
        _ => FileError::Unreadable {
            file: name.to_owned(),
            source,
        },
    };
    let real = fs::canonicalize(folder).map_err(unreadable)?;
    let root = join_path(name, "");
    let mut reader = TreeReader {
        boundary: boundary(&real),
        reach: scope.reach,
        bytes: 0,
        tree: SourceTree {
            root: root.clone(),
            applied_by: None,
            paths: BTreeMap::new(),
        },
        open: VecDeque::new(),
    };
    reader.add(root.clone(), &real, real.is_dir());
    if let Some(text) = kustomization {
        reader.insert(&root, &real, text);
    }
    reader.read_open();
    if let Some(owner) = scope.owner {
        reader.owner(&root, &real, owner)?;
        reader.read_open();
    }
    Ok(reader.tree)
}

/// The folder that is not left: see [`read_kustomization`].
fn boundary(folder: &Path) -> PathBuf {
    let work_tree = folder.ancestors().find(|dir| dir.join(".git").exists());
    let current = std::env::current_dir().and_then(fs::canonicalize).ok();
    let current = current.filter(|current| folder.starts_with(current));
    work_tree
        .map(Path::to_owned)
        .or(current)
        .unwrap_or_else(|| folder.to_owned())
}

struct TreeReader {
    reach: KustomizationReach,
    /// The folder that is not left, without links.
    boundary: PathBuf,
    /// The size of the files that were read.
    bytes: usize,
    tree: SourceTree,
    /// The folders whose kustomization was not read yet, with their paths without links.
    open: VecDeque<(String, PathBuf)>,
}

impl TreeReader {
    /// Adds a file or a folder that exists. `shown`: its path as it is shown.
    fn add(&mut self, shown: String, real: &Path, is_folder: bool) {
        if self.tree.paths.contains_key(&shown) {
            return;
        }
        let found = if self.tree.paths.len() >= MAX_PATHS {
            SourcePath::Unusable(format!(
                "more than {MAX_PATHS} files and folders are included"
            ))
        } else if is_folder {
            let names = KUSTOMIZATION_FILES.iter();
            let names = names.filter(|name| real.join(name).is_file());
            self.open.push_back((shown.clone(), real.to_owned()));
            SourcePath::Folder {
                kustomizations: names.map(|name| (*name).to_owned()).collect(),
                real: real.display().to_string(),
            }
        } else {
            self.file(&shown, real)
        };
        self.tree.paths.insert(shown, found);
    }

    /// Reads the kustomizations of the folders that were found.
    fn read_open(&mut self) {
        while let Some((folder, real)) = self.open.pop_front() {
            self.folder(&folder, &real);
        }
    }

    /// Adds the owner of the root, its files, and what it includes.
    ///
    /// # Errors
    ///
    /// Its file cannot be read.
    fn owner(&mut self, root: &str, real: &Path, owner: &AppliedBy) -> Result<(), FileError> {
        let mut owner = owner.clone();
        if let ApplierPlace::File(at) = &mut owner.place {
            let path = PathBuf::from(&at.file);
            at.file = join_path(&at.file, "");
            if self.tree.text(&at.file).is_none() {
                let text = read_text(&path)?;
                let real = fs::canonicalize(&path).unwrap_or(path);
                let folder = real.parent().unwrap_or(Path::new("/"));
                let folder = folder.display().to_string();
                let file = SourcePath::File { text, folder };
                self.tree.paths.insert(at.file.clone(), file);
            }
        }
        for name in owner.override_files() {
            if real.join(&name).is_file() {
                self.reference(root, real, &name);
            }
        }
        self.tree.applied_by = Some(owner);
        for reference in owner_references(&self.tree) {
            let is_wanted = match self.reach {
                KustomizationReach::Everything => true,
                // Others are not read by the model.
                KustomizationReach::Modelled => MODELLED.contains(&reference.field.as_str()),
            };
            if is_wanted {
                self.local_reference(root, real, &reference);
            }
        }
        Ok(())
    }

    /// Adds a kustomization to a folder that has none.
    fn insert(&mut self, folder: &str, real: &Path, text: &str) {
        let name = KUSTOMIZATION_FILES[0].to_owned();
        let file = SourcePath::File {
            text: text.to_owned(),
            folder: real.display().to_string(),
        };
        self.tree.paths.insert(join_path(folder, &name), file);
        if let Some(SourcePath::Folder { kustomizations, .. }) = self.tree.paths.get_mut(folder) {
            kustomizations.push(name);
        }
    }

    fn file(&mut self, shown: &str, real: &Path) -> SourcePath {
        match read_text(Path::new(shown)) {
            Ok(text) if self.bytes + text.len() > MAX_TOTAL_BYTES => SourcePath::Unusable(format!(
                "the files that are included have more than {} MiB",
                MAX_TOTAL_BYTES >> 20
            )),
            Ok(text) => {
                self.bytes += text.len();
                let folder = real.parent().unwrap_or(real);
                SourcePath::File {
                    text,
                    folder: folder.display().to_string(),
                }
            }
            Err(FileError::NotUtf8 { .. }) if self.reach == KustomizationReach::Everything => {
                self.bytes(shown, real)
            }
            Err(error) => SourcePath::Unusable(error.to_string()),
        }
    }

    /// Reads a file that is not text.
    fn bytes(&mut self, shown: &str, real: &Path) -> SourcePath {
        match user_file::read(Path::new(shown), MAX_BYTES) {
            Ok(bytes) if self.bytes + bytes.len() <= MAX_TOTAL_BYTES => {
                self.bytes += bytes.len();
                let folder = real.parent().unwrap_or(real);
                SourcePath::Bytes {
                    bytes,
                    folder: folder.display().to_string(),
                }
            }
            Ok(_) => SourcePath::Unusable("the files that are included are too large".to_owned()),
            Err(error) => SourcePath::Unusable(error.to_string()),
        }
    }

    /// Reads the kustomization of a folder, and adds what it refers to.
    fn folder(&mut self, folder: &str, real: &Path) {
        let Some(SourcePath::Folder { kustomizations, .. }) = self.tree.paths.get(folder) else {
            return;
        };
        let [name] = kustomizations.as_slice() else {
            return;
        };
        let name = name.clone();
        let file = join_path(folder, &name);
        if self.tree.text(&file).is_none() {
            self.reference(folder, real, &name);
        }
        let Some(text) = self.tree.text(&file) else {
            return;
        };
        if self.reach == KustomizationReach::Modelled {
            for reference in references(text) {
                self.reference(folder, real, &reference);
            }
            return;
        }
        for reference in all_references(&file, text) {
            self.local_reference(folder, real, &reference);
            let file = join_path(folder, &reference.path);
            let plugins = self.tree.text(&file);
            let plugins = plugins.filter(|_| reference.target == ReferenceTarget::Plugins);
            let own = plugins.map(|text| plugin_references(&file, &reference.field, text));
            for reference in own.into_iter().flatten() {
                self.local_reference(folder, real, &reference);
            }
        }
    }

    /// Reads a path that kustomize cannot take for a URL.
    fn local_reference(&mut self, folder: &str, real: &Path, reference: &LocalReference) {
        if reference.is_local() {
            self.reference(folder, real, &reference.path);
        }
    }

    fn reference(&mut self, folder: &str, real: &Path, reference: &str) {
        let shown = join_path(folder, reference);
        match self.check(&shown, real, reference) {
            Ok(target) => {
                let is_folder = target.is_dir();
                self.add(shown, &target, is_folder);
            }
            Err(reason) => {
                let found = SourcePath::Unusable(reason);
                self.tree.paths.entry(shown).or_insert(found);
            }
        }
    }

    /// The path of a reference without links.
    ///
    /// # Errors
    ///
    /// It does not exist, or is outside the tree.
    fn check(&self, shown: &str, folder: &Path, reference: &str) -> Result<PathBuf, String> {
        let leaves = || {
            format!(
                "it is outside {}, and nothing outside is read; run the command in a folder that \
                 contains both, or in a Git work tree",
                self.boundary.display()
            )
        };
        if Path::new(reference).is_absolute() {
            return Err("absolute paths are not read; use a relative one".to_owned());
        }
        // Checked before the file system is asked, so that nothing outside is even looked for.
        let expected = without_dots(&folder.join(reference));
        if !expected.starts_with(&self.boundary) {
            return Err(leaves());
        }
        let target = fs::canonicalize(&expected).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourcePath::MISSING.to_owned(),
            _ => error.to_string(),
        })?;
        if !target.starts_with(&self.boundary) {
            return Err(leaves());
        }
        // The path that is shown must lead to the same file.
        match fs::canonicalize(shown) {
            Ok(seen) if seen == target => Ok(target),
            _ => Err("the path leads through a symbolic link; use the real path".to_owned()),
        }
    }
}

/// A path without `.` and `..`, without asking the file system.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}
