//! The table of `history`.

use crate::image::ImageReference;
use crate::output::columns::version_of;
use crate::output::text::fit_step::FitStep;
use crate::output::text::grid::{Cell, Cut, Grid, Heading};
use crate::output::text::sanitize::sanitize;
use crate::output::text::style::{Paint, Style};
use crate::output::text::time::minute;
use crate::plan::{HistoryEntry, RecordedChange};

/// The heading of the images.
const CHANGE: &str = "OLD → NEW";

/// One line per entry, in this order: TIME in UTC, CONTAINER, OLD → NEW, POLICY, BY and SOURCE.
#[must_use]
pub fn history_table(entries: &[HistoryEntry], no_headings: bool, style: &Style) -> String {
    let rows = entries.iter().map(|entry| {
        let paint = if entry.is_rollback {
            Paint::Caution
        } else {
            Paint::Plain
        };
        let sources: Vec<String> = entry.sources.iter().map(ToString::to_string).collect();
        let sources = Cell::new(&sources.join(", "));
        vec![
            Cell::optional(time(entry)),
            Cell::new(&entry.change.container),
            Cell::new(&replacement(&entry.change)).painted(paint),
            policy(entry),
            Cell::optional(entry.by.as_ref()),
            match entry.sources.first() {
                Some(first) => sources.shortened(&first.to_string()),
                None => sources,
            },
        ]
    });
    let grid = Grid {
        headings: vec![
            Heading::new("TIME", Cut::End),
            Heading::new("CONTAINER", Cut::Middle),
            Heading::new(CHANGE, Cut::Middle),
            Heading::new("POLICY", Cut::End),
            Heading::new("BY", Cut::Middle),
            Heading::new("SOURCE", Cut::End),
        ],
        rows: rows.collect(),
        show_headings: !no_headings,
        steps: vec![
            FitStep::Shorten("SOURCE"),
            FitStep::Narrow(vec![("POLICY", 8), ("BY", 8)]),
            FitStep::Narrow(vec![("CONTAINER", 9), (CHANGE, 18)]),
            FitStep::Drop("POLICY"),
            FitStep::Drop("SOURCE"),
            FitStep::Drop("BY"),
            FitStep::Narrow(vec![("CONTAINER", 6), (CHANGE, 9)]),
        ],
    };
    grid.render(style)
}

/// Where the difference between two images is shown, one line per entry that says so.
#[must_use]
pub fn compare_lines(entries: &[HistoryEntry]) -> Vec<String> {
    let lines = entries.iter().filter_map(|entry| {
        let (change, url) = (&entry.change, entry.compare.as_ref()?);
        let line = format!(
            "compare {} {}: {url}",
            change.container,
            replacement(change)
        );
        Some(sanitize(&line).into_owned())
    });
    lines.collect()
}

/// The minute; `> 2026-11-21 12:00` if only a time before it is known.
fn time(entry: &HistoryEntry) -> Option<String> {
    let after = || entry.after.map(|after| format!("> {}", minute(after)));
    entry.time.map(minute).or_else(after)
}

fn policy(entry: &HistoryEntry) -> Cell {
    if entry.is_rollback {
        return Cell::new("rollback").painted(Paint::Caution);
    }
    Cell::optional(entry.change.policy.as_ref())
}

/// `1.0.0 → 1.0.1`; both images in full if the repository changes.
fn replacement(change: &RecordedChange) -> String {
    let RecordedChange { from, to, .. } = change;
    let images = (from.parse::<ImageReference>(), to.parse::<ImageReference>());
    match images {
        (Ok(old), Ok(new)) if old.canonical() == new.canonical() => {
            format!("{} → {}", version_of(from), version_of(to))
        }
        _ => format!("{from} → {to}"),
    }
}
