//! What is going to be written, and what became of it.

use std::collections::BTreeMap;

use super::columns::{current, version, version_cell, version_of};
use super::json::WriteResult;
use super::text::elide::wrap;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::layout::Step;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::{count, thousands};
use crate::plan::{Change, HeldBack, Hold, ImageChange, Plan};
use crate::workload::Names;

/// How far the lines below a workload's name are moved in.
const INDENT: usize = 2;

/// So many held-back containers are told each by itself.
const TOLD: usize = 8;

/// The images that a plan writes, a workload after the other: what replaces what
/// by which policy, what to know before saying yes.
#[must_use]
pub fn plan_text(plan: &Plan, namespaces: bool, style: &Style) -> String {
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
    for change in &plan.changes {
        let heading = heading(change, &names, namespaces);
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
                below(&mut text, Paint::Caution, &other_repository(image), style);
            }
            for warning in &image.warnings {
                let container = match change.images.len() {
                    1 => String::new(),
                    _ => format!("{}: ", image.container),
                };
                let warning = format!("{container}{}: {}", warning.code, warning.message);
                below(
                    &mut text,
                    Paint::Caution,
                    &format!("warning: {warning}"),
                    style,
                );
            }
        }
        for note in &change.notes {
            below(&mut text, Paint::Plain, note, style);
        }
    }
    text
}

const CONTAINER: &str = "CONTAINER";
const FROM: &str = "FROM";
const TO: &str = "TO";
const POLICY: &str = "POLICY";

const COLUMNS: [Heading; 4] = [
    Heading {
        text: CONTAINER,
        cut: Cut::Middle,
    },
    Heading {
        text: FROM,
        cut: Cut::Middle,
    },
    Heading {
        text: TO,
        cut: Cut::Middle,
    },
    Heading {
        text: POLICY,
        cut: Cut::End,
    },
];

/// What gives way where there is too little room. What is written comes last.
fn steps() -> Vec<Step> {
    vec![
        Step::Narrow(vec![(POLICY, 8)]),
        Step::Shorten(FROM),
        Step::Shorten(TO),
        Step::Narrow(vec![(CONTAINER, 9), (FROM, 9)]),
        Step::Drop(POLICY),
        Step::Narrow(vec![(CONTAINER, 5), (FROM, 5), (TO, 9)]),
    ]
}

/// What an image is and what it becomes: their tags and digests, and the whole
/// images where the repository changes.
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

/// The same of a container that stays; the second is missing where no image is
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

/// That a container gets the image of another repository, with both names whole.
#[must_use]
pub fn other_repository(image: &ImageChange) -> String {
    let ImageChange {
        container,
        from,
        to,
        ..
    } = image;
    format!("the repository changes: {container} runs {from} and gets {to}")
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

fn heading(change: &Change, names: &Names<'_>, namespaces: bool) -> String {
    let mut heading = names.name(&change.workload);
    if namespaces {
        heading = format!("{}/{heading}", change.workload.namespace);
    }
    if let Some(source) = &change.source {
        heading.push_str(&format!(" in {}:{}", source.file, source.line));
    }
    sanitize(&heading).into_owned()
}

/// A line below a workload's name, wrapped where it is too wide.
fn below(text: &mut String, paint: Paint, line: &str, style: &Style) {
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

/// What stays although somebody might expect otherwise, a line each with the
/// reason and the flag that lifts it; where there is much of it, the rest is
/// counted.
#[must_use]
pub fn held_back_lines(held_back: &[HeldBack], namespaces: bool) -> Vec<String> {
    let told = match held_back.len() {
        // A single one is not worth counting.
        all if all <= TOLD + 1 => all,
        _ => TOLD,
    };
    let (each, rest) = held_back.split_at(told);
    let names = Names::among(held_back.iter().map(|held| &held.workload));
    let line = |held: &HeldBack| {
        let namespace = match namespaces {
            true => format!("{}/", held.workload.namespace),
            false => String::new(),
        };
        let container = held.container.as_ref();
        let container = container.map_or_else(String::new, |name| format!(" {name}"));
        let images = match held_versions(held) {
            (Some(from), Some(to)) => format!(" {from} → {to}"),
            (Some(from), None) => format!(" {from}"),
            _ => String::new(),
        };
        let workload = held.workload.to_string();
        let subject = match held.message.starts_with(&workload) {
            // The sentence names it.
            true => String::new(),
            false => {
                let workload = names.name(&held.workload);
                format!("{namespace}{workload}{container}{images}: ")
            }
        };
        let line = format!("held back: {subject}{}{}", held.message, flag(held.hold));
        sanitize(&line).into_owned()
    };
    let mut lines: Vec<String> = each.iter().map(line).collect();
    if !rest.is_empty() {
        let mut holds: BTreeMap<Hold, usize> = BTreeMap::new();
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

fn flag(hold: Hold) -> String {
    hold.lifted_by()
        .map_or_else(String::new, |flag| format!(" ({flag})"))
}

/// `2 updated, 1 failed`: how many workloads ended how; `done` is the word for
/// what was wished.
#[must_use]
pub fn results_line(results: &[WriteResult], done: &str) -> String {
    let of = |word: WriteResult| {
        let number = results.iter().filter(|result| **result == word).count();
        let phrase = match word {
            WriteResult::Planned => format!("would be {done}"),
            WriteResult::Updated => done.to_owned(),
            WriteResult::Unchanged => "unchanged".to_owned(),
            WriteResult::Failed => "failed".to_owned(),
            WriteResult::NotStarted => "not started".to_owned(),
        };
        (number > 0).then(|| format!("{} {phrase}", thousands(number)))
    };
    let parts: Vec<String> = WriteResult::ALL.iter().copied().filter_map(of).collect();
    if parts.is_empty() {
        count(0, "workload")
    } else {
        parts.join(", ")
    }
}
