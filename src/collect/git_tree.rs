//! Compares the workloads of a cluster with the files of a Git repository.
//!
//! The marker of a workload's owner leads to a folder: a Flux Kustomization by its GitRepository
//! and its path, an Argo CD Application by its source. What that folder builds contains the
//! workload, and where each image is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::flux_markers::inside;
use super::listed::listed;
use crate::cluster::{Cluster, GitSourceError, GitSources};
use crate::evaluator::{ScopeError, Snapshot};
use crate::files::{FileError, FileListing};
use crate::kustomize::{BuiltKustomization, KustomizeBuilder};
use crate::workload::{AppliedBy, DeclaredFolder, GitSource, Owner, RepositoryAddress, Workload};

/// The files to compare with.
#[derive(Debug)]
pub struct GitTree<'a> {
    /// The root of the work tree, as it is shown.
    pub top: &'a Path,
    /// The addresses of the repository.
    pub addresses: BTreeSet<RepositoryAddress>,
    /// The folders that the user has named, from the root of the repository. If there are any,
    /// owners are not asked.
    pub paths: &'a [PathBuf],
    /// How its folders are built.
    pub builder: &'a KustomizeBuilder,
}

/// What the folders of one tree build. A folder that cannot be built was reported.
type Builds = BTreeMap<BuildKey, Result<DeclaredFolder, ()>>;

/// What a build depends on: the folder, whether its subfolders are read, and the owner if it
/// changes what is built.
type BuildKey = (String, bool, Option<(Owner, Option<usize>)>);

/// Adds to the workloads of a cluster where their images are written, and which images are
/// written there. What cannot be found is a note or an error in the snapshot.
pub async fn compare_with_git(snapshot: &mut Snapshot, cluster: &Cluster, tree: &GitTree<'_>) {
    let sources = if tree.paths.is_empty() {
        let owners: BTreeSet<&Owner> = snapshot.workloads.iter().filter_map(git_owner).collect();
        let owners = owners.into_iter().cloned().collect();
        cluster.git_sources(owners).await
    } else {
        Vec::new()
    };
    let mut comparison = GitComparison {
        tree,
        builds: Builds::new(),
        errors: Vec::new(),
        notes: Vec::new(),
    };
    let sources = comparison.in_this_repository(sources);
    comparison.compare(&mut snapshot.workloads, &sources).await;
    snapshot.errors.append(&mut comparison.errors);
    snapshot.notes.append(&mut comparison.notes);
}

/// The owner whose files contain a workload.
fn git_owner(workload: &Workload) -> Option<&Owner> {
    let owner = workload.managed_by.as_ref()?;
    matches!(owner.kind.as_str(), "Kustomization" | "Application").then_some(owner)
}

fn is_of_release(workload: &Workload) -> bool {
    let owner = workload.managed_by.as_ref();
    owner.is_some_and(|owner| owner.kind == "HelmRelease")
}

struct GitComparison<'a> {
    tree: &'a GitTree<'a>,
    builds: Builds,
    errors: Vec<ScopeError>,
    notes: Vec<String>,
}

/// The folders of each owner that are in this repository.
type OwnSources = BTreeMap<Owner, Vec<GitSource>>;

