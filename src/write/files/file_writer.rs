//! Writes a plan into the files that define its workloads.
//!
//! A file is read when its turn comes, not when the plan is made. Each change is computed
//! against the current text, and is refused if that no longer fits the plan. All changes of
//! a file are made in one text, which replaces the old one at once. A change that fails
//! does not affect other changes, and a file that cannot be written does not affect other
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::marker_writes::{MarkerApplied, MarkerWriter};
use crate::files::{RewriteError, RewriteTurn, read_text, rewrite_in_turn};
use crate::manifest::{self, EditError, Object, ObjectEdit};
use crate::plan::{
    Authorship, Change, Edit, FieldEdit, MarkerDecision, Override, Overrides, Plan, Refusal,
};
use crate::policy::PolicySources;
use crate::workload::Observed;
use crate::write::applied::{Applied, Done, DryRun, WriteError};

/// The file name that means standard input.
const STDIN: &str = "-";

/// How often a file is written if others change it at the same moment: once, and then three
/// times more.
pub(crate) const TRIES: u32 = 4;

/// How files are written.
#[derive(Debug, Clone)]
pub struct FileWriter<'a> {
    /// Whether this is a dry run, and of which kind.
    pub dry_run: DryRun,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
    /// The namespace of an object that does not name one.
    pub default_namespace: &'a str,
    /// The text that was read from standard input, for workloads from `-`.
    pub stdin: Option<&'a str>,
    /// The files with objects that define policies, which are read again before the write.
    pub policy_files: &'a [String],
    /// The folder of the locks on files; `None`: there are none.
    pub locks: Option<&'a Path>,
    /// The journal of a run that commits.
    pub journal: Option<&'a Path>,
}

/// What a write into files did.
#[derive(Debug, Default)]
pub struct WrittenFiles {
    /// The result of each change, in the plan's order.
    pub applied: Vec<Applied>,
    /// The result of each marked value that was to be written, in the plan's order.
    pub markers: Vec<MarkerApplied>,
    /// The edited text of standard input, if something in it was to be written. What failed
    /// is unchanged in it.
    pub stdin: Option<String>,
    /// The edit of each change that was written, in the plan's order.
    pub edits: Vec<Option<Edit>>,
    /// The files that were replaced, each once.
    pub rewritten: Vec<RewrittenFile>,
}

/// A file that was replaced.
#[derive(Debug)]
pub struct RewrittenFile {
    /// As the plan names it.
    pub file: String,
    /// The whole text before.
    pub old: String,
    /// The whole text that was written.
    pub new: String,
}

/// Writes every change and every marked value of the plan, and each file once. `refusals`
/// has one entry per change: why it may not be written.
#[must_use]
pub fn write_files(
    plan: &Plan,
    refusals: Vec<Option<Refusal>>,
    writer: &FileWriter<'_>,
) -> WrittenFiles {
    let mut results: Vec<Option<Result<Done, WriteError>>> = refusals
        .into_iter()
        .map(|refusal| refusal.map(|refusal| Err(WriteError::from(refusal))))
        .collect();
    results.resize_with(plan.changes.len(), || None);
    let sources = writer.policy_sources();
    let mut stream = None;
    let mut markers = Vec::new();
    let mut written: Vec<Option<Edit>> = plan.changes.iter().map(|_| None).collect();
    let mut rewritten = Vec::new();
    for mut work in by_file(plan) {
        work.changes.retain(|at| results[*at].is_none());
        let edits = FileEdits {
            file: work.file,
            changes: work.changes.iter().map(|at| &plan.changes[*at]).collect(),
            markers: work.markers.iter().map(|at| &plan.markers[*at]).collect(),
            sources: &sources,
        };
        let done = if work.file == STDIN {
            let (done, edited) = writer.edit_stdin(&edits);
            stream = edited;
            done
        } else {
            writer.write_file(&edits)
        };
        rewritten.extend(done.rewritten);
        let changes = work.changes.into_iter().zip(done.changes);
        for ((position, result), edit) in changes.zip(done.edits) {
            written[position] = edit.filter(|_| matches!(result, Ok(Done::Written)));
            results[position] = Some(result);
        }
        let done = work.markers.into_iter().zip(done.markers);
        markers.extend(done.map(|(index, result)| MarkerApplied { index, result }));
    }
    markers.sort_by_key(|marker| marker.index);
    let applied = plan
        .changes
        .iter()
        .zip(results)
        .map(|(change, result)| Applied {
            workload: change.workload.clone(),
            source: change.source.clone(),
            result: result
                .unwrap_or_else(|| Err(WriteError::File("it has_value in no file".to_owned()))),
            notes: Vec::new(),
            stuck: Vec::new(),
        });
    WrittenFiles {
        applied: applied.collect(),
        markers,
        stdin: stream,
        edits: written,
        rewritten,
    }
}

