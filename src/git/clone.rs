//! A clone in a folder of its own, in which nothing of the repository is executed.

use tempfile::TempDir;

use super::commit::Branch;
use super::error::GitError;
use super::program::{Git, GitQuestions};
use super::repository::Repository;
use super::upstream::{BRANCHES, Upstream};
use crate::secrets;

/// The name of the remote in a clone.
const REMOTE: &str = "origin";

/// What to clone.
#[derive(Debug, Clone, Copy)]
pub struct CloneRequest<'a> {
    /// The address of the repository.
    pub url: &'a str,
    /// The branch to begin with; `None`: the one that the repository names.
    pub branch: Option<&'a str>,
    /// The branch to push to, which may not exist yet. If it exists, it is also the one to
    /// begin with. `None`: the branch to begin with.
    pub push_branch: Option<&'a str>,
}

/// A clone that is removed when it is dropped.
#[derive(Debug)]
pub struct TemporaryClone {
    /// The clone.
    pub repository: Repository,
    /// Where its commits are pushed.
    pub upstream: Upstream,
    _folder: TempDir,
}

impl TemporaryClone {
    /// Clones the last commit of one branch, without the content of files that are not checked
    /// out, without submodules, and without running hooks or filters.
    ///
    /// # Errors
    ///
    /// A name of a branch is not valid, or the repository cannot be cloned: git's own message.
    pub async fn new(request: CloneRequest<'_>, asking: GitQuestions) -> Result<Self, GitError> {
        let folder = tempfile::Builder::new()
            .prefix("imgpolicy-")
            .tempdir()
            .map_err(GitError::NoTemporaryFolder)?;
        let outside = Git::in_folder(folder.path(), asking).of_others();
        for name in [request.branch, request.push_branch].into_iter().flatten() {
            check_branch(&outside, name).await?;
        }
        let begin = match request.push_branch {
            Some(name) if exists(&outside, request.url, name).await? => Some(name),
            _ => request.branch,
        };
        clone(&outside, request.url, begin).await?;
        let repository = Repository::open_in(outside, &folder.path().join(WORK_TREE)).await?;
        let Branch::Named(branch) = repository.branch().await? else {
            let branch = begin.unwrap_or_default().to_owned();
            return Err(GitError::NoBranch { branch });
        };
        let branch = request.push_branch.unwrap_or(&branch);
        let upstream = Upstream {
            remote: REMOTE.to_owned(),
            branch: branch.to_owned(),
            place: Some(secrets::without_login(request.url)),
        };
        Ok(Self {
            repository,
            upstream,
            _folder: folder,
        })
    }
}

/// The folder of the clone in the temporary folder.
const WORK_TREE: &str = "clone";

async fn clone(git: &Git, url: &str, branch: Option<&str>) -> Result<(), GitError> {
    let mut words = vec!["clone", "--quiet", "--depth=1", "--filter=blob:none"];
    words.extend(["--single-branch", "--no-tags", "--no-recurse-submodules"]);
    // The user's template may contain hooks and settings.
    words.extend(["--template=", "--origin", REMOTE]);
    let branch = branch.map(|branch| format!("--branch={branch}"));
    words.extend(branch.as_deref());
    words.extend(["--", url, WORK_TREE]);
    cloned(url, git.run_remote(&words).await?).map(drop)
}

/// Whether the repository has a branch.
async fn exists(git: &Git, url: &str, branch: &str) -> Result<bool, GitError> {
    let reference = format!("{BRANCHES}{branch}");
    let words = ["ls-remote", "--quiet", "--", url, &reference];
    let printed = cloned(url, git.run_remote(&words).await?)?;
    let printed = String::from_utf8_lossy(&printed);
    // Git also lists references that only end with this name.
    let mut lines = printed.lines();
    Ok(lines.any(|line| {
        line.split_once('\t')
            .is_some_and(|(_, name)| name == reference)
    }))
}

fn cloned(url: &str, output: super::program::GitOutput) -> Result<Vec<u8>, GitError> {
    if output.is_success {
        return Ok(output.stdout);
    }
    Err(GitError::NotCloned {
        url: secrets::without_login(url),
        message: output.message,
    })
}

/// Accepts only what git accepts as the name of a branch, and no shorthand for another one.
async fn check_branch(git: &Git, name: &str) -> Result<(), GitError> {
    let is_plain = !name.starts_with('-')
        && git.line(&["check-ref-format", "--branch", name]).await? == Some(name.to_owned());
    if is_plain {
        Ok(())
    } else {
        Err(GitError::BranchName {
            name: name.to_owned(),
        })
    }
}
