//! Writes a plan into files, commits them, and pushes the commits: all files of the plan, or none.
//!
//! The files are written as without Git. For several commits, they get their old texts back, and
//! then in turn those of each commit. If a commit fails, each file gets its old text back, unless
//! somebody has changed it meanwhile. If a commit or the push fails, the commits before it are
//! taken back, so that the next run finds everything as it was.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::commit_run::{CheckedFile, CheckedFiles, CommitRun, FailedCommit, path};
use super::committed_files::CommittedFiles;
use super::file_writer::WrittenFiles;
use super::marker_writes::MarkerApplied;
use super::staged_texts::StagedTexts;
use crate::files::{Journal, RewriteError, read_text, rewrite_in_turn};
use crate::git::{Commit, GitError, Push, PushTarget, Repository, Upstream};
use crate::plan::{
    CommitPart, CommitPer, CommitRecord, CommittedLine, MessageTemplate, Plan, PlannedItem, Refusal,
};
use crate::write::applied::{Applied, Done, DryRun, WriteError};
use crate::write::stop::StopSignal;

/// How files are written and committed.
#[derive(Debug, Clone)]
pub struct GitWriter<'a> {
    /// How they are written.
    pub files: CommittedFiles<'a>,
    /// Where they are committed.
    pub repository: &'a Repository,
    /// Where the commits are pushed; `None`: they stay local.
    pub push: Option<&'a PushTarget>,
    /// What gets a commit of its own.
    pub per: CommitPer,
    /// The user's words for the message.
    pub template: Option<&'a MessageTemplate>,
    /// The time of the update.
    pub at: Timestamp,
    /// Whether the caller decides again if others push first.
    pub may_retry: bool,
}

/// How often a plan is made and pushed if others push first: once, and then three times more.
pub const PUSH_TRIES: u32 = 4;

/// Commits, and where they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The commits, the last one at the end.
    pub commits: Vec<Commit>,
    /// Where they were pushed; `None`: they are local.
    pub pushed: Option<Pushed>,
}

/// Where commits were pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The branch.
    pub upstream: Upstream,
    /// Where the forge offers to open a request to merge the branch.
    pub request_url: Option<String>,
}

