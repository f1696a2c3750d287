//! Previews of annotation edits, and the table of locks.

use jiff::Timestamp;

use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::age;
use crate::evaluator::Lock;
use crate::plan::Edit;
use crate::workload::{Names, Workload, WorkloadId, spans_namespaces};

/// A workload and its edit.
#[derive(Debug, Clone, Copy)]
pub struct EditedWorkload<'a> {
    /// The workload before the edit.
    pub workload: &'a Workload,
    /// The edit.
    pub edit: &'a Edit,
}

/// The annotations that will be written, per workload: each key with its new value,
/// and with its old value if it has one.
#[must_use]
pub fn annotation_edits(edited: &[EditedWorkload<'_>], style: &Style) -> String {
    let mut text = String::new();
    let namespaces = spans_namespaces(edited.iter().map(|one| &one.workload.id));
    let names = Names::among(edited.iter().map(|one| &one.workload.id));
    for EditedWorkload { workload, edit } in edited {
        let id = &workload.id;
        let mut name = names.name(id);
        if namespaces {
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

/// The table of locks: who set each lock, how long ago, and why.
#[must_use]
pub fn locks_table(locks: &[(&WorkloadId, Lock)], now: Timestamp, style: &Style) -> String {
    let namespaces = spans_namespaces(locks.iter().map(|(id, _)| *id));
    let names = Names::among(locks.iter().map(|(id, _)| *id));
    let mut headings = vec![
        Heading::new("WORKLOAD", Cut::Middle),
        Heading::new("LOCKED-BY", Cut::Middle),
        Heading::new("AGE", Cut::End),
        Heading::new("MESSAGE", Cut::End),
    ];
    let mut rows: Vec<_> = locks
        .iter()
        .map(|(id, lock)| lock_cells(names.name(id), lock, now))
        .collect();
    if namespaces {
        headings.insert(0, Heading::new("NAMESPACE", Cut::Middle));
        for (row, (id, _)) in rows.iter_mut().zip(locks) {
            row.insert(0, Cell::new(&id.namespace));
        }
    }
    let grid = Grid {
        headings,
        rows,
        show_headings: true,
        steps: Vec::new(),
    };
    grid.render(style)
}

fn lock_cells(name: String, lock: &Lock, now: Timestamp) -> Vec<Cell> {
    let since = lock.at.as_deref().and_then(|at| at.parse().ok());
    vec![
        Cell::new(&name),
        Cell::optional(lock.by.as_ref()),
        Cell::optional(since.map(|since: Timestamp| age(since, now))),
        Cell::optional(lock.message.as_ref()),
    ]
}
