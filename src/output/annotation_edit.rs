//! What is going to be written into annotations.

use jiff::Timestamp;

use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::age;
use crate::evaluator::Lock;
use crate::plan::Edit;
use crate::workload::{Names, Workload, WorkloadId};

/// A workload with the edit that it gets.
#[derive(Debug, Clone, Copy)]
pub struct EditedWorkload<'a> {
    /// The workload before.
    pub workload: &'a Workload,
    /// What is written.
    pub edit: &'a Edit,
}

/// The annotations that are written, a workload after the other: each key with
/// its new value, and with the old one where there was one.
#[must_use]
pub fn annotation_edits(edited: &[EditedWorkload<'_>], style: &Style) -> String {
    let mut text = String::new();
    let first = edited.first().map(|one| &one.workload.id.namespace);
    let several = edited
        .iter()
        .any(|one| Some(&one.workload.id.namespace) != first);
    let names = Names::among(edited.iter().map(|one| &one.workload.id));
    for EditedWorkload { workload, edit } in edited {
        let id = &workload.id;
        let mut name = names.name(id);
        if several {
            name = format!("{}/{name}", id.namespace);
        }
        text.push_str(&style.paint(Paint::Strong, &sanitize(&name)));
        text.push('\n');
        for (key, value) in &edit.annotations {
            let before = workload.annotations.get(key);
            let (paint, line) = match (value, before) {
                (Some(value), None) => (Paint::Good, format!("+ {key}: {value}")),
                (Some(value), Some(before)) => {
                    (Paint::Caution, format!("~ {key}: {value} (was {before})"))
                }
                (None, before) => {
                    let before = before.map_or("", String::as_str);
                    (Paint::Bad, format!("- {key}: {before}"))
                }
            };
            text.push_str("  ");
            text.push_str(&style.paint(paint, &sanitize(&line)));
            text.push('\n');
        }
    }
    text
}

/// Locks with their age and message, one line each.
#[must_use]
pub fn table_of_locks(locks: &[(&WorkloadId, Lock)], now: Timestamp, style: &Style) -> String {
    let first = locks.first().map(|(id, _)| &id.namespace);
    let several = locks.iter().any(|(id, _)| Some(&id.namespace) != first);
    let names = Names::among(locks.iter().map(|(id, _)| *id));
    let heading = |text, cut| Heading { text, cut };
    let namespace = several.then(|| heading("NAMESPACE", Cut::Middle));
    let headings = [
        heading("WORKLOAD", Cut::Middle),
        heading("LOCKED-BY", Cut::Middle),
        heading("AGE", Cut::End),
        heading("MESSAGE", Cut::End),
    ];
    let row = |(id, lock): &(&WorkloadId, Lock)| {
        let namespace = several.then(|| Cell::new(&id.namespace));
        let since = lock.at.as_deref().and_then(|at| at.parse().ok());
        let cells = [
            Cell::new(&names.name(id)),
            Cell::optional(lock.by.as_ref()),
            Cell::optional(since.map(|since: Timestamp| age(since, now))),
            Cell::optional(lock.message.as_ref()),
        ];
        namespace.into_iter().chain(cells).collect()
    };
    let grid = Grid {
        headings: namespace.into_iter().chain(headings).collect(),
        rows: locks.iter().map(row).collect(),
        show_headings: true,
        steps: Vec::new(),
    };
    grid.render(style)
}
