//! Columns of text, laid out and painted.
//!
//! comfy-table only pads the cells. What is cut, and in which order, is decided
//! before ([`Grid::layout`]), because it shortens columns by their width and not
//! by what they mean.

use comfy_table::{ContentArrangement, ContentLineStyle, Table, TableStyle};

use super::elide::{elide_end, elide_middle};
use super::layout::{Layout, Step};
use super::sanitize::sanitize;
use super::style::{Paint, Style, width};

/// What an empty cell shows, as in kubectl.
pub(crate) const NONE: &str = "<none>";

/// What comfy-table draws between two cells. It is no character of any cell,
/// because cells have no control characters, so the line can be taken apart
/// again to be painted.
const SEPARATOR: char = '\u{1f}';

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    /// A shorter text that says the most important, whole.
    word: Option<String>,
    paint: Paint,
}

impl Cell {
    /// A cell with this text, or an empty one.
    pub(crate) fn new(text: &str) -> Self {
        let text = sanitize(text);
        Self {
            text: if text.trim().is_empty() { NONE } else { &text }.to_owned(),
            word: None,
            paint: Paint::Plain,
        }
    }

    /// A cell that shows nothing where it is empty.
    pub(crate) fn blank(text: &str) -> Self {
        Self {
            text: sanitize(text).into_owned(),
            word: None,
            paint: Paint::Plain,
        }
    }

    /// A cell that may have a text.
    pub(crate) fn optional(text: Option<impl AsRef<str>>) -> Self {
        Self::new(text.as_ref().map_or("", AsRef::as_ref))
    }

    /// A cell with a word and what there is to say of it: `word: detail`.
    pub(crate) fn worded(word: &str, detail: &str) -> Self {
        match sanitize(detail).trim() {
            "" => Self::new(word),
            detail => Self::new(&format!("{word}: {detail}")).shortened(word),
        }
    }

    /// The cell with a shorter text for where there is too little room.
    pub(crate) fn shortened(mut self, word: &str) -> Self {
        self.word = Some(sanitize(word).into_owned());
        self
    }

    /// The cell in the colour of its meaning.
    pub(crate) fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How wide the cell is where only its word is left.
    pub(crate) fn word_width(&self) -> usize {
        width(self.word.as_deref().unwrap_or(&self.text))
    }

    /// What of the text fits.
    fn fitted(&self, columns: usize, cut: Cut) -> String {
        // Less of the detail than this says nothing.
        const WORTH_SHOWING: usize = 6;
        if width(&self.text) <= columns {
            return self.text.clone();
        }
        match (&self.word, cut) {
            (Some(word), Cut::End)
                if !self.text.starts_with(word) || width(word) + WORTH_SHOWING > columns =>
            {
                elide_end(word, columns)
            }
            (_, Cut::End) => elide_end(&self.text, columns),
            (_, Cut::Middle) => elide_middle(&self.text, columns),
        }
    }
}

/// Where a cell that is too wide is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its end.
    End,
    /// Its middle.
    Middle,
}

/// A column's heading and where its cells are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heading {
    /// The text above the column, upper-case.
    pub(crate) text: &'static str,
    /// Where its cells are cut.
    pub(crate) cut: Cut,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The columns from left to right.
    pub(crate) headings: Vec<Heading>,
    /// The rows; each has a cell for every column.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether the headings are shown.
    pub(crate) show_headings: bool,
    /// What to do where there is too little room, one after the other until
    /// there is enough.
    pub(crate) steps: Vec<Step>,
}

impl Grid {
    /// The table as lines that each end with a line break and without blanks.
    pub(crate) fn render(&self, style: &Style) -> String {
        let layout = self.layout(style.width);
        let cut = |at: usize, cell: &Cell| {
            let column = layout.columns[at];
            let heading = self.headings[column];
            let short = layout.shortened.contains(&heading.text);
            match &cell.word {
                Some(word) if short => Cell::new(word).fitted(layout.widths[at], heading.cut),
                _ => cell.fitted(layout.widths[at], heading.cut),
            }
        };
        let mut table = Table::new();
        table
            .load_style(between_cells(SEPARATOR))
            .set_content_arrangement(ContentArrangement::Disabled);
        let heading = |column: &usize| Cell::new(self.headings[*column].text);
        if self.show_headings {
            let cells = layout.columns.iter().map(heading).enumerate();
            table.add_row(cells.map(|(at, cell)| elide_end(cell.text(), layout.widths[at])));
        }
        for row in &self.rows {
            let cells = layout.columns.iter().enumerate();
            table.add_row(cells.map(|(at, &column)| cut(at, &row[column])));
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

/// A style without borders that draws one character between the cells.
fn between_cells(separator: char) -> TableStyle {
    let line = ContentLineStyle::none().junction(separator);
    TableStyle::new().header_lines(line).content_lines(line)
}

/// Takes a line of padded cells apart and puts it together again in colour.
fn paint_line(line: &str, row: Option<&Vec<Cell>>, layout: &Layout, style: &Style) -> String {
    let gap = " ".repeat(layout.gap);
    let mut painted = String::new();
    // Blanks are held back until something follows them.
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
