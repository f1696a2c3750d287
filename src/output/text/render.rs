//! Prints a table.
//!
//! comfy-table only pads the cells. [`Grid::layout`] decides beforehand what is cut
//! and in which order, because comfy-table would shorten columns by width and not
//! by meaning.

use comfy_table::{ContentArrangement, ContentLineStyle, Table, TableStyle};

use super::elide::elide_end;
use super::grid::{Cell, Grid};
use super::layout::GridLayout;
use super::style::{Paint, Style};

/// The character that comfy-table draws between two cells. Cells never contain it,
/// because they have no control characters, so a line can be split again for
/// colouring.
const SEPARATOR: char = '\u{1f}';

impl Grid {
    /// The table as text. Each line ends with a line break and has no trailing blanks.
    pub(crate) fn render(&self, style: &Style) -> String {
        let layout = self.layout(style.width);
        let mut table = Table::new();
        table
            .load_style(between_cells(SEPARATOR))
            .set_content_arrangement(ContentArrangement::Disabled);
        let widths = layout.widths.iter().copied();
        let columns: Vec<(usize, usize)> = layout.columns.iter().copied().zip(widths).collect();
        if self.show_headings {
            table.add_row(
                columns
                    .iter()
                    .map(|&(column, width)| elide_end(self.headings[column].text, width)),
            );
        }
        for row in &self.rows {
            table.add_row(columns.iter().map(|&(column, width)| {
                let heading = self.headings[column];
                if layout.shortened.contains(&heading.text) {
                    row[column].to_short().fit(width, heading.cut)
                } else {
                    row[column].fit(width, heading.cut)
                }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 0));
        }
        if table.is_empty() || layout.columns.is_empty() {
            return String::new();
        }
        let offset = usize::from(self.show_headings);
        let mut text = String::new();
        for (at, line) in table.lines().enumerate() {
            let row = at.checked_sub(offset).and_then(|at| self.rows.get(at));
            text.push_str(&paint_line(&line, row, &layout, style));
            text.push('\n');
        }
        text
    }
}

/// A style without borders, with one character between the cells.
fn between_cells(separator: char) -> TableStyle {
    let line = ContentLineStyle::none().junction(separator);
    TableStyle::new().header_lines(line).content_lines(line)
}

/// Splits a line of padded cells and joins it again with colours.
fn paint_line(line: &str, row: Option<&Vec<Cell>>, layout: &GridLayout, style: &Style) -> String {
    let gap = " ".repeat(layout.gap);
    let mut painted = String::new();
    // Blanks are added only before more text, so that no line ends with them.
    let mut blanks = String::new();
    for (at, cell) in line.split(SEPARATOR).enumerate() {
        let text = cell.trim_end();
        let paint = row.map_or(Paint::Plain, |row| row[layout.columns[at]].paint);
        if !text.is_empty() {
            painted.push_str(&blanks);
            blanks.clear();
            painted.push_str(&style.paint(paint, text));
        }
        blanks.push_str(&cell[text.len()..]);
        blanks.push_str(&gap);
    }
    painted
}
