//! Writes a plan into files and commits them: all files of the plan in one commit, or none.
//!
//! The files are written as without Git. If the commit fails, each file gets its old text
//! back, unless somebody has changed it meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::file_writer::{FileWriter, RewrittenFile, WrittenFiles, write_files};
use super::marker_writes::MarkerApplied;
use crate::files::{read_text, rewrite_in_turn};
use crate::git::{Commit, GitError, Repository};
use crate::plan::{CommitRecord, Plan, Refusal};
use crate::write::applied::{Applied, Done, DryRun, WriteError};
use crate::write::stop::StopSignal;

/// How files are written and committed.
#[derive(Debug, Clone)]
pub struct GitWriter<'a> {
    /// How they are written.
    pub files: FileWriter<'a>,
    /// Where they are committed.
    pub repository: &'a Repository,
}

/// The files of a plan, by the names that it uses.
type CheckedFiles = BTreeMap<String, CheckedFile>;

/// A file as it was when it was compared with the last commit.
struct CheckedFile {
    text: String,
    /// From the root of the work tree.
    path: String,
}

impl GitWriter<'_> {
    /// Writes and commits. Without anything written, there is no commit.
    pub(crate) async fn write(
        &self,
        plan: &Plan,
        refusals: Vec<Option<Refusal>>,
        stop: &StopSignal,
    ) -> (WrittenFiles, Option<Result<Commit, GitError>>) {
        if self.files.dry_run != DryRun::None {
            return (write_files(plan, refusals, &self.files), None);
        }
        let checked = match self.checked_files(plan).await {
            Ok(checked) => checked,
            Err(error) => return (nothing_written(plan, &error), Some(Err(error))),
        };
        let mut written = write_files(plan, refusals, &self.files);
        if written.rewritten.is_empty() {
            return (written, None);
        }
        let error = match self.commit(plan, &written, &checked, stop).await {
            Ok(commit) => return (written, Some(Ok(commit))),
            Err(error) => error,
        };
        let not_restored = self.restore(&written.rewritten);
        take_back(&mut written, plan, &error, &not_restored);
        (written, Some(Err(error)))
    }

    /// Refuses a plan whose commit would include changes of somebody else.
    ///
    /// # Errors
    ///
    /// There are such changes, a file is outside the work tree, or the user is in the middle
    /// of a rebase or the like.
    pub(crate) async fn check(&self, plan: &Plan) -> Result<(), GitError> {
        self.checked_files(plan).await.map(drop)
    }

    /// The files that the plan writes, read before they are compared with the last commit, so
    /// that a later change is noticed.
    async fn checked_files(&self, plan: &Plan) -> Result<CheckedFiles, GitError> {
        let mut checked = CheckedFiles::new();
        for file in plan.files() {
            let path = self.repository.path(file)?;
            // A file that cannot be read is reported by the write.
            if let Ok(text) = read_text(Path::new(file)) {
                checked.insert(file.to_owned(), CheckedFile { text, path });
            }
        }
        let paths: BTreeSet<&String> = checked.values().map(|file| &file.path).collect();
        let paths: Vec<String> = paths.into_iter().cloned().collect();
        self.repository.check_idle()?;
        self.repository.check_committed(&paths).await?;
        Ok(checked)
    }

    async fn commit(
        &self,
        plan: &Plan,
        written: &WrittenFiles,
        checked: &CheckedFiles,
        stop: &StopSignal,
    ) -> Result<Commit, GitError> {
        let mut paths = BTreeSet::new();
        for RewrittenFile { file, old, .. } in &written.rewritten {
            let changed = || GitError::Changed { file: file.clone() };
            let own = checked.get(file).ok_or_else(changed)?;
            // Two links to one file: the second edit begins with the text of the first.
            if paths.insert(&own.path) && own.text != *old {
                return Err(changed());
            }
        }
        let paths: Vec<String> = paths.into_iter().cloned().collect();
        if stop.is_requested() {
            return Err(GitError::Interrupted);
        }
        let message = self.record(plan, written, checked).message();
        self.repository.commit(&paths, &message).await
    }

    /// What was written, for the message.
    fn record(&self, plan: &Plan, written: &WrittenFiles, checked: &CheckedFiles) -> CommitRecord {
        let mut record = CommitRecord::new(&self.files.authorship.overrides);
        for (change, edit) in plan.changes.iter().zip(&written.edits) {
            if let (Some(edit), Some(source)) = (edit, &change.source) {
                record.add_change(change, edit, path(checked, &source.file));
            }
        }
        for applied in &written.markers {
            if matches!(applied.result, Ok(Done::Written)) {
                let marker = &plan.markers[applied.index];
                record.add_marker(marker, path(checked, &marker.value.source.file));
            }
        }
        record
    }

    /// Gives the files their old text back, the last one first. Returns those that no longer
    /// hold what was written.
    fn restore(&self, rewritten: &[RewrittenFile]) -> Vec<String> {
        let mut not_restored = Vec::new();
        for RewrittenFile { file, old, new } in rewritten.iter().rev() {
            if rewrite_in_turn(Path::new(file), new, old, self.files.locks).is_err() {
                not_restored.push(file.clone());
            }
        }
        not_restored
    }
}

/// The path of a file from the root of the work tree.
fn path<'f>(checked: &'f CheckedFiles, file: &'f str) -> &'f str {
    checked.get(file).map_or(file, |own| &own.path)
}

/// The results if nothing may be written.
fn nothing_written(plan: &Plan, why: &GitError) -> WrittenFiles {
    let error = || WriteError::NotCommitted(format!("not written: {}", why.first_line()));
    let applied = plan.changes.iter().map(|change| Applied {
        workload: change.workload.clone(),
        source: change.source.clone(),
        result: Err(error()),
        notes: Vec::new(),
        stuck: Vec::new(),
    });
    let markers = plan.markers.iter().enumerate();
    let markers = markers.filter(|(_, marker)| marker.is_update());
    let markers = markers.map(|(index, _)| MarkerApplied {
        index,
        result: Err(error()),
    });
    WrittenFiles {
        applied: applied.collect(),
        markers: markers.collect(),
        stdin: None,
        edits: Vec::new(),
        rewritten: Vec::new(),
    }
}

/// Turns everything that was written into a failure.
fn take_back(written: &mut WrittenFiles, plan: &Plan, why: &GitError, not_restored: &[String]) {
    let why = why.first_line();
    for applied in &mut written.applied {
        let file = applied.source.as_ref().map(|source| source.file.as_str());
        fail(
            &mut applied.result,
            file.unwrap_or_default(),
            &why,
            not_restored,
        );
    }
    for applied in &mut written.markers {
        let file = &plan.markers[applied.index].value.source.file;
        fail(&mut applied.result, file, &why, not_restored);
    }
}

fn fail(result: &mut Result<Done, WriteError>, file: &str, why: &str, not_restored: &[String]) {
    if !matches!(result, Ok(Done::Written)) {
        return;
    }
    let outcome = if not_restored.iter().any(|kept| kept == file) {
        format!("{file} was changed since, so it was not restored")
    } else {
        format!("{file} was restored")
    };
    *result = Err(WriteError::NotCommitted(format!(
        "not committed: {why}; {outcome}"
    )));
}
