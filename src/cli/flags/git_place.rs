//! The Git repository with which a cluster is compared.

use std::path::{Path, PathBuf};

use clap::Args;

use super::git::{GitPlace, git_place, path_in_repository};
use super::scope::WORKLOADS;

/// The Git repository with which a cluster is compared.
#[derive(Debug, Clone, Args)]
pub(crate) struct GitPlaceFlags {
    /// Compare the cluster with the Git repository in this folder: which image is written there,
    /// and where. The files are those that the Flux Kustomization or the Argo CD Application of
    /// each workload applies
    #[arg(long, value_name = "DIR", value_parser = folder, help_heading = WORKLOADS,
        conflicts_with_all = ["filename", "kustomize", "from_snapshot"])]
    git: Option<PathBuf>,

    /// Compare with this folder, from the root of the repository, instead of the owner's;
    /// repeatable
    #[arg(long, value_name = "PATH", requires = "git", help_heading = WORKLOADS,
        value_parser = path_in_repository)]
    path: Vec<PathBuf>,
}

impl GitPlaceFlags {
    /// The folder of the repository.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.git.as_deref()
    }

    /// The folders in the repository.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.path
    }
}

/// A local folder.
fn folder(text: &str) -> Result<PathBuf, String> {
    match git_place(text)? {
        GitPlace::Folder(folder) => Ok(folder),
        GitPlace::Url(_) | GitPlace::Auto => {
            Err("clone the repository, and name its folder, as in --git .".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_folders_are_compared() {
        assert_eq!(folder("./fleet"), Ok(PathBuf::from("./fleet")));
        for text in ["https://git.example/a.git", "git@git.example:a.git", "auto"] {
            let error = folder(text).expect_err(text);
            assert!(error.contains("clone the repository"), "{error}");
        }
    }
}
