//! Builds a kustomization, and finds the places of its images.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::find::find;
use super::place_cache::PlaceCache;
use super::private_copy::PrivateCopy;
use super::program::Program;
use crate::files::{
    FileError, KustomizationReach, TreeScope, read_applied_folder, read_kustomization,
};
use crate::manifest::{
    BuildError, Built, Probing, SourceTree, build_objects, change_built, printed_objects,
    program_input,
};
use crate::registry::Cache;
use crate::workload::{AppliedBy, KustomizationApplier};

/// How long the search for the places of the images may take. Places that are not found by
/// then are not known.
const SEARCH_LIMIT: Duration = Duration::from_secs(120);

/// Which program to use.
#[derive(Debug, Clone, Default)]
pub struct KustomizeOptions {
    /// The program that the user has named.
    pub program: Option<PathBuf>,
    /// The folders where programs are looked for.
    pub search_path: Option<OsString>,
    /// Where the places that were found are kept between runs.
    pub cache: Cache,
}

/// Builds kustomizations. The program is looked for when it is first needed.
#[derive(Debug, Default)]
pub struct KustomizeBuilder {
    options: KustomizeOptions,
    program: OnceLock<Result<Program, String>>,
    version: OnceCell<String>,
}

/// A kustomization that was built.
#[derive(Debug)]
pub struct BuiltKustomization {
    /// Its files.
    pub tree: SourceTree,
    /// Its objects.
    pub built: Built,
    /// Whether the program has built it.
    is_by_program: bool,
}

