//! Takes back what a run that was killed has left, so that the next run decides again on what it
//! would have found.

use crate::files::UnfinishedWrites;
use crate::git::{GitError, Repository, Upstream};

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenBack {
    /// The files that were restored, from the root of the work tree.
    pub files: Vec<String>,
    /// How many commits were not pushed.
    pub commits: usize,
}

/// Restores the files that a killed run has written and not committed, and, before a push to
/// `upstream`, removes the commits that it was about to push from the branch. What somebody has
/// changed, staged, committed or pushed since stays.
///
/// # Errors
///
/// Git cannot do it: its own message. The next run tries it again.
pub async fn take_back_unfinished(
    repository: &Repository,
    upstream: Option<&Upstream>,
) -> Result<TakenBack, GitError> {
    let mut taken = TakenBack::default();
    for unfinished in UnfinishedWrites::find(repository.git_folder()) {
        let files = unfinished.files().into_iter();
        let paths = files.filter_map(|file| file.strip_prefix(repository.top()).ok()?.to_str());
        let paths: Vec<String> = paths.map(str::to_owned).collect();
        taken.files.extend(repository.restore(&paths).await?);
        if let Some(upstream) = upstream {
            taken.commits += repository
                .take_back_unpushed(&unfinished.head, upstream)
                .await?;
        }
        unfinished.forget();
    }
    Ok(taken)
}
