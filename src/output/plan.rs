//! The preview of a plan, and the summary of its results.

use std::collections::BTreeMap;

use super::columns::{current, version, version_cell, version_of};
use super::json::WriteResult;
use super::text::elide::wrap;
use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::plural::{count, thousands};
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use crate::plan::{Change, Edit, HeldBack, HoldReason, ImageChange, Plan};
use crate::policy::AnnotationKey;
use crate::workload::Names;

/// The indentation of the lines below a workload's name.
const INDENT: usize = 2;

/// The maximum number of held-back containers to list one by one.
const LISTED: usize = 8;

/// What a plan will write, per workload: the old and the new version of each image, the
/// policy, the annotations, and everything to know before confirming. `edits` are those of
/// the changes, as far as they are known.
#[must_use]
pub fn plan_text(plan: &Plan, edits: &[Option<Edit>], namespaces: bool, style: &Style) -> String {
    let grid = Grid {
        headings: COLUMNS.to_vec(),
        rows: plan.images().map(|(_, image)| cells(image)).collect(),
        show_headings: false,
        steps: steps(),
    };
    let inner = Style {
        width: style.width.map(|width| width.saturating_sub(INDENT).max(1)),
        ..*style
    };
    let rendered = grid.render(&inner);
    let mut lines = rendered.lines();
    let names = plan.names();
    let mut text = String::new();
    for (place, change) in plan.changes.iter().enumerate() {
        let heading = heading(plan, change, &names, namespaces);
        push(
            &mut text,
            Paint::Strong,
            &wrap(&heading, style.width, INDENT),
            style,
        );
        for line in lines.by_ref().take(change.images.len()) {
            text.push_str(&" ".repeat(INDENT));
            text.push_str(line);
            text.push('\n');
        }
        for image in &change.images {
            if image.changes_repository() {
                push_indented(&mut text, Paint::Caution, &repository_change(image), style);
            }
            if let Some(url) = &image.compare {
                push_indented(&mut text, Paint::Plain, &format!("compare: {url}"), style);
            }
            for warning in &image.warnings {
                let container = match change.images.len() {
                    1 => String::new(),
                    _ => format!("{}: ", image.container),
                };
                let warning = format!("{container}{}: {}", warning.code, warning.message);
                push_indented(
                    &mut text,
                    Paint::Caution,
                    &format!("warning: {warning}"),
                    style,
                );
            }
        }
        if let Some(Some(edit)) = edits.get(place)
            && !edit.annotations.is_empty()
        {
            push_indented(&mut text, Paint::Dim, &annotations_line(edit), style);
        }
        for note in &change.notes {
            push_indented(&mut text, Paint::Plain, note, style);
        }
    }
    text
}

/// `annotations: KEY=VALUE, KEY-`: the annotations that are written and removed, as one
/// gives them to `kubectl annotate`. The record of the update is only named: it repeats
/// what the lines above say.
fn annotations_line(edit: &Edit) -> String {
    let words = edit.annotations.iter().map(|(key, value)| match value {
        Some(_) if AnnotationKey::from_spelling(key) == Some(AnnotationKey::LastUpdate) => {
            format!("{key} (the record)")
        }
        Some(value) if value.contains([' ', ',']) => format!("{key}={value:?}"),
        Some(value) => format!("{key}={value}"),
        None => format!("{key}-"),
    });
    format!("annotations: {}", words.collect::<Vec<_>>().join(", "))
}

const CONTAINER: &str = "CONTAINER";
const FROM: &str = "FROM";
const TO: &str = "TO";
const POLICY: &str = "POLICY";

const COLUMNS: [Heading; 4] = [
    Heading::new(CONTAINER, Cut::Middle),
    Heading::new(FROM, Cut::Middle),
    Heading::new(TO, Cut::Middle),
    Heading::new(POLICY, Cut::End),
];

/// How the table is narrowed. The new version is cut last.
fn steps() -> Vec<FitStep> {
    vec![
        FitStep::Narrow(vec![(POLICY, 8)]),
        FitStep::Shorten(FROM),
        FitStep::Shorten(TO),
        FitStep::Narrow(vec![(CONTAINER, 9), (FROM, 9)]),
        FitStep::Drop(POLICY),
        FitStep::Narrow(vec![(CONTAINER, 5), (FROM, 5), (TO, 9)]),
    ]
}

/// The old and the new version of an image: their tags and digests, or the whole images
/// if the repository changes.
#[must_use]
pub fn versions(image: &ImageChange) -> (String, String) {
    let ImageChange { from, to, .. } = image;
    let to = to.to_string();
    if image.changes_repository() {
        (from.clone(), to)
    } else {
        (version_of(from), version_of(&to))
    }
}

/// The same for a container that is held back. The second is `None` if no new image is
/// known.
#[must_use]
pub fn held_versions(held: &HeldBack) -> (Option<String>, Option<String>) {
    if held.changes_repository() {
        let to = held.to.as_ref().map(ToString::to_string);
        (held.from.clone(), to)
    } else {
        let from = held.from.as_deref().and_then(current);
        (from, held.to.as_ref().and_then(version))
    }
}

