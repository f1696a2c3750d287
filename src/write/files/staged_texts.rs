//! The texts of files between several commits of one run.
//!
//! All texts follow from the same plan: the text of a file after some of the commits is the old
//! text with the edits of these commits, and after the last one it is the text that the whole
//! plan gives.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::file_writer::{FileWriter, RewrittenFile, WrittenFiles};
use crate::manifest::marked_values;
use crate::plan::{Change, CommitPart, CommitPer, MarkerDecision, Plan, PlannedItem};
use crate::write::applied::Done;

/// What each commit of a run contains.
pub(crate) struct StagedTexts<'a> {
    plan: &'a Plan,
    rewritten: &'a [RewrittenFile],
    /// How documents are edited; `None`: only kustomizations are.
    writer: Option<&'a FileWriter<'a>>,
    /// The commits.
    pub(crate) parts: Vec<CommitPart>,
}

impl<'a> StagedTexts<'a> {
    /// Divides what was written into commits. `name` gives the same name to different links to a
    /// file.
    pub(crate) fn new(
        plan: &'a Plan,
        written: &'a WrittenFiles,
        writer: Option<&'a FileWriter<'a>>,
        per: CommitPer,
        name: impl Fn(&'a str) -> &'a str,
    ) -> Self {
        let rewritten = &written.rewritten;
        let lines = lines_of_images(plan);
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for own in rewritten {
            *times.entry(name(&own.file)).or_default() += 1;
        }
        let whole = rewritten
            .iter()
            .filter(|own| times.get(name(&own.file)) != Some(&1) || !is_divisible(own, &lines));
        let whole = whole
            .map(|own| (own.file.as_str(), name(&own.file)))
            .collect();
        let is_written = |item| is_written(written, item);
        Self {
            plan,
            rewritten,
            writer,
            parts: plan.commit_parts(per, &whole, is_written),
        }
    }

    /// The files that a commit changes, by their positions, with their texts after it.
    pub(crate) fn texts(&self, commit: usize) -> Vec<(usize, Cow<'a, str>)> {
        let own: BTreeSet<&str> = self.parts[commit]
            .iter()
            .flat_map(|item| self.plan.files_of(*item))
            .collect();
        let rewritten = self.rewritten.iter().enumerate();
        rewritten
            .filter(|(_, file)| own.contains(file.file.as_str()))
            .map(|(position, file)| (position, self.text(file, commit)))
            .collect()
    }

    /// The text of a file after a commit.
    fn text(&self, file: &'a RewrittenFile, commit: usize) -> Cow<'a, str> {
        let is_in_file =
            |item: &PlannedItem| self.plan.files_of(*item).contains(file.file.as_str());
        let (made, later) = self.parts.split_at(commit + 1);
        if !later.iter().flatten().any(is_in_file) {
            return Cow::Borrowed(&file.new);
        }
        let made: CommitPart = made.iter().flatten().copied().filter(is_in_file).collect();
        let changes: Vec<Change> = (0..self.plan.changes.len())
            .filter_map(|position| self.plan.change_in(position, &made))
            .collect();
        let markers: Vec<&MarkerDecision> = made
            .iter()
            .filter_map(|item| match item {
                PlannedItem::Marker(position) => Some(&self.plan.markers[*position]),
                _ => None,
            })
            .collect();
        if changes.iter().any(|change| change.root.is_some()) {
            return Cow::Owned(with_lines(file, &changes));
        }
        match self.writer {
            Some(writer) => Cow::Owned(writer.edited(&file.file, &file.old, &changes, markers)),
            None => Cow::Borrowed(&file.old),
        }
    }
}

/// The line of a marked value in a text with other edits. They neither add nor remove markers.
pub(crate) fn line_between(
    marker: &MarkerDecision,
    old: &str,
    text: &str,
    default_namespace: &str,
) -> usize {
    let source = &marker.value.source;
    let lines = [old, text].map(|text| {
        let values = marked_values(&source.file, text, default_namespace).into_iter();
        let same = values.filter(|value| value.marker == marker.value.marker);
        same.map(|value| value.source.line).collect::<Vec<_>>()
    });
    let position = lines[0].iter().position(|line| *line == source.line);
    let line = position.and_then(|position| lines[1].get(position));
    line.copied().unwrap_or(source.line)
}

/// Whether an item was written.
fn is_written(written: &WrittenFiles, item: PlannedItem) -> bool {
    match item {
        PlannedItem::Image { change, .. } | PlannedItem::Annotations { change } => {
            matches!(written.applied[change].result, Ok(Done::Written))
        }
        PlannedItem::Marker(position) => {
            let mut markers = written.markers.iter();
            markers.any(|own| own.index == position && matches!(own.result, Ok(Done::Written)))
        }
    }
}

/// The lines that kustomizations decide images with.
fn lines_of_images(plan: &Plan) -> BTreeSet<(&str, usize)> {
    let images = plan.changes.iter().flat_map(|change| &change.images);
    let lines = images.flat_map(|image| &image.lines);
    lines.map(|line| (line.file.as_str(), line.line)).collect()
}

/// Whether it is known which image each line of a file belongs to, if kustomizations decide
/// images there.
fn is_divisible(file: &RewrittenFile, lines: &BTreeSet<(&str, usize)>) -> bool {
    let name = file.file.as_str();
    if !lines.iter().any(|(file, _)| *file == name) {
        return true;
    }
    let [old, new] = [&file.old, &file.new].map(|text| text.split_inclusive('\n'));
    let mut pairs = old.clone().zip(new.clone()).enumerate();
    old.count() == new.count()
        && pairs.all(|(at, (old, new))| old == new || lines.contains(&(name, at + 1)))
}

/// The old text of a file with the new lines of some changes.
fn with_lines(file: &RewrittenFile, changes: &[Change]) -> String {
    let images = changes.iter().flat_map(|change| &change.images);
    let lines = images.flat_map(|image| &image.lines);
    let lines: BTreeSet<usize> = lines
        .filter(|line| line.file == file.file)
        .map(|line| line.line)
        .collect();
    let [old, new] = [&file.old, &file.new].map(|text| text.split_inclusive('\n'));
    let pairs = old.zip(new).enumerate();
    let chosen = pairs.map(
        |(at, (old, new))| {
            if lines.contains(&(at + 1)) { new } else { old }
        },
    );
    chosen.collect()
}