impl GitWriter<'_> {
    /// Writes, commits and pushes. Without anything written, there is no commit.
    ///
    /// [`GitError::Overtaken`]: others have pushed first, and nothing was written.
    pub(crate) async fn write(
        &self,
        plan: &Plan,
        refusals: Vec<Option<Refusal>>,
        stop: &StopSignal,
    ) -> (WrittenFiles, Option<Result<Delivery, GitError>>) {
        if self.files.dry_run() != DryRun::None {
            return (self.files.write(plan, refusals).await, None);
        }
        // Removed when this run has committed, or has taken everything back. A repository that
        // does not let it be written does not accept a commit either.
        let _journal = match (self.files.turn().journal, self.repository.head().await) {
            (Some(path), Ok(head)) => Journal::begin(path, &head).ok(),
            _ => None,
        };
        self.write_and_commit(plan, refusals, stop).await
    }

    async fn write_and_commit(
        &self,
        plan: &Plan,
        refusals: Vec<Option<Refusal>>,
        stop: &StopSignal,
    ) -> (WrittenFiles, Option<Result<Delivery, GitError>>) {
        let checked = match self.checked_files(plan).await {
            Ok(checked) => checked,
            Err(error) => return (nothing_written(plan, &error), Some(Err(error))),
        };
        let mut written = self.files.write(plan, refusals).await;
        if written.rewritten.is_empty() {
            return (written, None);
        }
        let before = self.repository.head().await;
        let commits = match self.commit_all(plan, &written, &checked, stop).await {
            Ok(commits) => commits,
            Err(FailedCommit {
                error,
                made,
                not_restored,
            }) => {
                let error = self.take_back(error, false, &made, before).await;
                let kept: BTreeSet<&String> = match &error {
                    GitError::NotTakenBack { .. } => {
                        made.iter().flat_map(|one| &one.files).collect()
                    }
                    _ => BTreeSet::new(),
                };
                fail_all(&mut written, plan, |file| {
                    let outcome = if kept.iter().any(|kept| *kept == path(&checked, file)) {
                        format!("{file} was committed locally")
                    } else {
                        restored(file, &not_restored)
                    };
                    format!("not committed: {}; {outcome}", error.first_line())
                });
                return (written, Some(Err(error)));
            }
        };
        let Some(last) = commits.last() else {
            return (written, None);
        };
        let pushed = match self.push(last).await {
            Ok(pushed) => pushed,
            Err(cause) => {
                let error = self.take_back(cause, true, &commits, before).await;
                let outcome = match &error {
                    GitError::NotTakenBack { .. } => "was committed locally",
                    _ => "was restored",
                };
                fail_all(&mut written, plan, |file| {
                    let why = error.first_line();
                    match &error {
                        GitError::NotPushed { commits, .. } if commits.is_empty() => {
                            format!("not pushed: {why}")
                        }
                        _ => format!("not pushed: {why}; {file} {outcome}"),
                    }
                });
                return (written, Some(Err(error)));
            }
        };
        (written, Some(Ok(Delivery { commits, pushed })))
    }

    async fn push(&self, commit: &Commit) -> Result<Option<Pushed>, GitError> {
        let Some(target) = self.push else {
            return Ok(None);
        };
        match self.repository.push(target, &commit.id).await? {
            Push::Arrived { request_url } => Ok(Some(Pushed {
                upstream: target.upstream.clone(),
                request_url,
            })),
            Push::Overtaken => Err(GitError::Overtaken(PUSH_TRIES)),
        }
    }

    /// Moves the branch back to where it was before commits, after the next step has failed.
    async fn take_back(
        &self,
        cause: GitError,
        is_push: bool,
        commits: &[Commit],
        before: Result<String, GitError>,
    ) -> GitError {
        let Some(last) = commits.last() else {
            return cause;
        };
        let moved = match before {
            Ok(before) => self.repository.move_branch(&last.id, &before).await,
            Err(error) => Err(error),
        };
        let is_temporary = self.push.is_some_and(|target| target.is_temporary);
        let mut commits: Vec<String> = commits.iter().map(|one| one.short.clone()).collect();
        match moved {
            Err(kept) => GitError::NotTakenBack {
                cause: Box::new(cause),
                is_push,
                kept: Box::new(kept),
                commits,
            },
            Ok(()) if !is_push => cause,
            Ok(()) if self.may_retry && matches!(cause, GitError::Overtaken(_)) => cause,
            Ok(()) => {
                if is_temporary {
                    commits.clear();
                }
                GitError::NotPushed {
                    cause: Box::new(cause),
                    commits,
                }
            }
        }
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
        for file in self.files.names(plan).await {
            let path = self.repository.path(&file)?;
            // A file that cannot be read is reported by the write.
            if let Ok(text) = read_text(Path::new(&file)) {
                checked.insert(file, CheckedFile { text, path });
            }
        }
        let paths: BTreeSet<&String> = checked.values().map(|file| &file.path).collect();
        let paths: Vec<String> = paths.into_iter().cloned().collect();
        self.repository.check_idle()?;
        self.repository.check_committed(&paths).await?;
        Ok(checked)
    }

    /// Makes all commits. After a failure, the files have the texts of the last commit.
    async fn commit_all(
        &self,
        plan: &Plan,
        written: &WrittenFiles,
        checked: &CheckedFiles,
        stop: &StopSignal,
    ) -> Result<Vec<Commit>, FailedCommit> {
        let writer = self.files.plain();
        let stages = StagedTexts::new(plan, written, writer, self.per, |file| path(checked, file));
        let rewritten = &written.rewritten;
        let mut run = CommitRun {
            plan,
            written,
            checked,
            committed: rewritten.iter().map(|own| own.old.clone()).collect(),
            current: rewritten.iter().map(|own| own.new.clone()).collect(),
            made: Vec::new(),
        };
        match self.commit_in_turn(&stages, &mut run, stop).await {
            Ok(()) => Ok(run.made),
            Err(error) => Err(FailedCommit {
                error,
                not_restored: self.restore(&mut run),
                made: run.made,
            }),
        }
    }

    async fn commit_in_turn(
        &self,
        stages: &StagedTexts<'_>,
        run: &mut CommitRun<'_>,
        stop: &StopSignal,
    ) -> Result<(), GitError> {
        run.check_unchanged()?;
        let is_divided = stages.parts.len() > 1;
        if is_divided && let Some(file) = self.restore(run).into_iter().next() {
            return Err(GitError::Changed { file });
        }
        for (position, part) in stages.parts.iter().enumerate() {
            if is_divided {
                for (file, text) in stages.texts(position) {
                    self.rewrite(run, file, &text)?;
                }
            }
            let changed = run.changed();
            if changed.is_empty() {
                continue;
            }
            if stop.is_requested() {
                return Err(GitError::Interrupted);
            }
            let message = self.record(run, part).message(self.template, self.at);
            let paths = changed.iter().map(|file| run.path(*file).to_owned());
            let paths: BTreeSet<String> = paths.collect();
            let paths: Vec<String> = paths.into_iter().collect();
            let commit = self.repository.commit(&paths, &message).await?;
            run.made.push(commit);
            for file in changed {
                run.committed[file].clone_from(&run.current[file]);
            }
        }
        Ok(())
    }

    /// Gives a file the text of the next commit.
    fn rewrite(&self, run: &mut CommitRun<'_>, file: usize, text: &str) -> Result<(), GitError> {
        let name = &run.written.rewritten[file].file;
        let current = &mut run.current[file];
        if current == text {
            return Ok(());
        }
        let written = rewrite_in_turn(Path::new(name), current, text, self.files.turn());
        written.map_err(|error| match error {
            RewriteError::Changed { file } => GitError::Changed { file },
            error => GitError::Failed(error.to_string()),
        })?;
        text.clone_into(current);
        Ok(())
    }

    /// What a commit writes, for its message.
    fn record(&self, run: &CommitRun<'_>, part: &CommitPart) -> CommitRecord {
        let CommitRun {
            plan,
            written,
            checked,
            ..
        } = run;
        let mut record = CommitRecord::new(&self.files.overrides());
        let lines: Vec<CommittedLine> = run
            .changed()
            .into_iter()
            .flat_map(|at| {
                CommittedLine::between(run.path(at), &run.committed[at], &run.current[at])
            })
            .collect();
        for (position, edit) in written.edits.iter().enumerate() {
            let Some(change) = plan.change_in(position, part) else {
                continue;
            };
            let Some(source) = &change.source else {
                continue;
            };
            let file = path(checked, &source.file);
            if let Some(edit) = edit {
                record.add_change(&change, edit, file);
            } else if change.root.is_some() {
                record.add_built_change(&change, file, &lines);
            }
        }
        for item in part {
            if let PlannedItem::Marker(position) = item {
                let marker = &plan.markers[*position];
                let file = &marker.value.source.file;
                let namespace = self.files.default_namespace();
                let line = run.line(marker, namespace);
                record.add_marker(marker, path(checked, file), line);
            }
        }
        record
    }

    /// Gives the files the texts of the last commit back, the last one first. Returns those that
    /// no longer hold what was written.
    fn restore(&self, run: &mut CommitRun<'_>) -> Vec<String> {
        let mut not_restored = Vec::new();
        for file in run.changed().into_iter().rev() {
            let text = run.committed[file].clone();
            if self.rewrite(run, file, &text).is_err() {
                not_restored.push(run.written.rewritten[file].file.clone());
            }
        }
        not_restored
    }
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

/// Turns everything that was written into a failure. `why` gets the name of the file.
fn fail_all(written: &mut WrittenFiles, plan: &Plan, why: impl Fn(&str) -> String) {
    for applied in &mut written.applied {
        let file = applied.source.as_ref().map(|source| source.file.as_str());
        if matches!(applied.result, Ok(Done::Written)) {
            let error = WriteError::NotCommitted(why(file.unwrap_or_default()));
            applied.result = Err(error);
        }
    }
    for applied in &mut written.markers {
        let file = &plan.markers[applied.index].value.source.file;
        if matches!(applied.result, Ok(Done::Written)) {
            applied.result = Err(WriteError::NotCommitted(why(file)));
        }
    }
}

/// What became of a file whose commit failed.
fn restored(file: &str, not_restored: &[String]) -> String {
    if not_restored.iter().any(|kept| kept == file) {
        format!("{file} was changed since, so it was not restored")
    } else {
        format!("{file} was restored")
    }
}
