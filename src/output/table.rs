//! The table of `status`.

use jiff::Timestamp;

use super::columns::{Column, short_name};
use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Grid};
use super::text::style::Style;
use crate::evaluator::{Outcome, Row};
use crate::workload::Names;

/// What the user chose of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// The namespace stands in front.
    pub namespaces: bool,
    /// The wide columns stand behind. A wide table is never cut: whoever asks
    /// for it wants all.
    pub wide: bool,
    /// The headings are left out.
    pub no_headings: bool,
    /// Rows are sorted by this column, and stay in their order where it is
    /// equal.
    pub sort_by: Option<Column>,
}

/// The table of `status`, one line a row, each ending with a line break.
///
/// Where the terminal is too narrow, the columns move together, then WHY is cut
/// down to its words and goes (problem rows keep the word), then kinds read
/// `deploy`, then POLICY shortens, then names are cut in their middle; where even that is too wide,
/// whole columns go, POLICY first.
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
    let columns = columns(options);
    let names = Names::among(rows.iter().map(|row| &row.workload));
    let cells = |row: &&Row| -> Vec<Cell> {
        let columns = columns.iter();
        columns
            .map(|column| column.cell(row, &names, now))
            .collect()
    };
    let grid = Grid {
        headings: columns.iter().map(|column| column.heading()).collect(),
        rows: rows.iter().map(cells).collect(),
        show_headings: !options.no_headings,
        steps: if options.wide {
            Vec::new()
        } else {
            steps(&rows, &names, now)
        },
    };
    grid.render(style)
}

/// `deployment.apps/web`: one line a workload, in the order of the rows.
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

fn columns(options: &TableOptions) -> Vec<Column> {
    let wide = [
        Column::Image,
        Column::Created,
        Column::ManagedBy,
        Column::Origin,
        Column::Warnings,
    ];
    let shown = |column: &Column| match column {
        Column::Namespace => options.namespaces,
        column => options.wide || !wide.contains(column),
    };
    Column::ALL.iter().copied().filter(shown).collect()
}

/// What gives way where there is too little room, in this order.
fn steps(rows: &[&Row], names: &Names<'_>, now: Timestamp) -> Vec<FitStep> {
    let word = |row: &&&Row| Column::Why.cell(row, names, now).word_width();
    // A group in the middle of a name would be the first to go.
    let shared = rows.iter().filter(|row| names.is_shared(&row.workload));
    let shared = shared.map(|row| short_name(&row.workload, names).chars().count());
    let shared = shared.max().unwrap_or(0);
    let widest = |problems: bool| {
        let is_problem = |row: &&&Row| row.decision.outcome == Outcome::Unknown;
        let rows = rows.iter().filter(|row| !problems || is_problem(row));
        rows.map(|row| word(&row)).max()
    };
    let narrow = |floors: &[(Column, usize)]| {
        FitStep::Narrow(
            floors
                .iter()
                .map(|&(column, floor)| (column.as_str(), floor))
                .collect(),
        )
    };
    let mut steps = vec![narrow(&[(Column::Why, widest(false).unwrap_or(0))])];
    steps.push(match widest(true) {
        Some(word) => narrow(&[(Column::Why, word)]),
        None => FitStep::Drop(Column::Why.as_str()),
    });
    steps.extend([
        // The kind's short name loses nothing, so it comes before any cut.
        FitStep::Shorten(Column::Workload.as_str()),
        narrow(&[(Column::Policy, 8)]),
        narrow(&[
            (Column::Namespace, 9),
            (Column::Workload, shared.max(16)),
            (Column::Container, 9),
        ]),
        FitStep::Shorten(Column::Current.as_str()),
        FitStep::Shorten(Column::Update.as_str()),
        narrow(&[(Column::Current, 9), (Column::Update, 9)]),
        narrow(&[
            (Column::Namespace, 6),
            (Column::Workload, shared.max(12)),
            (Column::Container, 6),
            (Column::Policy, 6),
            (Column::Current, 7),
            (Column::Update, 7),
        ]),
    ]);
    // Beyond this a cell would say nothing. The workload and its problem stay.
    let last = [
        Column::Policy,
        Column::Container,
        Column::State,
        Column::Current,
        Column::Namespace,
    ];
    steps.extend(last.map(|column| FitStep::Drop(column.as_str())));
    steps.push(narrow(&[(Column::Workload, 10), (Column::Update, 6)]));
    steps.push(FitStep::Drop(Column::Update.as_str()));
    steps
}
