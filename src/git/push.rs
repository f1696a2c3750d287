//! Fetches from, and pushes to, another repository. Nothing is ever forced.

use super::error::GitError;
use super::repository::Repository;
use super::upstream::Upstream;
use crate::plan::COMMIT_TRAILER;

/// Where commits are pushed, and how.
#[derive(Debug, Clone)]
pub struct PushTarget {
    /// The branch.
    pub upstream: Upstream,
    /// The values of `git push --push-option`, in this order.
    pub options: Vec<String>,
    /// Whether the work tree is a clone that is removed at the end.
    pub is_temporary: bool,
}

/// What became of a push that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// The commit is on the branch of the other repository.
    Arrived {
        /// Where the forge offers to open a request to merge the branch.
        request_url: Option<String>,
    },
    /// Others have pushed in the meantime. The other repository is as they left it.
    Overtaken,
}

/// A branch in comparison with its upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamState {
    /// The last commit of the upstream.
    pub tip: String,
    /// The commits that only the local branch has, the newest first: the short hash and the
    /// subject.
    pub ahead: Vec<String>,
    /// How many commits only the upstream has.
    pub behind: usize,
}

impl Repository {
    /// Fetches the last commit of the upstream.
    ///
    /// # Errors
    ///
    /// The other repository cannot be reached, or has no such branch: git's own message.
    pub async fn fetch(&self, upstream: &Upstream) -> Result<String, GitError> {
        let mut words = vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
        let reference = upstream.reference();
        words.extend(["--", &upstream.remote, &reference]);
        let output = self.git.run_remote(&words).await?;
        if !output.is_success {
            return Err(GitError::NotFetched {
                upstream: upstream.to_string(),
                message: output.message,
            });
        }
        self.commit_of("FETCH_HEAD").await
    }

    /// Fetches the upstream and compares the branch of HEAD with it.
    ///
    /// # Errors
    ///
    /// As for [`Self::fetch`].
    pub async fn compare(&self, upstream: &Upstream) -> Result<UpstreamState, GitError> {
        let tip = self.fetch(upstream).await?;
        let ahead = self.subjects(&format!("{tip}..HEAD")).await?;
        let range = format!("HEAD..{tip}");
        let behind = self
            .git
            .line(&["rev-list", "--count", &range, "--"])
            .await?;
        Ok(UpstreamState {
            tip,
            ahead,
            behind: behind.and_then(|text| text.parse().ok()).unwrap_or(0),
        })
    }

    async fn subjects(&self, range: &str) -> Result<Vec<String>, GitError> {
        let words = ["log", "-z", "--format=%h %s", range, "--"];
        let printed = self.git.read(&words).await?;
        let lines = printed.split(|byte| *byte == 0);
        let lines = lines.filter(|line| !line.is_empty());
        Ok(lines
            .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
            .collect())
    }

    /// Pushes one commit, with those before it, to the upstream.
    ///
    /// # Errors
    ///
    /// The push was refused, or the other repository cannot be reached: git's own message.
    pub async fn push(&self, target: &PushTarget, commit: &str) -> Result<Push, GitError> {
        let mut words = vec!["push", "--no-follow-tags", "--recurse-submodules=check"];
        let options = target.options.iter();
        let options: Vec<String> = options
            .map(|option| format!("--push-option={option}"))
            .collect();
        words.extend(options.iter().map(String::as_str));
        // Without a plus sign, git refuses to remove commits of others.
        let spec = format!("{commit}:{}", target.upstream.reference());
        words.extend(["--", &target.upstream.remote, &spec]);
        let output = self.git.run_remote(&words).await?;
        if output.is_success {
            let request_url = request_url(&output.message);
            return Ok(Push::Arrived { request_url });
        }
        let refused = GitError::Refused(output.message);
        // A lost answer, and a lost race, look like a refusal. The branch tells the truth,
        // whatever the language of the messages is.
        let Ok(tip) = self.fetch(&target.upstream).await else {
            return Err(refused);
        };
        if tip == commit {
            Ok(Push::Arrived { request_url: None })
        } else if self.is_ancestor(&tip, commit).await? {
            Err(refused)
        } else {
            Ok(Push::Overtaken)
        }
    }

