//! The branch of another repository that a local branch is pushed to.

use super::commit::Branch;
use super::error::GitError;
use super::repository::Repository;

/// How the full name of a branch begins.
pub(crate) const BRANCHES: &str = "refs/heads/";

/// A branch of another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The name of the remote.
    pub(crate) remote: String,
    /// The name of the branch there.
    pub(crate) branch: String,
    /// The address of the repository, if the name of the remote says nothing to the user.
    pub(crate) place: Option<String>,
}

impl Upstream {
    /// The name of the branch in the other repository.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// Its full name: `refs/heads/main`.
    pub(crate) fn reference(&self) -> String {
        format!("{BRANCHES}{}", self.branch)
    }
}

/// As in "pushed to …": `origin/main`, or `main of https://git.example/apps.git`.
impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} of {place}", self.branch),
            None => write!(f, "{}/{}", self.remote, self.branch),
        }
    }
}

impl Repository {
    /// Where the branch of HEAD is pushed to. As for `git push` with its default settings,
    /// that is a branch of the same name, unless `push.default` says otherwise.
    ///
    /// # Errors
    ///
    /// HEAD is detached, the branch has no upstream, or the upstream has another name.
    pub async fn upstream(&self) -> Result<Upstream, GitError> {
        let top = self.top().display().to_string();
        let Branch::Named(branch) = self.branch().await? else {
            return Err(GitError::DetachedHead { top });
        };
        let remote = self.setting(&format!("branch.{branch}.remote")).await?;
        let merged = self.setting(&format!("branch.{branch}.merge")).await?;
        let name = merged
            .as_deref()
            .and_then(|name| name.strip_prefix(BRANCHES));
        let (Some(remote), Some(name)) = (remote, name) else {
            return Err(GitError::NoUpstream { branch, top });
        };
        let upstream = Upstream {
            remote,
            branch: name.to_owned(),
            place: None,
        };
        if upstream.branch != branch {
            let default = self.setting("push.default").await?;
            if !matches!(default.as_deref(), Some("upstream" | "tracking")) {
                return Err(GitError::OtherUpstream {
                    branch,
                    upstream: upstream.to_string(),
                    top,
                });
            }
        }
        Ok(upstream)
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, GitError> {
        self.git.line(&["config", "--get", key]).await
    }
}
