//! A local repository, and what may be committed there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::GitError;
use super::operation::under_way;
use super::program::{Git, GitQuestions};

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub struct Repository {
    /// As the user has named it.
    folder: String,
    /// The root of the work tree, without links.
    top: PathBuf,
    /// The git folder of the work tree.
    git_folder: PathBuf,
    pub(super) git: Git,
}

impl Repository {
    /// Finds the repository of a folder, which may be a subfolder.
    ///
    /// # Errors
    ///
    /// The folder is in no work tree, or the git program is missing.
    pub async fn open(folder: &Path, asking: GitQuestions) -> Result<Self, GitError> {
        if !folder.is_dir() {
            return Err(GitError::NoWorkTree {
                folder: folder.display().to_string(),
                message: "there is no such folder".to_owned(),
            });
        }
        Self::open_in(Git::in_folder(folder, asking), folder).await
    }

    /// The same with a way to run git.
    pub(super) async fn open_in(git: Git, folder: &Path) -> Result<Self, GitError> {
        let name = folder.display().to_string();
        let no_work_tree = |message: String| GitError::NoWorkTree {
            folder: name.clone(),
            message,
        };
        let git = git.moved_to(folder);
        let top = git.run(&["rev-parse", "--show-toplevel"], "").await?;
        let git_folder = git.line(&["rev-parse", "--absolute-git-dir"]).await?;
        let (true, Some(git_folder)) = (top.is_success, git_folder) else {
            return Err(no_work_tree(top.message));
        };
        let text = String::from_utf8_lossy(&top.stdout);
        let top = fs::canonicalize(text.trim_end_matches(['\n', '\r']))
            .map_err(|error| no_work_tree(error.to_string()))?;
        Ok(Self {
            folder: name,
            git: git.moved_to(&top),
            git_folder: PathBuf::from(git_folder),
            top,
        })
    }

    /// The root of the work tree, without links.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Its git folder, which is that of this work tree only.
    #[must_use]
    pub fn git_folder(&self) -> &Path {
        &self.git_folder
    }

    /// The path of a file from the root of the work tree. A link stands for its target, which
    /// is what is written.
    ///
    /// # Errors
    ///
    /// The file is not in the work tree.
    pub fn path(&self, file: &str) -> Result<String, GitError> {
        let target = fs::canonicalize(file).map_err(|source| GitError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let outside = || GitError::Outside {
            file: file.to_owned(),
            top: self.top.display().to_string(),
        };
        let path = target.strip_prefix(&self.top).map_err(|_| outside())?;
        let path = path.to_str().ok_or_else(outside)?;
        Ok(if cfg!(windows) {
            path.replace('\\', "/")
        } else {
            path.to_owned()
        })
    }

    /// Refuses a work tree in the middle of something that a commit would become a part of.
    ///
    /// # Errors
    ///
    /// A rebase, a merge or the like is under way.
    pub fn check_idle(&self) -> Result<(), GitError> {
        match under_way(&self.git_folder) {
            None => Ok(()),
            Some(operation) => Err(GitError::UnderWay {
                folder: self.folder.clone(),
                operation: operation.name,
                abort: operation.abort,
            }),
        }
    }

    /// Refuses files that differ from the last commit, because a commit of the files would
    /// include the difference, and files that git does not know.
    ///
    /// # Errors
    ///
    /// There is such a file, or git cannot compare them.
    pub async fn check_committed(&self, paths: &[String]) -> Result<(), GitError> {
        if paths.is_empty() {
            return Ok(());
        }
        let options = ["--untracked-files=all", "--ignored=matching"];
        let entries = self.status(&options, paths).await?;
        let (untracked, changed): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| matches!(&entry.state[..], "??" | "!!"));
        let top = self.top.display().to_string();
        if !changed.is_empty() {
            let paths = changed.into_iter().map(|entry| entry.path).collect();
            return Err(GitError::Uncommitted { paths, top });
        }
        let mut untracked: Vec<String> = untracked.into_iter().map(|entry| entry.path).collect();
        if untracked.is_empty() {
            // The status says nothing about the files of a submodule.
            let tracked = self.tracked(paths).await?;
            untracked.extend(
                paths
                    .iter()
                    .filter(|path| !tracked.contains(*path))
                    .cloned(),
            );
        }
        if !untracked.is_empty() {
            let paths = untracked;
            return Err(GitError::Untracked { paths, top });
        }
        Ok(())
    }

    /// Those of the files that git knows.
    async fn tracked(&self, paths: &[String]) -> Result<BTreeSet<String>, GitError> {
        let mut words = vec!["ls-files", "-z", "--full-name", "--"];
        let specs = literal(paths);
        words.extend(specs.iter().map(String::as_str));
        let printed = self.git.read(&words).await?;
        let names = printed.split(|byte| *byte == 0);
        Ok(names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    /// Gives files their texts in the last commit back. Those that the user has staged stay as
    /// they are. Returns the files that have changed.
    ///
    /// # Errors
    ///
    /// Git cannot write them: its own message.
    pub async fn restore(&self, paths: &[String]) -> Result<Vec<String>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.status(&["--untracked-files=no"], paths).await?;
        let changed = entries.into_iter().filter(|entry| entry.state == " M");
        let changed: Vec<String> = changed.map(|entry| entry.path).collect();
        if !changed.is_empty() {
            let mut words = vec!["restore", "--worktree", "--"];
            let specs = literal(&changed);
            words.extend(specs.iter().map(String::as_str));
            self.git.read(&words).await?;
        }
        Ok(changed)
    }

    /// The tracked files that differ from the last commit.
    ///
    /// # Errors
    ///
    /// Git cannot compare them.
    pub async fn uncommitted(&self) -> Result<BTreeSet<String>, GitError> {
        let entries = self.status(&["--untracked-files=no"], &[]).await?;
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    }

    async fn status(
        &self,
        options: &[&str],
        paths: &[String],
    ) -> Result<Vec<StatusEntry>, GitError> {
        // Without a lock, the user's index is not refreshed on disk.
        let mut words = vec!["--no-optional-locks", "status", "--porcelain=v1", "-z"];
        words.push("--no-renames");
        words.extend(options);
        words.push("--");
        let specs = literal(paths);
        words.extend(specs.iter().map(String::as_str));
        let printed = self.git.read(&words).await?;
        Ok(entries(&printed))
    }
}

/// The paths as pathspecs that are no patterns.
pub(crate) fn literal(paths: &[String]) -> Vec<String> {
    let spec = paths.iter().map(|path| format!(":(top,literal){path}"));
    spec.collect()
}

/// One line of `git status --porcelain=v1`.
#[derive(Debug, PartialEq, Eq)]
struct StatusEntry {
    /// Two letters: of the index, and of the work tree.
    state: String,
    path: String,
}

fn entries(printed: &[u8]) -> Vec<StatusEntry> {
    let lines = printed.split(|byte| *byte == 0);
    let lines = lines.map(String::from_utf8_lossy);
    lines
        .filter_map(|line| {
            let (state, path) = line.split_at_checked(2)?;
            Some(StatusEntry {
                state: state.to_owned(),
                path: path.strip_prefix(' ')?.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_with_any_name_of_a_file() {
        let found = entries(b" M a b.yaml\0?? --force.yaml\0!! x\ny.yaml\0");
        let found: Vec<_> = found.iter().map(|e| (&e.state[..], &e.path[..])).collect();
        let expected = [
            (" M", "a b.yaml"),
            ("??", "--force.yaml"),
            ("!!", "x\ny.yaml"),
        ];
        assert_eq!(found, expected);
    }
}
