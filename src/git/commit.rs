//! Commits files.

use super::error::GitError;
use super::repository::{Repository, literal};

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub id: String,
    /// The hash as git shortens it.
    pub short: String,
    /// Where it was made.
    pub branch: Branch,
    /// The first line of its message.
    pub subject: String,
    /// Its files, from the root of the work tree.
    pub files: Vec<String>,
}

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branch {
    /// On a branch.
    Named(String),
    /// On a commit: no branch will name what is committed.
    Detached,
}

impl Branch {
    /// The name; `None` if HEAD is detached.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Detached => None,
        }
    }
}

/// As in "committed on …".
impl std::fmt::Display for Branch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name().unwrap_or("a detached HEAD"))
    }
}

impl Repository {
    /// Where HEAD is.
    ///
    /// # Errors
    ///
    /// Git cannot be run.
    pub async fn branch(&self) -> Result<Branch, GitError> {
        let words = ["symbolic-ref", "--quiet", "--short", "HEAD"];
        let name = self.git.line(&words).await?;
        Ok(name.map_or(Branch::Detached, Branch::Named))
    }

    /// Commits these files as they are in the work tree, as the user would with `git commit`:
    /// with their hooks, filters, signature and identity. Whatever else is in the index stays
    /// there.
    ///
    /// # Errors
    ///
    /// Git or a hook refuses: its own message. Nothing was committed.
    pub async fn commit(&self, paths: &[String], message: &str) -> Result<Commit, GitError> {
        // Asked before, because a failure after the commit would look like one of the commit.
        let branch = self.branch().await?;
        let mut words = vec!["commit", "--quiet", "--only"];
        // The message has no comments, whatever the user's setting for an editor is.
        words.extend(["--cleanup=whitespace", "--file=-", "--"]);
        let specs = literal(paths);
        words.extend(specs.iter().map(String::as_str));
        let output = self.git.run(&words, message).await?;
        if !output.is_success {
            return Err(GitError::Failed(output.message));
        }
        let id = self.git.line(&["rev-parse", "--verify", "HEAD"]).await;
        let short = self.git.line(&["rev-parse", "--short", "HEAD"]).await;
        Ok(Commit {
            id: id.ok().flatten().unwrap_or_else(unnamed),
            short: short.ok().flatten().unwrap_or_else(unnamed),
            branch,
            subject: message.lines().next().unwrap_or_default().to_owned(),
            files: paths.to_vec(),
        })
    }
}

/// A name for a commit whose hash cannot be read.
fn unnamed() -> String {
    "HEAD".to_owned()
}
