//! How a prompt is drawn: as lines that fit the terminal.

use dialoguer::console::measure_text_width;

use super::list::{Choice, Item, List};
use crate::output::sanitize;
use crate::output::{Paint, Style, elide_end, elide_middle, wrap};

/// The lines of one screen. They fit the width and height of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frame {
    /// The lines from the top.
    pub(crate) lines: Vec<String>,
    /// Where text is typed, as line and column from 0. `None`: the cursor is hidden.
    pub(crate) cursor: Option<(usize, usize)>,
}

/// How a screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub(crate) rows: usize,
    pub(crate) style: Style,
}

/// The space between two cells of a row.
const GAP: usize = 2;

/// A cell of this width is still readable. Cells with names keep more.
const NARROW: usize = 9;

/// A cell is not made narrower than this while other columns can be dropped.
const NARROWEST: usize = 6;

/// The maximum number of lines for the details of a row.
const DETAIL: usize = 4;

impl Canvas {
    pub(crate) fn columns(&self) -> usize {
        self.style.width.unwrap_or(80).max(1)
    }

    /// One line of plain text in its colour, cut to fit.
    pub(crate) fn line(&self, paint: Paint, text: &str) -> String {
        let text = elide_end(&sanitize(text), self.columns());
        self.style.paint(paint, &text).into_owned()
    }

    /// A text, wrapped into at most `most` lines.
    pub(crate) fn paragraph(&self, paint: Paint, text: &str, most: usize) -> Vec<String> {
        let text = wrap(&sanitize(text), Some(self.columns()), 0);
        let mut lines: Vec<&str> = text.lines().collect();
        let cut = lines.len() > most;
        lines.truncate(most);
        let last = lines.len().saturating_sub(1);
        let lines = lines.into_iter().enumerate();
        lines
            .map(|(at, line)| {
                if cut && at == last {
                    self.line(paint, &format!("{line} …"))
                } else {
                    self.line(paint, line)
                }
            })
            .collect()
    }

    /// The list, with as many rows around the cursor as fit.
    pub(crate) fn list(&self, list: &List) -> Frame {
        let shown = list.shown();
        let mut head = self.paragraph(Paint::Strong, &list.title, 2);
        head.push(self.line(Paint::Plain, &filter_line(list, shown.len())));
        let mut foot = Vec::new();
        let most = (self.rows / 6).clamp(1, DETAIL);
        if let Some(item) = list.current().map(|at| &list.items[at]) {
            foot.extend(self.paragraph(Paint::Plain, &item.detail, most));
        }
        if let Some(hint) = &list.hint {
            foot.extend(self.paragraph(Paint::Caution, hint, most));
        }
        foot.extend(self.paragraph(Paint::Dim, keys(list.choice), most));
        let room = self.rows.saturating_sub(head.len() + foot.len() + 1).max(1);
        let cursor = list.current();
        let at = shown.iter().position(|&item| Some(item) == cursor);
        let first = first_row(at.unwrap_or(0), shown.len(), room);
        let widths = widths(list, self.columns().saturating_sub(mark_width(list.choice)));
        let mut lines = head;
        for &item in shown.iter().skip(first).take(room) {
            lines.push(self.row(
                list.choice,
                &list.items[item],
                Some(item) == cursor,
                &widths,
            ));
        }
        lines.push(self.line(Paint::Dim, &rows_outside(shown.len(), first, room)));
        lines.extend(foot);
        lines.truncate(self.rows.max(1));
        Frame {
            lines,
            cursor: None,
        }
    }

    fn row(&self, choice: Choice, item: &Item, is_current: bool, widths: &[usize]) -> String {
        let mut text = String::from(if is_current { "> " } else { "  " });
        if choice == Choice::Some {
            text.push_str(match item {
                Item {
                    refusal: Some(_), ..
                } => " -  ",
                Item { checked: true, .. } => "[x] ",
                Item { checked: false, .. } => "[ ] ",
            });
        }
        // A single cell takes the whole row.
        let whole = [self.columns().saturating_sub(text.len())];
        let widths = match item.cells.len() {
            1 => &whole,
            _ => widths,
        };
        let cells = item
            .cells
            .iter()
            .zip(widths)
            .filter(|(_, width)| **width > 0);
        for (at, (cell, &width)) in cells.enumerate() {
            if at > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            let cell = elide_middle(&sanitize(cell), width);
            let missing = width - measure_text_width(&cell).min(width);
            text.push_str(&cell);
            text.push_str(&" ".repeat(missing));
        }
        let text = elide_end(text.trim_end(), self.columns());
        let paint = match item {
            _ if is_current => Paint::Strong,
            Item {
                refusal: Some(_), ..
            } => Paint::Dim,
            Item { is_held: true, .. } => Paint::Caution,
            _ => Paint::Plain,
        };
        self.style.paint(paint, &text).into_owned()
    }
}

/// Describes what is checked, and the filter.
fn filter_line(list: &List, shown: usize) -> String {
    let all = list.items.len();
    let mut parts = Vec::new();
    if list.choice == Choice::Some {
        parts.push(format!("{} of {all} checked", list.checked()));
    }
    if !list.filter.is_empty() {
        parts.push(format!("{shown} shown with: {}_", list.filter));
    }
    parts.join(", ")
}

fn keys(choice: Choice) -> &'static str {
    match choice {
        Choice::Some => {
            "space: check, tab: all, enter: go on, type: filter, shift-tab: back, esc: quit"
        }
        Choice::One => "enter: take it, type: filter, shift-tab: back, esc: quit",
    }
}

