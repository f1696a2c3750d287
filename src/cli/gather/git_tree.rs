//! Compares a cluster with a Git repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::error::CommandError;
use crate::cli::flags::git_place::GitPlaceFlags;
use crate::cluster::Cluster;
use crate::collect::{self, GitTree};
use crate::evaluator::Snapshot;
use crate::git::{GitQuestions, Repository};
use crate::kustomize::KustomizeBuilder;
use crate::workload::RepositoryAddress;

/// Adds where the images are written to the workloads of a cluster, if there is a repository.
///
/// # Errors
///
/// The folder is not that of a repository, or one of the paths is not a folder in it.
pub(crate) async fn compare(
    flags: &GitPlaceFlags,
    snapshot: &mut Snapshot,
    cluster: Option<&Cluster>,
    builder: &KustomizeBuilder,
) -> Result<(), CommandError> {
    let (Some(folder), Some(cluster)) = (flags.folder(), cluster) else {
        return Ok(());
    };
    let repository = Repository::open(folder, GitQuestions::Never)
        .await
        .map_err(CommandError::failed)?;
    let urls = repository
        .remote_urls()
        .await
        .map_err(CommandError::failed)?;
    let top = repository.top();
    for path in flags.paths() {
        let found = fs::canonicalize(top.join(path));
        if !found.is_ok_and(|found| found.is_dir() && found.starts_with(top)) {
            return Err(CommandError::usage(format!(
                "--path {}: there is no such folder in {}; paths begin at its root",
                path.display(),
                top.display()
            )));
        }
    }
    let tree = GitTree {
        top: &shown(folder, top),
        addresses: urls.iter().map(|url| RepositoryAddress::new(url)).collect(),
        paths: flags.paths(),
        builder,
    };
    collect::compare_with_git(snapshot, cluster, &tree).await;
    Ok(())
}

/// The root of the work tree as it is shown: as given if that is the root, otherwise from the
/// current folder if it is below, otherwise the whole path.
fn shown(folder: &Path, top: &Path) -> PathBuf {
    if fs::canonicalize(folder).is_ok_and(|real| real == top) {
        return folder.to_owned();
    }
    let current = env::current_dir().and_then(fs::canonicalize);
    let below = current
        .ok()
        .and_then(|current| Some(top.strip_prefix(current).ok()?.to_owned()));
    below.unwrap_or_else(|| top.to_owned())
}