/// What is written to one file: the positions in the plan.
struct FileWork<'p> {
    file: &'p str,
    changes: Vec<usize>,
    markers: Vec<usize>,
}

/// The files of a plan, each with what is written to it.
fn by_file(plan: &Plan) -> Vec<FileWork<'_>> {
    let mut files: Vec<FileWork<'_>> = Vec::new();
    let mut numbers = BTreeMap::new();
    let changes = plan.changes.iter().enumerate();
    let changes = changes.filter_map(|(at, change)| Some((at, change.source.as_ref()?, false)));
    let markers = plan.markers.iter().enumerate();
    let markers = markers.filter(|(_, marker)| marker.is_update());
    let markers = markers.map(|(at, marker)| (at, &marker.value.source, true));
    for (position, source, is_marker) in changes.chain(markers) {
        let file = source.file.as_str();
        let number = *numbers.entry(file).or_insert(files.len());
        if number == files.len() {
            files.push(FileWork {
                file,
                changes: Vec::new(),
                markers: Vec::new(),
            });
        }
        let work = &mut files[number];
        if is_marker {
            work.markers.push(position);
        } else {
            work.changes.push(position);
        }
    }
    files
}

type Results = Vec<Result<Done, WriteError>>;

/// What is written to one file, and the policies outside its workloads.
struct FileEdits<'a> {
    file: &'a str,
    changes: Vec<&'a Change>,
    markers: Vec<&'a MarkerDecision>,
    sources: &'a PolicySources,
}

impl FileEdits<'_> {
    fn all(&self, message: &str) -> FileResults {
        FileResults {
            changes: all(&self.changes, message),
            markers: self
                .markers
                .iter()
                .map(|_| Err(WriteError::File(message.to_owned())))
                .collect(),
            edits: self.changes.iter().map(|_| None).collect(),
            rewritten: None,
        }
    }
}

/// The results of what is written to one file.
struct FileResults {
    changes: Results,
    markers: Results,
    /// The edit of each change, if it could be computed.
    edits: Vec<Option<Edit>>,
    rewritten: Option<RewrittenFile>,
}

/// What the changes of one file make of its text.
struct EditedText {
    results: Results,
    edits: Vec<Option<Edit>>,
    text: String,
}

