//! The updates that commits record.

use std::collections::{BTreeMap, BTreeSet};

use super::error::GitError;
use super::proof::FileDiff;
use super::repository::Repository;
use crate::image::is_shown_as_url;
use crate::plan::{
    COMMIT_TRAILER, CommitRecord, CommittedImage, HistoryEntry, HistorySource, RecordedChange,
};
use crate::workload::{WorkloadId, WorkloadType};

/// The updates of one workload to look for.
#[derive(Debug, Clone, Copy)]
pub struct HistoryRequest<'a> {
    /// The kind of the workload.
    pub workload_type: &'a WorkloadType,
    /// Its name.
    pub name: &'a str,
    /// Its namespace, which is also that of a manifest that does not name one.
    pub namespace: &'a str,
    /// Only these containers; empty: all.
    pub containers: &'a [String],
    /// The most updates to look for.
    pub limit: usize,
}

impl HistoryRequest<'_> {
    /// Whether a workload of a file is the one.
    fn is_meant(&self, id: &WorkloadId) -> bool {
        id.name == self.name && id.namespace == self.namespace && self.workload_type.includes(id)
    }

    /// Whether an image of a trailer is one of the workload, if the trailer is right.
    fn is_claimed(&self, image: &CommittedImage) -> bool {
        let (kind, name) = image.workload.rsplit_once('/').unwrap_or_default();
        let kind = kind.parse::<WorkloadType>();
        name == self.name
            && kind.is_ok_and(|kind| kind.kind() == self.workload_type.kind())
            && self.wants(&image.change.container)
    }

    /// The change of an image that a kustomization decides, if all its lines are in the files.
    fn built_change(
        &self,
        image: &CommittedImage,
        diffs: &BTreeMap<&str, ChangedText>,
    ) -> Option<RecordedChange> {
        let mut lines = image.lines.iter();
        let is_shown = lines.all(|line| {
            let texts = diffs.get(&*line.file);
            texts.is_some_and(|texts| texts.as_diff(self.namespace).line(line))
                && line.shows(&image.change)
        });
        (is_shown && image.namespace == self.namespace).then(|| image.change.clone())
    }

    fn wants(&self, container: &str) -> bool {
        self.containers.is_empty() || self.containers.iter().any(|wanted| wanted == container)
    }
}

/// What commits record.
#[derive(Debug, Default)]
pub struct CommittedHistory {
    /// The updates, the newest first.
    pub entries: Vec<HistoryEntry>,
    /// The short hashes of the commits that claim an update of the workload which their files do
    /// not show.
    pub not_believed: Vec<String>,
}

/// A commit with a trailer.
#[derive(Debug, PartialEq, Eq)]
struct LoggedCommit {
    id: String,
    short: String,
    /// RFC 3339.
    time: String,
    author: String,
    /// The values of the trailers, one per line.
    trailers: String,
}

impl Repository {
    /// The updates of a workload in the commits before HEAD. Only what the files of a commit show
    /// is believed.
    ///
    /// # Errors
    ///
    /// Git cannot list the commits.
    pub async fn update_history(
        &self,
        request: &HistoryRequest<'_>,
    ) -> Result<CommittedHistory, GitError> {
        let mut history = CommittedHistory::default();
        for commit in self.commits_with_trailers().await? {
            if history.entries.len() >= request.limit {
                break;
            }
            self.add_commit(&commit, request, &mut history).await?;
        }
        history.entries.truncate(request.limit);
        Ok(history)
    }

    async fn commits_with_trailers(&self) -> Result<Vec<LoggedCommit>, GitError> {
        let grep = format!("--grep=^{COMMIT_TRAILER}: ");
        let format = format!(
            "--format=%H%x00%h%x00%aI%x00%an%x00%(trailers:key={COMMIT_TRAILER},valueonly,unfold)"
        );
        let words = [
            "log",
            "-z",
            "--no-show-signature",
            &grep,
            &format,
            "HEAD",
            "--",
        ];
        Ok(logged(&self.git.read(&words).await?))
    }

