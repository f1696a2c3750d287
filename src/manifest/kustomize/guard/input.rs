//! The files that the kustomize program gets.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::CheckedKustomization;
use super::plugins::PluginConfig;
use super::reference::{LocalReference, ReferenceTarget};
use crate::manifest::kustomize::build::PathFinder;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::source::{SourcePath, SourceTree, join_path};

/// Everything that the kustomize program may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramInput {
    /// The folder to build, without links.
    pub root: String,
    /// The contents of the files, by their paths without links.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Checks every path that kustomize would read for a tree, which was read with all of them.
///
/// # Errors
///
/// A path might lead to another place, or cannot be checked. Kustomize must not be started.
pub fn program_input(tree: &SourceTree) -> Result<ProgramInput, BuildError> {
    let mut checker = InputChecker {
        finder: PathFinder(tree),
        done: BTreeSet::new(),
        rewritten: BTreeSet::new(),
        open: vec![tree.root.clone()],
        input: ProgramInput {
            root: PathFinder(tree).real(&tree.root).to_owned(),
            files: BTreeMap::new(),
        },
    };
    while let Some(folder) = checker.open.pop() {
        if checker.done.insert(folder.clone()) {
            checker.folder(&folder)?;
        }
    }
    Ok(checker.input)
}

struct InputChecker<'a> {
    finder: PathFinder<'a>,
    /// The folders that were checked.
    done: BTreeSet<String>,
    /// Those that were not.
    open: Vec<String>,
    /// Files that kustomize gets as they were checked, not as they are written.
    rewritten: BTreeSet<String>,
    input: ProgramInput,
}

impl InputChecker<'_> {
    fn folder(&mut self, folder: &str) -> Result<(), BuildError> {
        let (file, object) = self.finder.kustomization_object(folder)?;
        let text = self.finder.0.text(&file).unwrap_or_default();
        let checked = CheckedKustomization::read(&file, text, &object)?;
        let name = file.rsplit('/').next().unwrap_or(&file);
        let real = join_path(self.finder.real(folder), name);
        let text = checked.value.to_string();
        self.rewrite(real, text);
        for reference in &checked.references {
            self.reference(folder, reference)?;
        }
        Ok(())
    }

    fn reference(&mut self, folder: &str, reference: &LocalReference) -> Result<(), BuildError> {
        reference.check()?;
        let shown = join_path(folder, &reference.path);
        let real = join_path(self.finder.real(folder), &reference.path);
        let is_link = "it leads through a symbolic link; use the real path";
        match (self.finder.0.paths.get(&shown), reference.target) {
            (Some(SourcePath::Unusable(reason)), _) => Err(reference.refused(reason.as_str())),
            (None, _) => Err(reference.refused("it was not read")),
            (
                Some(SourcePath::Folder { real: found, .. }),
                ReferenceTarget::Resource | ReferenceTarget::Folder,
            ) => {
                if *found != real {
                    return Err(reference.refused(is_link));
                }
                self.open.push(shown);
                Ok(())
            }
            (Some(SourcePath::Folder { .. }), ReferenceTarget::Plugins) => Err(reference
                .refused("a folder of plugins cannot be checked; name their files one by one")),
            (Some(SourcePath::Folder { .. }), ReferenceTarget::File) => {
                Err(reference.refused("it is a folder"))
            }
            (Some(_), ReferenceTarget::Folder) => Err(reference.refused("it is a file")),
            (Some(SourcePath::File { folder, .. } | SourcePath::Bytes { folder, .. }), _)
                if *folder != join_path(&real, "..") =>
            {
                Err(reference.refused(is_link))
            }
            (Some(SourcePath::File { text, .. }), ReferenceTarget::Plugins) => {
                self.plugins(folder, &shown, real, text, reference)
            }
            (Some(SourcePath::Bytes { .. }), ReferenceTarget::Plugins) => {
                Err(reference.refused("it is not UTF-8"))
            }
            (Some(SourcePath::File { text, .. }), _) => {
                self.copy(real, text.as_bytes());
                Ok(())
            }
            (Some(SourcePath::Bytes { bytes, .. }), _) => {
                self.copy(real, bytes);
                Ok(())
            }
        }
    }

    /// Gives kustomize a file as it was checked.
    fn rewrite(&mut self, real: String, text: String) {
        self.rewritten.insert(real.clone());
        self.input.files.insert(real, text.into_bytes());
    }

    /// Gives kustomize a file as it is, unless it must not read it in another way than it was
    /// checked.
    fn copy(&mut self, real: String, bytes: &[u8]) {
        if !self.rewritten.contains(&real) {
            self.input.files.insert(real, bytes.to_vec());
        }
    }

    fn plugins(
        &mut self,
        folder: &str,
        shown: &str,
        real: String,
        text: &str,
        reference: &LocalReference,
    ) -> Result<(), BuildError> {
        let config = PluginConfig::read(shown, &reference.field, text)?;
        self.rewrite(real, config.text());
        for own in &config.references {
            self.reference(folder, own)?;
        }
        Ok(())
    }
}
