//! Writes a plan into files, commits them, and pushes the commit: all files of the plan in one
//! commit, or none.
//!
//! The files are written as without Git. If the commit fails, each file gets its old text
//! back, unless somebody has changed it meanwhile. If the push fails, the commit is taken back,
//! so that the next run finds everything as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use super::file_writer::{FileWriter, RewrittenFile, WrittenFiles, write_files};
use super::marker_writes::MarkerApplied;
use crate::files::{read_text, rewrite_in_turn};
use crate::git::{Commit, GitError, Push, PushTarget, Repository, Upstream};
use crate::plan::{CommitRecord, CommittedLine, Edit, MessageTemplate, Override, Plan, Refusal};
use crate::write::applied::{Applied, Done, DryRun, WriteError};
use crate::write::kustomization::{KustomizationWriter, write_kustomizations};
use crate::write::stop::StopSignal;

/// How files are written and committed.
#[derive(Debug, Clone)]
pub struct GitWriter<'a> {
    /// How they are written.
    pub files: CommittedFiles<'a>,
    /// Where they are committed.
    pub repository: &'a Repository,
    /// Where the commit is pushed; `None`: it stays local.
    pub push: Option<&'a PushTarget>,
    /// The user's words for the message.
    pub template: Option<&'a MessageTemplate>,
    /// The time of the update.
    pub at: Timestamp,
    /// Whether the caller decides again if others push first.
    pub may_retry: bool,
}

/// How files are written before they are committed.
#[derive(Debug, Clone)]
pub enum CommittedFiles<'a> {
    /// Each workload in its own document.
    Plain(FileWriter<'a>),
    /// Where kustomizations decide the images.
    Kustomizations(KustomizationWriter<'a>),
}

impl CommittedFiles<'_> {
    /// Whether this is a dry run, and of which kind.
    #[must_use]
    pub fn dry_run(&self) -> DryRun {
        match self {
            Self::Plain(writer) => writer.dry_run,
            Self::Kustomizations(writer) => writer.dry_run,
        }
    }

    /// What would be written for each change besides images.
    pub(crate) fn edits(&self, plan: &Plan) -> Vec<Option<Edit>> {
        match self {
            Self::Plain(writer) => writer.edits(plan),
            Self::Kustomizations(writer) => writer.edits(plan),
        }
    }

    /// The files that the plan writes.
    async fn names(&self, plan: &Plan) -> BTreeSet<String> {
        match self {
            Self::Plain(_) => plan.files().into_iter().map(str::to_owned).collect(),
            Self::Kustomizations(writer) => writer.files(plan).await,
        }
    }

    async fn write(&self, plan: &Plan, refusals: Vec<Option<Refusal>>) -> WrittenFiles {
        match self {
            Self::Plain(writer) => write_files(plan, refusals, writer),
            Self::Kustomizations(writer) => write_kustomizations(plan, refusals, writer).await,
        }
    }

    fn locks(&self) -> Option<&Path> {
        match self {
            Self::Plain(writer) => writer.locks,
            Self::Kustomizations(writer) => writer.locks,
        }
    }

    fn overrides(&self) -> Vec<Override> {
        match self {
            Self::Plain(writer) => writer.authorship.overrides.clone(),
            Self::Kustomizations(writer) => writer.overrides.words(),
        }
    }
}

/// How often a plan is made and pushed if others push first: once, and then three times more.
pub const PUSH_TRIES: u32 = 4;

/// A commit, and where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The commit.
    pub commit: Commit,
    /// Where it was pushed; `None`: it is local.
    pub pushed: Option<Pushed>,
}

/// Where a commit was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The branch.
    pub upstream: Upstream,
    /// Where the forge offers to open a request to merge the branch.
    pub request_url: Option<String>,
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
        let checked = match self.checked_files(plan).await {
            Ok(checked) => checked,
            Err(error) => return (nothing_written(plan, &error), Some(Err(error))),
        };
        let mut written = self.files.write(plan, refusals).await;
        if written.rewritten.is_empty() {
            return (written, None);
        }
        let before = self.repository.head().await;
        let commit = match self.commit(plan, &written, &checked, stop).await {
            Ok(commit) => commit,
            Err(error) => {
                let not_restored = self.restore(&written.rewritten);
                fail_all(&mut written, plan, |file| {
                    let outcome = restored(file, &not_restored);
                    format!("not committed: {}; {outcome}", error.first_line())
                });
                return (written, Some(Err(error)));
            }
        };
        let pushed = match self.push(&commit).await {
            Ok(pushed) => pushed,
            Err(cause) => {
                let error = self.take_back(cause, &commit, before).await;
                let outcome = match &error {
                    GitError::NotTakenBack { .. } => "was committed locally",
                    _ => "was restored",
                };
                fail_all(&mut written, plan, |file| {
                    let why = error.first_line();
                    match &error {
                        GitError::NotPushed { commit: None, .. } => format!("not pushed: {why}"),
                        _ => format!("not pushed: {why}; {file} {outcome}"),
                    }
                });
                return (written, Some(Err(error)));
            }
        };
        (written, Some(Ok(Delivery { commit, pushed })))
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

    /// Moves the branch back to where it was before a commit that could not be pushed.
    async fn take_back(
        &self,
        cause: GitError,
        commit: &Commit,
        before: Result<String, GitError>,
    ) -> GitError {
        let moved = match before {
            Ok(before) => self.repository.move_branch(&commit.id, &before).await,
            Err(error) => Err(error),
        };
        let is_temporary = self.push.is_some_and(|target| target.is_temporary);
        let short = commit.short.clone();
        match moved {
            Err(kept) => GitError::NotTakenBack {
                cause: Box::new(cause),
                kept: Box::new(kept),
                commit: short,
            },
            Ok(()) if self.may_retry && matches!(cause, GitError::Overtaken(_)) => cause,
            Ok(()) => GitError::NotPushed {
                cause: Box::new(cause),
                commit: Some(short).filter(|_| !is_temporary),
            },
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
        let message = self.record(plan, written, checked);
        let message = message.message(self.template, self.at);
        self.repository.commit(&paths, &message).await
    }

    /// What was written, for the message.
    fn record(&self, plan: &Plan, written: &WrittenFiles, checked: &CheckedFiles) -> CommitRecord {
        let mut record = CommitRecord::new(&self.files.overrides());
        let rewritten = written.rewritten.iter();
        let lines: Vec<CommittedLine> = rewritten
            .flat_map(|own| CommittedLine::between(path(checked, &own.file), &own.old, &own.new))
            .collect();
        let results = written.applied.iter().zip(&written.edits);
        for (change, (applied, edit)) in plan.changes.iter().zip(results) {
            let Some(source) = &change.source else {
                continue;
            };
            let file = path(checked, &source.file);
            if let Some(edit) = edit {
                record.add_change(change, edit, file);
            } else if change.root.is_some() && matches!(applied.result, Ok(Done::Written)) {
                record.add_built_change(change, file, &lines);
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
            if rewrite_in_turn(Path::new(file), new, old, self.files.locks()).is_err() {
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