    async fn add_commit(
        &self,
        commit: &LoggedCommit,
        request: &HistoryRequest<'_>,
        history: &mut CommittedHistory,
    ) -> Result<(), GitError> {
        let records = commit.trailers.lines();
        let records = records.filter_map(|line| CommitRecord::parse(line).ok());
        for record in records {
            let images = record.images.iter();
            let images: Vec<_> = images.filter(|image| request.is_claimed(image)).collect();
            let mut files: BTreeSet<&str> = images.iter().map(|image| &*image.file).collect();
            files.extend(record.markers.iter().map(|value| &*value.file));
            let lines = images.iter().flat_map(|image| &image.lines);
            files.extend(lines.map(|line| &*line.file));
            let diffs = self.diffs(&commit.id, files).await?;
            let is_meant = |id: &WorkloadId| request.is_meant(id);
            let mut shown = Vec::new();
            for image in images {
                let diff = diffs.get(&*image.file);
                let change = if image.lines.is_empty() {
                    diff.and_then(|texts| texts.as_diff(request.namespace).image(image, &is_meant))
                } else {
                    request.built_change(image, &diffs)
                };
                // Of two namespaces, the trailer may mean the other one.
                if change.is_none() && image.namespace == request.namespace {
                    history.not_believed.push(commit.short.clone());
                }
                let compare = image.compare.clone().filter(|url| is_shown_as_url(url));
                shown.extend(change.map(|change| (change, compare)));
            }
            for value in &record.markers {
                let diff = diffs.get(&*value.file);
                let change =
                    diff.and_then(|texts| texts.as_diff(request.namespace).value(value, &is_meant));
                // Two values may be parts of one image.
                let change = change.filter(|change| {
                    request.wants(&change.container)
                        && !shown.iter().any(|(known, _)| known == change)
                });
                shown.extend(change.map(|change| (change, None)));
            }
            let entries = shown.into_iter().map(|(change, compare)| HistoryEntry {
                compare,
                time: commit.time.parse().ok(),
                after: None,
                change,
                by: Some(commit.author.clone()),
                is_rollback: false,
                overrides: record.overrides.clone(),
                sources: vec![HistorySource::Commit(commit.id.clone())],
            });
            history.entries.extend(entries);
        }
        history.not_believed.dedup();
        Ok(())
    }

    /// The texts of files before and after a commit. A file that is not there, or is not text,
    /// is left out.
    async fn diffs<'f>(
        &self,
        commit: &str,
        files: BTreeSet<&'f str>,
    ) -> Result<BTreeMap<&'f str, ChangedText>, GitError> {
        let mut diffs = BTreeMap::new();
        for file in files {
            let before = self.text(&format!("{commit}^:{file}")).await?;
            let after = self.text(&format!("{commit}:{file}")).await?;
            if let (Some(before), Some(after)) = (before, after) {
                diffs.insert(file, ChangedText { before, after });
            }
        }
        Ok(diffs)
    }

    async fn text(&self, object: &str) -> Result<Option<String>, GitError> {
        let output = self.git.run(&["cat-file", "blob", object], "").await?;
        let text = String::from_utf8(output.stdout).ok();
        Ok(text.filter(|_| output.is_success))
    }
}

/// The text of a file before and after a commit.
struct ChangedText {
    before: String,
    after: String,
}

impl ChangedText {
    fn as_diff<'t>(&'t self, default_namespace: &'t str) -> FileDiff<'t> {
        FileDiff {
            before: &self.before,
            after: &self.after,
            default_namespace,
        }
    }
}

/// Reads what git prints: five fields for each commit.
fn logged(printed: &[u8]) -> Vec<LoggedCommit> {
    let fields: Vec<_> = printed
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    let commits = fields.chunks_exact(5).map(|fields| LoggedCommit {
        id: fields[0].trim().to_owned(),
        short: fields[1].to_string(),
        time: fields[2].to_string(),
        author: fields[3].to_string(),
        trailers: fields[4].to_string(),
    });
    commits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_read_with_any_name_and_several_trailers() {
        let commits = logged(b"a1\0a\0t1\0Ada\nL.\0{}\n{}\n\0b1\0b\0t2\0\0\0");
        let commits: Vec<_> = commits
            .iter()
            .map(|c| (&*c.id, &*c.author, c.trailers.lines().count()))
            .collect();
        assert_eq!(commits, [("a1", "Ada\nL.", 2), ("b1", "", 0)]);
    }
}
