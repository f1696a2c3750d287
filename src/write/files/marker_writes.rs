//! Edits the marked values of one text.

use jiff::Timestamp;

use crate::manifest::{self, MarkerEdit};
use crate::plan::{MarkerDecision, Overrides, hold_of_value};
use crate::policy::PolicySources;
use crate::workload::{ManifestSource, MarkedValue, MarkerTarget};
use crate::write::applied::{Done, WriteError};

/// The result for one marked value.
#[derive(Debug)]
pub struct MarkerApplied {
    /// Its position among the plan's markers.
    pub index: usize,
    /// What was done, or why not.
    pub result: Result<Done, WriteError>,
}

/// What is known when marked values are written.
pub(crate) struct MarkerWriter<'a> {
    /// The file, as it is shown.
    pub(crate) file: &'a str,
    /// The namespace of an object that does not name one.
    pub(crate) default_namespace: &'a str,
    /// The policies outside the workloads.
    pub(crate) sources: &'a PolicySources,
    /// The safeguards that are overridden.
    pub(crate) overrides: Overrides,
    /// The time of the write.
    pub(crate) at: Timestamp,
}

impl MarkerWriter<'_> {
    /// The text with the values that can be written, and the result of each.
    pub(crate) fn edit(
        &self,
        text: &str,
        decisions: &[&MarkerDecision],
    ) -> (Vec<Result<Done, WriteError>>, String) {
        if decisions.is_empty() {
            return (Vec::new(), text.to_owned());
        }
        let values = manifest::marked_values(self.file, text, self.default_namespace);
        let mut results: Vec<Result<Done, WriteError>> = Vec::new();
        let mut edits: Vec<(usize, MarkerEdit)> = Vec::new();
        for (position, decision) in decisions.iter().enumerate() {
            results.push(match self.check(&values, decision) {
                Ok((edit, true)) => {
                    edits.push((position, edit));
                    Ok(Done::Written)
                }
                Ok((_, false)) => Ok(Done::Unchanged),
                Err(message) => Err(self.error(decision, &message)),
            });
        }
        loop {
            // Each iteration removes an edit, so the loop ends.
            edits.retain(|(position, _)| {
                let failed = part_of_failed(decisions, &results, *position);
                if let Some(failed) = failed {
                    let message = format!("it belongs to {failed}, which was not written");
                    results[*position] = Err(self.error(decisions[*position], &message));
                }
                results[*position].is_ok()
            });
            let made: Vec<MarkerEdit> = edits.iter().map(|(_, edit)| edit.clone()).collect();
            let (edited, errors) = manifest::edit_markers(text, &made);
            if errors.iter().all(Option::is_none) {
                return (results, edited);
            }
            for ((position, _), error) in edits.iter().zip(errors) {
                if let Some(error) = error {
                    results[*position] = Err(self.error(decisions[*position], &error));
                }
            }
        }
    }

    /// Compares a value with the plan.
    fn check(
        &self,
        values: &[MarkedValue],
        decision: &MarkerDecision,
    ) -> Result<(MarkerEdit, bool), String> {
        let (Some(target), Some(new)) = (decision.target(), &decision.to) else {
            return Err(decision.message.clone());
        };
        let line = decision.value.source.line;
        let own: Vec<&MarkedValue> = values
            .iter()
            .filter(|value| value.marker.as_ref() == Ok(target))
            .collect();
        let at_line = own.iter().find(|value| value.source.line == line);
        let value = at_line
            .or(own.first().filter(|_| own.len() == 1))
            .ok_or_else(|| moved(target))?;
        let is_changed = value.value != *new;
        if is_changed && value.value != decision.value.value {
            return Err(
                "the value was changed by somebody else in the meantime; run the command again"
                    .to_owned(),
            );
        }
        if let Some((_, message)) = hold_of_value(value, self.sources, self.overrides, self.at) {
            return Err(message);
        }
        let edit = MarkerEdit {
            line: value.source.line,
            target: target.clone(),
            old: value.value.clone(),
            new: new.clone(),
        };
        Ok((edit, is_changed))
    }

    fn error(&self, decision: &MarkerDecision, message: &str) -> WriteError {
        WriteError::File(format!("{}: {message}", decision.value.source))
    }
}

/// Where another part of the same image is that was not written.
fn part_of_failed(
    decisions: &[&MarkerDecision],
    results: &[Result<Done, WriteError>],
    position: usize,
) -> Option<ManifestSource> {
    let image = decisions[position].image_of_part()?;
    let mut others = decisions.iter().zip(results);
    let failed =
        others.find(|(other, result)| result.is_err() && other.image_of_part() == Some(image))?;
    Some(failed.0.value.source.clone())
}

fn moved(target: &MarkerTarget) -> String {
    format!("the marker {target} was moved by somebody else in the meantime; run the command again")
}