    /// Moves the branch of HEAD, the index and the work tree from one commit to another. What
    /// the user has changed or staged stays.
    ///
    /// # Errors
    ///
    /// Changes of the user are in the way, or the branch is no longer at `from`: git's own
    /// message. Nothing was changed.
    pub async fn move_branch(&self, from: &str, to: &str) -> Result<(), GitError> {
        let reference = ["symbolic-ref", "--quiet", "HEAD"];
        let Some(reference) = self.git.line(&reference).await? else {
            let top = self.top().display().to_string();
            return Err(GitError::DetachedHead { top });
        };
        // A file that was only touched is not a change.
        self.git
            .run(&["update-index", "-q", "--refresh"], "")
            .await?;
        self.git
            .read(&["read-tree", "-n", "-m", "-u", from, to])
            .await?;
        // Only if nobody has committed in the meantime.
        let words = ["update-ref", "-m", "imgpolicy: move to", &reference];
        self.git.read(&[&words[..], &[to, from]].concat()).await?;
        let moved = self.git.read(&["read-tree", "-m", "-u", from, to]).await;
        if moved.is_err() {
            self.git.read(&[&words[..], &[from, to]].concat()).await?;
        }
        moved.map(drop)
    }

    /// Moves the branch back to a commit if this program has made every commit since, and the
    /// upstream has none of them. Returns how many were taken back.
    ///
    /// # Errors
    ///
    /// The upstream cannot be fetched, or changes of the user are in the way: git's own message.
    pub async fn take_back_unpushed(
        &self,
        to: &str,
        upstream: &Upstream,
    ) -> Result<usize, GitError> {
        let head = self.head().await?;
        if head == to || !self.is_ancestor(to, &head).await? {
            return Ok(0);
        }
        let range = format!("{to}..{head}");
        let all = self.subjects(&range).await?.len();
        let own = format!("--grep=^{COMMIT_TRAILER}: ");
        let words = ["rev-list", "--count", &own, &range, "--"];
        let own = self.git.line(&words).await?;
        if own.and_then(|count| count.parse().ok()) != Some(all) {
            return Ok(0);
        }
        let tip = self.fetch(upstream).await?;
        // Others may have pushed since, on what the killed run has pushed.
        let words = ["rev-list", "--reverse", &range, "--"];
        let first = self.git.line(&words).await?.unwrap_or_default();
        let first = first.lines().next().unwrap_or(&head);
        if self.is_ancestor(first, &tip).await? {
            return Ok(0);
        }
        self.move_branch(&head, to).await?;
        Ok(all)
    }

    /// Whether a commit is another one, or one of those before it.
    async fn is_ancestor(&self, commit: &str, of: &str) -> Result<bool, GitError> {
        let words = ["merge-base", "--is-ancestor", commit, of];
        Ok(self.git.run(&words, "").await?.is_success)
    }

    /// The hash of the commit that HEAD is at.
    ///
    /// # Errors
    ///
    /// There is none yet.
    pub async fn head(&self) -> Result<String, GitError> {
        self.commit_of("HEAD").await
    }

    async fn commit_of(&self, name: &str) -> Result<String, GitError> {
        let name = format!("{name}^{{commit}}");
        let printed = self
            .git
            .read(&["rev-parse", "--verify", "--quiet", &name])
            .await?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }
}

/// The address at which the forge offers to open a request to merge what was pushed. It comes
/// from the other repository, so it is only text that is shown.
fn request_url(message: &str) -> Option<String> {
    let lines = message
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"));
    let mut is_offered = false;
    for line in lines {
        let words = line.to_ascii_lowercase();
        is_offered |= words.contains("pull request") || words.contains("merge request");
        let mut words = line.split_whitespace();
        let url = words.find(|word| word.starts_with("https://") || word.starts_with("http://"));
        if let Some(url) = url.filter(|_| is_offered) {
            return Some(url.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_found_in_the_words_of_different_forges() {
        for (message, url) in [
            (
                "remote: \nremote: To create a merge request for x, visit:\nremote:   \
                 https://git.example/a/-/merge_requests/new?x=1        \nremote: \nTo a\n",
                Some("https://git.example/a/-/merge_requests/new?x=1"),
            ),
            (
                "remote: Create a pull request for 'x' on the forge by visiting:\nremote:      \
                 https://git.example/a/pull/new/x\n",
                Some("https://git.example/a/pull/new/x"),
            ),
            (
                "remote: Visit the existing pull request: http://git.example/a/pulls/1\n",
                Some("http://git.example/a/pulls/1"),
            ),
            ("remote: See https://git.example/news\n", None),
            ("To create a merge request: https://git.example/x\n", None),
            ("remote: pull request: ftp://git.example\n", None),
        ] {
            assert_eq!(request_url(message).as_deref(), url, "{message}");
        }
    }
}