/// A sentence that says that the repository changes, with both images in full.
#[must_use]
pub fn repository_change(image: &ImageChange) -> String {
    let ImageChange {
        container,
        from,
        to,
        ..
    } = image;
    format!("the repository changes: {container} moves from {from} to {to}")
}

fn cells(image: &ImageChange) -> Vec<Cell> {
    let (from, to) = if image.changes_repository() {
        (Some(image.from.clone()), image.to.to_string())
    } else {
        let to = version(&image.to).unwrap_or_default();
        (current(&image.from), to)
    };
    vec![
        Cell::new(&image.container),
        version_cell(from).painted(Paint::Dim),
        version_cell(Some(format!("→ {to}"))).painted(Paint::Good),
        Cell::blank(image.policy.as_deref().unwrap_or_default()),
    ]
}

fn heading(plan: &Plan, change: &Change, names: &Names<'_>, namespaces: bool) -> String {
    let mut heading = names.name(&change.workload);
    if namespaces {
        heading = format!("{}/{heading}", change.workload.namespace);
    }
    // The same workload may be built by several kustomizations.
    let mut others = plan
        .changes
        .iter()
        .filter(|other| other.workload == change.workload);
    if let Some(root) = change.root.as_ref().filter(|_| others.nth(1).is_some()) {
        heading.push_str(&format!(" of {root}"));
    }
    if let Some(source) = &change.source {
        heading.push_str(&format!(" in {}:{}", source.file, source.line));
    }
    sanitize(&heading).into_owned()
}

/// Adds an indented line below a workload's name, wrapped if it is too wide.
fn push_indented(text: &mut String, paint: Paint, line: &str, style: &Style) {
    let room = style.width.map(|width| width.saturating_sub(INDENT).max(1));
    let line = sanitize(line);
    for line in wrap(&line, room, INDENT).lines() {
        text.push_str(&" ".repeat(INDENT));
        push(text, paint, line, style);
    }
}

fn push(text: &mut String, paint: Paint, line: &str, style: &Style) {
    text.push_str(&style.paint(paint, line));
    text.push('\n');
}

/// Every update that is held back, one line each, with the reason and the flag that
/// overrides it. If there are many, the remaining ones are only counted.
#[must_use]
pub fn held_back_lines(held_back: &[HeldBack], namespaces: bool) -> Vec<String> {
    let listed = match held_back.len() {
        // A single remaining one is listed instead of counted.
        all if all <= LISTED + 1 => all,
        _ => LISTED,
    };
    let (each, rest) = held_back.split_at(listed);
    let names = Names::among(held_back.iter().map(|held| &held.workload));
    let mut lines: Vec<String> = each
        .iter()
        .map(|held| held_back_line(held, &names, namespaces))
        .collect();
    if !rest.is_empty() {
        let mut holds: BTreeMap<HoldReason, usize> = BTreeMap::new();
        for held in rest {
            *holds.entry(held.hold).or_default() += 1;
        }
        let counted = holds
            .iter()
            .map(|(&hold, &number)| format!("{} {hold}{}", thousands(number), flag(hold)));
        lines.push(format!(
            "held back: {} more: {}",
            thousands(rest.len()),
            counted.collect::<Vec<_>>().join(", ")
        ));
    }
    lines
}

fn held_back_line(held: &HeldBack, names: &Names<'_>, namespaces: bool) -> String {
    let mut line = String::from("held back: ");
    // Otherwise the message itself names the workload.
    if !held.message.starts_with(&held.workload.to_string()) {
        if namespaces {
            line.push_str(&format!("{}/", held.workload.namespace));
        }
        line.push_str(&names.name(&held.workload));
        if let Some(container) = &held.container {
            line.push_str(&format!(" {container}"));
        }
        match held_versions(held) {
            (Some(from), Some(to)) => line.push_str(&format!(" {from} → {to}")),
            (Some(from), None) => line.push_str(&format!(" {from}")),
            _ => {}
        }
        line.push_str(": ");
    }
    line.push_str(&held.message);
    line.push_str(&flag(held.hold));
    sanitize(&line).into_owned()
}

/// The flag that overrides a hold, in brackets.
fn flag(hold: HoldReason) -> String {
    hold.lifted_by()
        .map_or_else(String::new, |flag| format!(" ({flag})"))
}

/// `2 updated, 1 failed`: the number of workloads per result. `done` is the word for
/// success.
#[must_use]
pub fn results_line(results: &[WriteResult], done: &str) -> String {
    let mut parts = Vec::new();
    for word in WriteResult::ALL {
        let number = results.iter().filter(|result| *result == word).count();
        let phrase = match word {
            WriteResult::Planned => format!("would be {done}"),
            WriteResult::Updated => done.to_owned(),
            WriteResult::Unchanged => "unchanged".to_owned(),
            WriteResult::Failed => "failed".to_owned(),
            WriteResult::NotStarted => "not started".to_owned(),
            WriteResult::Unknown => "unknown".to_owned(),
        };
        if number > 0 {
            parts.push(format!("{} {phrase}", thousands(number)));
        }
    }
    if parts.is_empty() {
        count(0, "workload")
    } else {
        parts.join(", ")
    }
}