impl FileWriter<'_> {
    /// The policies outside the workloads, as the files have them now.
    pub(crate) fn policy_sources(&self) -> PolicySources {
        let mut sources = PolicySources::default();
        for file in self.policy_files {
            let text = match (file.as_str(), self.stdin) {
                (STDIN, stdin) => stdin.map(str::to_owned),
                (file, _) => read_text(Path::new(file)).ok(),
            };
            // Policies that can no longer be read no longer apply.
            let objects = manifest::objects(text.as_deref().unwrap_or_default());
            for object in objects.into_iter().flatten() {
                sources.add(&object.value);
            }
        }
        sources
    }

    /// What would be written for each change; `None` if it cannot be.
    pub(crate) fn edits(&self, plan: &Plan) -> Vec<Option<Edit>> {
        let mut edits: Vec<Option<Edit>> = plan.changes.iter().map(|_| None).collect();
        for work in by_file(plan) {
            let file = work.file;
            let text = match (file, self.stdin) {
                (STDIN, stdin) => stdin.map(str::to_owned),
                (file, _) => read_text(Path::new(file)).ok(),
            };
            let objects: Vec<Option<Object>> = manifest::objects(&text.unwrap_or_default())
                .into_iter()
                .map(Result::ok)
                .collect();
            let mut taken = BTreeSet::new();
            for position in work.changes {
                let change = &plan.changes[position];
                if let Ok((index, _, observed)) = self.find(file, change, &objects, &taken) {
                    taken.insert(index);
                    edits[position] = change.edit(&observed, self.authorship).ok();
                }
            }
        }
        edits
    }

    /// The text of a file with these changes and marked values, as far as they are possible.
    pub(crate) fn edited(
        &self,
        file: &str,
        text: &str,
        changes: &[Change],
        markers: Vec<&MarkerDecision>,
    ) -> String {
        let edits = FileEdits {
            file,
            changes: changes.iter().collect(),
            markers,
            sources: &self.policy_sources(),
        };
        self.edit_all(text, &edits).1
    }

    pub(crate) fn turn(&self) -> RewriteTurn<'_> {
        RewriteTurn {
            locks: self.locks,
            journal: self.journal,
        }
    }

    /// Writes one file. If somebody else changes it at the same moment, the edits are
    /// computed again.
    fn write_file(&self, edits: &FileEdits<'_>) -> FileResults {
        let path = Path::new(edits.file);
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let text = match read_text(path) {
                Ok(text) => text,
                Err(error) => return edits.all(&error.to_string()),
            };
            let (mut results, edited) = self.edit_all(&text, edits);
            if self.dry_run != DryRun::None || edited == text {
                return results;
            }
            match rewrite_in_turn(path, &text, &edited, self.turn()) {
                Ok(()) => {
                    results.rewritten = Some(RewrittenFile {
                        file: edits.file.to_owned(),
                        old: text,
                        new: edited,
                    });
                    return results;
                }
                Err(RewriteError::Changed { .. }) if tries > 0 => {}
                Err(error) => {
                    let message = error.to_string();
                    for result in results.changes.iter_mut().chain(&mut results.markers) {
                        if matches!(result, Ok(Done::Written)) {
                            *result = Err(WriteError::File(message.clone()));
                        }
                    }
                    return results;
                }
            }
        }
    }

    fn edit_stdin(&self, edits: &FileEdits<'_>) -> (FileResults, Option<String>) {
        let Some(text) = self.stdin else {
            let message = "standard input was not kept, so it cannot be edited";
            return (edits.all(message), None);
        };
        let (results, edited) = self.edit_all(text, edits);
        (results, Some(edited))
    }

    /// The text with everything that is possible. The marked values come first: they hardly
    /// move a line.
    fn edit_all(&self, text: &str, edits: &FileEdits<'_>) -> (FileResults, String) {
        let writer = MarkerWriter {
            file: edits.file,
            default_namespace: self.default_namespace,
            sources: edits.sources,
            overrides: Overrides {
                lock: self.authorship.overrides.contains(&Override::Lock),
                window: self.authorship.overrides.contains(&Override::Window),
                ..Overrides::default()
            },
            at: self.authorship.at,
        };
        let (markers, text) = writer.edit(text, &edits.markers);
        let edited = self.edit(edits.file, &text, &edits.changes, edits.sources);
        let results = FileResults {
            changes: edited.results,
            markers,
            edits: edited.edits,
            rewritten: None,
        };
        (results, edited.text)
    }

    /// The text with the changes that are possible, and the result of each change.
    fn edit(
        &self,
        file: &str,
        text: &str,
        changes: &[&Change],
        sources: &PolicySources,
    ) -> EditedText {
        let objects: Vec<Option<Object>> = manifest::objects(text)
            .into_iter()
            .map(Result::ok)
            .collect();
        let mut results = Results::new();
        let mut made = Vec::new();
        let mut edits: Vec<ObjectEdit> = Vec::new();
        // The index of the change of each edit.
        let mut edited_by = Vec::new();
        let mut taken = BTreeSet::new();
        for (number, change) in changes.iter().enumerate() {
            let found = self.find(file, change, &objects, &taken);
            let edit = found.and_then(|(index, object, observed)| {
                taken.insert(index);
                let edit = change.edit(&observed, self.authorship)?;
                if edit.writes_images() {
                    change.check_policies(&observed.workload, sources, self.authorship.at)?;
                }
                Ok((index, edit, &object.value))
            });
            let edit = edit.map(|(index, edit, object)| {
                let places = edit.field_edits(object);
                let is_done = places.iter().all(|place| has_value(object, place));
                made.push(Some(edit));
                if is_done {
                    return Done::Unchanged;
                }
                edits.push(ObjectEdit { index, places });
                edited_by.push(number);
                Done::Written
            });
            made.resize_with(number + 1, || None);
            results.push(edit);
        }
        loop {
            let error = match manifest::edit(text, &edits) {
                Ok(text) => {
                    return EditedText {
                        results,
                        edits: made,
                        text,
                    };
                }
                Err(error) => error,
            };
            // Each iteration removes one edit, so the loop ends.
            let Some(at) = edits.iter().position(|edit| edit.index == error.index) else {
                return EditedText {
                    results: all(changes, &describe_error(file, &error)),
                    edits: made,
                    text: text.to_owned(),
                };
            };
            edits.remove(at);
            results[edited_by.remove(at)] = Err(WriteError::File(describe_error(file, &error)));
        }
    }

    /// Finds the object of a change, among those that no other change has taken: at its
    /// original line, otherwise the only one with its name.
    fn find<'o>(
        &self,
        file: &str,
        change: &Change,
        objects: &'o [Option<Object>],
        taken: &BTreeSet<usize>,
    ) -> Result<(usize, &'o Object, Observed), WriteError> {
        let mut same_name = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let Some(object) = object.as_ref().filter(|_| !taken.contains(&index)) else {
                continue;
            };
            // Compare the name first, to avoid decoding every object.
            let name = object
                .value
                .pointer("/metadata/name")
                .and_then(Value::as_str);
            if name != Some(change.workload.name.as_str()) {
                continue;
            }
            let read = object.observed(self.default_namespace);
            if let Ok(Some(mut observed)) = read
                && observed.workload.id == change.workload
            {
                observed.workload.source.clone_from(&change.source);
                same_name.push((index, object, observed));
            }
        }
        let line = change.source.as_ref().map(|source| source.line);
        let at_line = same_name
            .iter()
            .position(|(_, object, _)| Some(object.line) == line);
        match (at_line, same_name.len()) {
            (Some(at), _) => Ok(same_name.swap_remove(at)),
            (None, 1) => Ok(same_name.remove(0)),
            _ => Err(WriteError::File(format!(
                "{file} was changed by somebody else in the meantime: \
                 the object is not where it was; run it again"
            ))),
        }
    }
}

fn all(changes: &[&Change], message: &str) -> Results {
    changes
        .iter()
        .map(|_| Err(WriteError::File(message.to_owned())))
        .collect()
}

fn describe_error(file: &str, error: &EditError) -> String {
    format!("{file}:{}: {error}", error.line)
}

/// Whether a field already has the planned value.
fn has_value(object: &Value, place: &FieldEdit) -> bool {
    let found = place.path.iter().try_fold(object, |at, key| match at {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        at => at.get(key),
    });
    match found {
        Some(found) => place.text.is_some() && *found == place.value(),
        None => place.text.is_none(),
    }
}
