//! The table of `status`.

use jiff::Timestamp;

use super::columns::{Column, short_name};
use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Grid};
use super::text::style::Style;
use crate::evaluator::{Outcome, Row};
use crate::workload::Names;

/// Options of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// Show the namespace in the first column.
    pub namespaces: bool,
    /// Add the wide columns. A wide table is never cut, because the user asked for
    /// everything.
    pub wide: bool,
    /// Show what the Git repository has, and where.
    pub git: bool,
    /// Leave out the headings.
    pub no_headings: bool,
    /// Sort the rows by this column. Rows that are equal in it keep their order.
    pub sort_by: Option<Column>,
}

/// The table of `status`, one line per row, each ending with a line break.
///
/// If the terminal is too narrow, the columns move together. Then WHY is cut to its
/// reason words and removed (rows with a problem keep the word), then kinds are
/// abbreviated to `deploy`, then POLICY is cut, then names are cut in their middle. If
/// that is still too wide, whole columns are removed, POLICY first.
#[must_use]
pub fn status_table<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    now: Timestamp,
    options: &TableOptions,
    style: &Style,
) -> String {
    let mut rows: Vec<&Row> = rows.into_iter().collect();
    if let Some(column) = options.sort_by {
        rows.sort_by(|a, b| column.compare(a, b));
    }
    let columns = columns(options, &rows);
    let names = Names::among(rows.iter().map(|row| &row.workload));
    let cells = rows.iter().map(|row| -> Vec<Cell> {
        let columns = columns.iter();
        columns
            .map(|column| column.cell(row, &names, now))
            .collect()
    });
    let grid = Grid {
        headings: columns.iter().map(|column| column.heading()).collect(),
        rows: cells.collect(),
        show_headings: !options.no_headings,
        steps: if options.wide {
            Vec::new()
        } else {
            steps(&rows, &names, now)
        },
    };
    grid.render(style)
}

/// `deployment.apps/web`: one line per workload, in the order of the rows.
#[must_use]
pub fn names<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let mut text = String::new();
    for row in rows {
        if seen.insert(&row.workload) {
            text.push_str(&super::text::sanitize::sanitize(&row.workload.qualified()));
            text.push('\n');
        }
    }
    text
}

fn columns(options: &TableOptions, rows: &[&Row]) -> Vec<Column> {
    let wide = [
        Column::Image,
        Column::Created,
        Column::ManagedBy,
        Column::Origin,
        Column::Warnings,
    ];
    let columns = Column::ALL.iter().copied();
    columns
        .filter(|column| match column {
            Column::Namespace => options.namespaces,
            Column::Root => options.wide && rows.iter().any(|row| row.root.is_some()),
            Column::InGit => options.git,
            Column::WrittenAt => {
                options.git || (options.wide && rows.iter().any(|row| !row.written_at.is_empty()))
            }
            column => options.wide || !wide.contains(column),
        })
        .collect()
}

/// How the table is narrowed, in this order.
fn steps(rows: &[&Row], names: &Names<'_>, now: Timestamp) -> Vec<FitStep> {
    // Otherwise the API group, which is in the middle of a name, would be cut first.
    let shared = rows.iter().filter(|row| names.is_shared(&row.workload));
    let shared = shared.map(|row| short_name(&row.workload, names).chars().count());
    let shared = shared.max().unwrap_or(0);
    let words: Vec<(bool, usize)> = rows
        .iter()
        .map(|row| {
            let word = Column::Why.cell(row, names, now).word_width();
            (row.decision.outcome == Outcome::Unknown, word)
        })
        .collect();
    let widest = words.iter().map(|(_, word)| *word).max();
    let problems = words.iter().filter(|(is_problem, _)| *is_problem);
    let mut steps = vec![narrow(&[(Column::Why, widest.unwrap_or(0))])];
    steps.push(match problems.map(|(_, word)| *word).max() {
        Some(word) => narrow(&[(Column::Why, word)]),
        None => FitStep::Drop(Column::Why.as_str()),
    });
    steps.extend([
        // Abbreviating the kind loses no information, so it comes before any cut.
        FitStep::Shorten(Column::Workload.as_str()),
        narrow(&[(Column::Policy, 8)]),
        narrow(&[(Column::WrittenAt, 24)]),
        narrow(&[
            (Column::Namespace, 9),
            (Column::Workload, shared.max(16)),
            (Column::Container, 9),
        ]),
        FitStep::Shorten(Column::Current.as_str()),
        FitStep::Shorten(Column::InGit.as_str()),
        FitStep::Shorten(Column::Update.as_str()),
        narrow(&[(Column::WrittenAt, 12)]),
        narrow(&[
            (Column::Current, 9),
            (Column::InGit, 9),
            (Column::Update, 9),
        ]),
        narrow(&[
            (Column::Namespace, 6),
            (Column::Workload, shared.max(12)),
            (Column::Container, 6),
            (Column::Policy, 6),
            (Column::Current, 7),
            (Column::InGit, 7),
            (Column::Update, 7),
        ]),
    ]);
    // Cells that are narrower would say nothing. The workload and its problem stay.
    let last = [
        Column::Policy,
        Column::WrittenAt,
        Column::Container,
        Column::State,
        Column::Current,
        Column::InGit,
        Column::Namespace,
    ];
    steps.extend(last.map(|column| FitStep::Drop(column.as_str())));
    steps.push(narrow(&[(Column::Workload, 10), (Column::Update, 6)]));
    steps.push(FitStep::Drop(Column::Update.as_str()));
    steps
}

fn narrow(minimums: &[(Column, usize)]) -> FitStep {
    let minimums = minimums.iter();
    FitStep::Narrow(
        minimums
            .map(|&(column, minimum)| (column.as_str(), minimum))
            .collect(),
    )
}
