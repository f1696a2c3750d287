//! The addresses of a repository's remotes.

use super::error::GitError;
use super::repository::Repository;

impl Repository {
    /// The URLs of all remotes, as the user's configuration rewrites them, and as written.
    ///
    /// # Errors
    ///
    /// Git cannot be started.
    pub async fn remote_urls(&self) -> Result<Vec<String>, GitError> {
        let mut urls = Vec::new();
        let written = ["config", "--null", "--get-regexp", r"^remote\..*\.url$"];
        let written = self.git.run(&written, "").await?;
        for entry in written.stdout.split(|byte| *byte == 0) {
            let entry = String::from_utf8_lossy(entry);
            if let Some((_, url)) = entry.split_once('\n') {
                urls.push(url.to_owned());
            }
        }
        let remotes = self.git.run(&["remote"], "").await?;
        for remote in String::from_utf8_lossy(&remotes.stdout).lines() {
            let rewritten = ["remote", "get-url", "--all", "--", remote];
            let rewritten = self.git.run(&rewritten, "").await?;
            let text = String::from_utf8_lossy(&rewritten.stdout);
            urls.extend(text.lines().map(str::to_owned));
        }
        urls.sort_unstable();
        urls.dedup();
        Ok(urls)
    }
}