impl KustomizeBuilder {
    /// Nothing is started yet.
    #[must_use]
    pub fn new(options: KustomizeOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Reads and builds the kustomization in a folder. `owner`: what applies it, if that is known.
    /// If that is a Kustomization of Flux, the folder may have no kustomization.
    ///
    /// # Errors
    ///
    /// It cannot be read or built.
    pub async fn read(
        &self,
        folder: &Path,
        owner: Option<&AppliedBy>,
    ) -> Result<BuiltKustomization, FileError> {
        self.read_tree(|reach| read_folder(folder, TreeScope { reach, owner }))
            .await
    }

    /// Reads and builds what Flux or Argo CD applies from a folder, which may have no
    /// kustomization: see [`read_applied_folder`]. `owner`: what applies it, if it changes what is
    /// built.
    ///
    /// # Errors
    ///
    /// It cannot be read or built.
    pub async fn read_applied(
        &self,
        folder: &Path,
        is_recursive: bool,
        owner: Option<&AppliedBy>,
    ) -> Result<BuiltKustomization, FileError> {
        self.read_tree(|reach| {
            let scope = TreeScope { reach, owner };
            read_applied_folder(folder, is_recursive, scope)
        })
        .await
    }

    async fn read_tree(
        &self,
        read: impl Fn(KustomizationReach) -> Result<SourceTree, FileError>,
    ) -> Result<BuiltKustomization, FileError> {
        let tree = read(KustomizationReach::Modelled)?;
        let error = match build_objects(&tree) {
            Ok(built) => {
                return Ok(BuiltKustomization {
                    tree,
                    built,
                    is_by_program: false,
                });
            }
            Err(error @ BuildError::NeedsKustomize { .. }) => error,
            Err(error) => return Err(of_root(&tree, error)),
        };
        let program = self.program(error).map_err(|error| of_root(&tree, error));
        let program = program?;
        let tree = read(KustomizationReach::Everything)?;
        let built = self.trace(program, &tree).await;
        let built = built.map_err(|error| of_root(&tree, error))?;
        Ok(BuiltKustomization {
            tree,
            built,
            is_by_program: true,
        })
    }

    /// Reads and builds it again, unless no file has changed.
    ///
    /// # Errors
    ///
    /// It can no longer be read or built; then nothing is known about it.
    pub async fn read_again(
        &self,
        old: &BuiltKustomization,
    ) -> Result<BuiltKustomization, FileError> {
        let reach = if old.is_by_program {
            KustomizationReach::Everything
        } else {
            KustomizationReach::Modelled
        };
        let folder = Path::new(&old.tree.root);
        let owner = old.tree.applied_by.as_ref();
        let tree = read_folder(folder, TreeScope { reach, owner })?;
        if tree == old.tree {
            return Ok(BuiltKustomization {
                tree,
                built: old.built.clone(),
                is_by_program: old.is_by_program,
            });
        }
        self.read(folder, owner).await
    }

    /// Builds the same kustomization with other texts of its files.
    ///
    /// # Errors
    ///
    /// It cannot be built with them.
    pub async fn build_edited(
        &self,
        kustomization: &BuiltKustomization,
        texts: &BTreeMap<String, String>,
    ) -> Result<Built, BuildError> {
        let tree = kustomization.tree.with_texts(texts);
        match build_objects(&tree) {
            Err(error @ BuildError::NeedsKustomize { .. }) => {
                let program = self.program(error)?;
                let mut copy = self.copy(program, &tree).await?;
                self.build(program, &mut copy, &tree).await
            }
            built => built,
        }
    }

    /// The program, for a kustomization that the model cannot build.
    fn program(&self, error: BuildError) -> Result<&Program, BuildError> {
        let options = &self.options;
        let program = self
            .program
            .get_or_init(|| find(options.program.as_deref(), options.search_path.as_deref()));
        match (program, error) {
            (Ok(program), _) => Ok(program),
            (Err(problem), BuildError::NeedsKustomize { field, file, line }) => {
                Err(BuildError::NoProgram {
                    field,
                    file,
                    line,
                    problem: problem.clone(),
                })
            }
            (Err(_), error) => Err(error),
        }
    }

    /// Builds a tree, and finds the places of its images.
    async fn trace(&self, program: &Program, tree: &SourceTree) -> Result<Built, BuildError> {
        let mut copy = self.copy(program, tree).await?;
        let built = self.build(program, &mut copy, tree).await?;
        let mut probing = Probing::new(tree, built);
        let places = PlaceCache::new(&self.options.cache, program, tree, &probing)?;
        if let Some(table) = places.get().await
            && probing.recall(&table)
        {
            return Ok(probing.finish());
        }
        let search = async {
            while let Some(marked) = probing.next_tree() {
                let built = self.build(program, &mut copy, &marked).await;
                probing.take(built.as_ref().ok());
            }
        };
        if tokio::time::timeout(SEARCH_LIMIT, search).await.is_err() {
            tracing::debug!(root = tree.root, "the search for the places took too long");
        }
        if let Some(table) = probing.table() {
            places.put(table);
        }
        Ok(probing.finish())
    }

    /// A folder for the copies of the files.
    async fn copy(&self, program: &Program, tree: &SourceTree) -> Result<PrivateCopy, BuildError> {
        let copy = PrivateCopy::new();
        let copy = copy.map_err(|error| of_program("kustomize".to_owned(), tree, &error))?;
        if tracing::enabled!(tracing::Level::DEBUG) {
            let version = self.version(program, &copy).await;
            tracing::debug!(root = tree.root, "is built by {version}");
        }
        Ok(copy)
    }

    async fn version(&self, program: &Program, copy: &PrivateCopy) -> String {
        let version = self.version.get_or_init(|| program.version(copy));
        version.await.clone()
    }

    /// Builds a tree after a check of all its paths.
    async fn build(
        &self,
        program: &Program,
        copy: &mut PrivateCopy,
        tree: &SourceTree,
    ) -> Result<Built, BuildError> {
        let input = program_input(tree)?;
        let printed = match copy.write(&input) {
            Ok(()) => program.build(copy, &input.root).await,
            Err(error) => Err(format!("the copy of its files cannot be written: {error}")),
        };
        let built = printed.and_then(|text| {
            let built = printed_objects(tree, &text);
            built.map_err(|error| format!("it printed something else than objects: {error}"))
        });
        match built {
            Ok(built) => change_built(tree, built),
            Err(message) => {
                let version = self.version(program, copy).await;
                Err(of_program(version, tree, &message))
            }
        }
    }
}

fn of_program(program: String, tree: &SourceTree, message: &dyn std::fmt::Display) -> BuildError {
    BuildError::Program {
        program,
        root: tree.root.clone(),
        message: message.to_string(),
    }
}

fn read_folder(folder: &Path, scope: TreeScope<'_>) -> Result<SourceTree, FileError> {
    match scope.owner {
        Some(owner) if owner.applier == KustomizationApplier::Flux => {
            read_applied_folder(folder, true, scope)
        }
        _ => read_kustomization(folder, scope),
    }
}

fn of_root(tree: &SourceTree, error: BuildError) -> FileError {
    FileError::Kustomization {
        root: tree.root.clone(),
        error: Box::new(error),
    }
}