impl GitComparison<'_> {
    /// Keeps the folders in this repository, and reports the other ones.
    fn in_this_repository(&mut self, sources: GitSources) -> OwnSources {
        let mut own = OwnSources::new();
        for (owner, found) in sources {
            let found = match found {
                Ok(found) => found,
                Err(GitSourceError::None(reason)) => {
                    self.notes.push(reason);
                    continue;
                }
                Err(GitSourceError::Unreadable(error)) => {
                    self.errors.push(error.into());
                    continue;
                }
            };
            let mut others = BTreeSet::new();
            for source in found {
                let address = RepositoryAddress::new(&source.repository);
                if self.tree.addresses.contains(&address) {
                    own.entry(owner.clone()).or_default().push(source);
                } else {
                    others.insert(address.to_string());
                }
            }
            if !own.contains_key(&owner) {
                let others: Vec<String> = others.into_iter().collect();
                self.notes.push(format!(
                    "{owner} takes its files from another repository: {}",
                    others.join(", ")
                ));
            }
        }
        own
    }

    async fn compare(&mut self, workloads: &mut [Workload], sources: &OwnSources) {
        let named: Vec<GitSource> = self
            .tree
            .paths
            .iter()
            .map(|path| GitSource::of_path(&path.display().to_string()))
            .collect();
        let (mut unowned, mut missing) = (Vec::new(), Vec::new());
        for workload in workloads {
            let sources = if named.is_empty() {
                match git_owner(workload) {
                    Some(owner) => sources.get(owner),
                    // Its images are those of the HelmRelease, which has rows of its own.
                    None if is_of_release(workload) => None,
                    None => {
                        unowned.push(name(workload));
                        None
                    }
                }
            } else {
                Some(&named)
            };
            let Some(sources) = sources else { continue };
            match self.declared(workload, sources).await {
                Ok(true) => {}
                Ok(false) => missing.push(name(workload)),
                Err(error) => self.errors.push(error),
            }
        }
        self.note_names(
            &missing,
            "is in none of the folders that were compared",
            "are in none of the folders that were compared",
        );
        self.note_names(
            &unowned,
            "has no marker of Flux or Argo CD; name its folder with --path",
            "have no marker of Flux or Argo CD; name their folders with --path",
        );
    }

    /// Whether a workload was found in the folders. A folder that cannot be built counts as
    /// found, because it is an error of its own.
    ///
    /// # Errors
    ///
    /// Several folders contain it.
    async fn declared(
        &mut self,
        workload: &mut Workload,
        sources: &[GitSource],
    ) -> Result<bool, ScopeError> {
        for source in sources {
            self.build(source).await;
        }
        let mut has_failed = false;
        let mut found = Vec::new();
        for source in sources {
            match self.builds.get(&self.build_key(source)) {
                Some(Ok(folder)) => {
                    let declared = folder.find(workload, source);
                    found.extend(declared.map(|declared| (source, folder, declared)));
                }
                Some(Err(())) | None => has_failed = true,
            }
        }
        match found.as_slice() {
            [] => Ok(has_failed),
            [(source, folder, declared)] => {
                folder.add_to(workload, declared, source);
                Ok(true)
            }
            several => {
                let paths: Vec<&str> = several.iter().map(|(s, ..)| s.path.as_str()).collect();
                Err(ScopeError {
                    scope: format!("namespace/{}", workload.id.namespace),
                    reason: "Ambiguous".to_owned(),
                    message: format!(
                        "error: {} is written in {}; choose one with --path",
                        name(workload),
                        paths.join(" and ")
                    ),
                })
            }
        }
    }

    /// The owner of a folder, if it changes what is built there.
    fn changing_owner<'s>(&self, source: &'s GitSource) -> Option<&'s AppliedBy> {
        let folder = inside(self.tree.top, &source.path);
        source.applied_by.as_ref().filter(|owner| {
            let mut files = owner.override_files().into_iter();
            owner.has_changes || files.any(|file| folder.join(file).is_file())
        })
    }

    fn build_key(&self, source: &GitSource) -> BuildKey {
        let owner = self.changing_owner(source);
        let owner = owner.and_then(|owner| Some((source.owner.clone()?, owner.source())));
        (source.path.clone(), source.is_recursive, owner)
    }

    /// Builds a folder as its owner does, unless it was built before. An error is reported once.
    async fn build(&mut self, source: &GitSource) {
        let key = self.build_key(source);
        if self.builds.contains_key(&key) {
            return;
        }
        let folder = inside(self.tree.top, &source.path);
        let builder = self.tree.builder;
        let recursive = source.is_recursive;
        let owner = self.changing_owner(source);
        let mut without_owner = None;
        let mut built = builder.read_applied(&folder, recursive, owner).await;
        if let (Some(owner), Err(error)) = (owner, &built) {
            // The files themselves may still say something.
            let plain = builder.read_applied(&folder, recursive, None).await;
            if plain.is_ok() {
                let why =
                    format!("{owner} changes what is built, which is not known here: {error}");
                self.notes.push(why.clone());
                without_owner = Some(why);
                built = plain;
            }
        }
        let built = match built {
            Ok(BuiltKustomization { tree, built, .. }) => {
                let mut listing = FileListing::of_kustomization(&tree, &built, "");
                if listing.errors.is_empty() {
                    self.notes.append(&mut listing.notes);
                    Ok(DeclaredFolder {
                        workloads: listing.workloads,
                        without_owner,
                    })
                } else {
                    Err(listing.errors)
                }
            }
            Err(error) => Err(vec![error]),
        };
        let built = built.map_err(|errors| self.report(source, &errors));
        self.builds.insert(key, built);
    }

    fn report(&mut self, source: &GitSource, errors: &[FileError]) {
        for error in errors {
            let mut error = ScopeError::from(error);
            if let Some(owner) = &source.owner {
                error.message = format!("{} (the files of {owner})", error.message);
            }
            self.errors.push(error);
        }
    }

    fn note_names(&mut self, names: &[String], one: &str, many: &str) {
        match names {
            [] => {}
            [name] => self.notes.push(format!("{name} {one}")),
            names => self.notes.push(format!("{} {many}", listed(names))),
        }
    }
}

/// `deployment/web (shop)`.
fn name(workload: &Workload) -> String {
    format!("{} ({})", workload.id.exact(), workload.id.namespace)
}
