//! The texts of the files of a run, while its commits are made.

use std::collections::{BTreeMap, BTreeSet};

use super::file_writer::{RewrittenFile, WrittenFiles};
use super::staged_texts::line_between;
use crate::git::{Commit, GitError};
use crate::plan::{MarkerDecision, Plan};

/// The files of a plan, by the names that it uses.
pub(crate) type CheckedFiles = BTreeMap<String, CheckedFile>;

/// A file as it was when it was compared with the last commit.
pub(crate) struct CheckedFile {
    pub(crate) text: String,
    /// From the root of the work tree.
    pub(crate) path: String,
}

/// Commits that are being made.
pub(crate) struct CommitRun<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) written: &'a WrittenFiles,
    pub(crate) checked: &'a CheckedFiles,
    /// The text of each rewritten file in the last commit.
    pub(crate) committed: Vec<String>,
    /// The text of each rewritten file in the work tree.
    pub(crate) current: Vec<String>,
    pub(crate) made: Vec<Commit>,
}

/// A commit that was not made.
pub(crate) struct FailedCommit {
    pub(crate) error: GitError,
    /// The commits before it.
    pub(crate) made: Vec<Commit>,
    /// The files that do not have the text of the last commit.
    pub(crate) not_restored: Vec<String>,
}

impl CommitRun<'_> {
    /// The path of a rewritten file from the root of the work tree.
    pub(crate) fn path(&self, file: usize) -> &str {
        path(self.checked, &self.written.rewritten[file].file)
    }

    /// The files that differ from the last commit, by their positions.
    pub(crate) fn changed(&self) -> Vec<usize> {
        let files = 0..self.current.len();
        let changed = files.filter(|file| self.committed[*file] != self.current[*file]);
        changed.collect()
    }

    /// # Errors
    ///
    /// A file was not as it was compared with the last commit when it was written.
    pub(crate) fn check_unchanged(&self) -> Result<(), GitError> {
        let mut paths = BTreeSet::new();
        for RewrittenFile { file, old, .. } in &self.written.rewritten {
            let changed = || GitError::Changed { file: file.clone() };
            let own = self.checked.get(file).ok_or_else(changed)?;
            // Two links to one file: the second edit begins with the text of the first.
            if paths.insert(&own.path) && own.text != *old {
                return Err(changed());
            }
        }
        Ok(())
    }

    /// The line of a marked value before the next commit.
    pub(crate) fn line(&self, marker: &MarkerDecision, default_namespace: &str) -> usize {
        let source = &marker.value.source;
        let mut files = self.written.rewritten.iter();
        let file = files.position(|own| own.file == source.file);
        file.map_or(source.line, |at| {
            let old = &self.written.rewritten[at].old;
            line_between(marker, old, &self.committed[at], default_namespace)
        })
    }
}

/// The path of a file from the root of the work tree.
pub(crate) fn path<'f>(checked: &'f CheckedFiles, file: &'f str) -> &'f str {
    checked.get(file).map_or(file, |own| &own.path)
}