fn mark_width(choice: Choice) -> usize {
    match choice {
        Choice::One => 2,
        Choice::Some => 6,
    }
}

/// How many rows are above and below the visible ones.
fn rows_outside(all: usize, first: usize, room: usize) -> String {
    let below = all.saturating_sub(first + room);
    match (first, below) {
        (0, 0) => String::new(),
        (0, below) => format!("  {below} more below"),
        (above, 0) => format!("  {above} more above"),
        (above, below) => format!("  {above} more above, {below} below"),
    }
}

/// The first row to draw, so that the row of the cursor is visible.
fn first_row(at: usize, all: usize, room: usize) -> usize {
    at.saturating_sub(room / 2).min(all.saturating_sub(room))
}

/// The width of each column: that of its widest cell. If this does not fit, the widest
/// column shrinks first, and the column of names only once the others are narrow. If that
/// is not enough, the last columns are dropped.
fn widths(list: &List, room: usize) -> Vec<usize> {
    let columns = list.items.iter().map(|item| item.cells.len()).max();
    let mut widths: Vec<usize> = (0..columns.unwrap_or(0))
        .map(|column| widest_cell(list, column))
        .collect();
    let mut kept = widths.len();
    while total_width(&widths) > room {
        let others = widths.iter().copied().enumerate().skip(1);
        let wide = others.filter(|(_, width)| *width > NARROW);
        let all = widths.iter().copied().enumerate();
        let widest = wide
            .max_by_key(|(_, width)| *width)
            .or_else(|| all.max_by_key(|(_, width)| *width));
        let (at, widest) = widest.unwrap_or_default();
        if widest > NARROWEST || kept <= 1 {
            if widest == 0 {
                break;
            }
            widths[at] -= 1;
        } else {
            kept -= 1;
            widths[kept] = 0;
        }
    }
    widths
}

fn widest_cell(list: &List, column: usize) -> usize {
    let rows = list.items.iter().filter(|item| item.cells.len() > 1);
    let cells = rows.filter_map(|item| item.cells.get(column));
    cells
        .map(|cell| measure_text_width(&sanitize(cell)))
        .max()
        .unwrap_or(0)
}

/// The width of a row, including the gaps between its columns.
fn total_width(widths: &[usize]) -> usize {
    let taken: Vec<usize> = widths.iter().copied().filter(|width| *width > 0).collect();
    taken.iter().sum::<usize>() + GAP * taken.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canvas(rows: usize, columns: usize) -> Canvas {
        Canvas {
            rows,
            style: Style::columns(columns),
        }
    }

    fn item(at: usize) -> Item {
        Item {
            cells: vec![
                format!("deployment/web-{at:03}"),
                "automated".to_owned(),
                "1.2.3 -> 1.2.4".to_owned(),
            ],
            detail: format!("shop/web-{at:03} follows semver:~1.2"),
            checked: at.is_multiple_of(2),
            ..Item::default()
        }
    }

    fn list(rows: usize) -> List {
        List::new("Workloads", Choice::Some, (0..rows).map(item).collect())
    }

    #[test]
    fn list_shows_rows_and_key_help() {
        let mut list = list(3);
        list.items[2].refusal = Some("it is ignored".to_owned());
        list.point_at(1);
        assert_eq!(
            canvas(24, 80).list(&list).lines,
            [
                "Workloads",
                "2 of 3 checked",
                "  [x] deployment/web-000  automated  1.2.3 -> 1.2.4",
                "> [ ] deployment/web-001  automated  1.2.3 -> 1.2.4",
                "   -  deployment/web-002  automated  1.2.3 -> 1.2.4",
                "",
                "shop/web-001 follows semver:~1.2",
                "space: check, tab: all, enter: go on, type: filter, shift-tab: back, esc: quit",
            ]
        );
    }

    #[test]
    fn narrow_terminal_elides_names_and_never_wraps() {
        let mut list = list(200);
        list.point_at(100);
        let lines = canvas(10, 40).list(&list).lines;
        let current: Vec<&String> = lines.iter().filter(|line| line.starts_with('>')).collect();
        let cells: Vec<&str> = current
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        assert_eq!(cells.len(), 5, "{lines:#?}");
        assert!(cells[2].ends_with("b-100"), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("more above")),
            "{lines:#?}"
        );
    }

    proptest! {
        #[test]
        fn frame_fits_the_terminal(
            rows in 1_usize..40, columns in 1_usize..100, items in 0_usize..60, at in 0_usize..60,
            name in "\\PC{0,40}",
        ) {
            let mut list = list(items);
            if let Some(item) = list.items.first_mut() {
                item.cells[0].clone_from(&name);
                item.detail.clone_from(&name);
            }
            list.point_at(at);
            let frame = canvas(rows, columns).list(&list);
            prop_assert!(frame.lines.len() <= rows);
            for line in &frame.lines {
                prop_assert!(measure_text_width(line) <= columns, "{line:?}");
            }
        }

        #[test]
        fn row_under_the_cursor_is_drawn(rows in 6_usize..40, items in 1_usize..300, at in 0_usize..300) {
            let mut list = list(items);
            for item in &mut list.items {
                item.detail.clear();
            }
            list.point_at(at);
            let frame = canvas(rows, 80).list(&list);
            let current = frame.lines.iter().filter(|line| line.starts_with('>')).count();
            prop_assert_eq!(current, 1);
        }
    }
}
