//! A table of text: its headings, its cells, and how it is narrowed.

use super::elide::{elide_end, elide_middle};
use super::fit_step::FitStep;
use super::sanitize::sanitize;
use super::style::{Paint, width};

/// The text of an empty cell, as in kubectl.
pub(crate) const NONE: &str = "<none>";

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    /// A shorter text with the most important part.
    word: Option<String>,
    pub(crate) paint: Paint,
}

impl Cell {
    /// A cell with this text, or [`NONE`] if the text is empty.
    pub(crate) fn new(text: &str) -> Self {
        let text = sanitize(text);
        Self {
            text: if text.trim().is_empty() { NONE } else { &text }.to_owned(),
            word: None,
            paint: Paint::Plain,
        }
    }

    /// A cell that stays blank if the text is empty.
    pub(crate) fn blank(text: &str) -> Self {
        Self {
            text: sanitize(text).into_owned(),
            word: None,
            paint: Paint::Plain,
        }
    }

    /// A cell for an optional text.
    pub(crate) fn optional(text: Option<impl AsRef<str>>) -> Self {
        Self::new(text.as_ref().map_or("", AsRef::as_ref))
    }

    /// A cell with a word and its details: `word: detail`.
    pub(crate) fn worded(word: &str, detail: &str) -> Self {
        match sanitize(detail).trim() {
            "" => Self::new(word),
            detail => Self::new(&format!("{word}: {detail}")).shortened(word),
        }
    }

    /// Adds a shorter text to use if there is not enough room.
    pub(crate) fn shortened(mut self, word: &str) -> Self {
        self.word = Some(sanitize(word).into_owned());
        self
    }

    /// Sets the meaning, which decides the colour.
    pub(crate) fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The width of the cell if it shows only its word.
    pub(crate) fn word_width(&self) -> usize {
        width(self.word.as_deref().unwrap_or(&self.text))
    }

    /// The shorter text as a cell of its own; the cell itself if it has none.
    pub(crate) fn to_short(&self) -> Self {
        self.word.as_deref().map_or_else(|| self.clone(), Self::new)
    }

    /// The text, cut to this many columns.
    pub(crate) fn fit(&self, columns: usize, cut: Cut) -> String {
        // Fewer columns of detail than this are not worth showing.
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

/// Where a cell is cut if it is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At its end.
    End,
    /// In its middle.
    Middle,
}

/// The heading of a column, and where its cells are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heading {
    /// The text above the column, upper-case.
    pub(crate) text: &'static str,
    /// Where its cells are cut.
    pub(crate) cut: Cut,
}

impl Heading {
    pub(crate) const fn new(text: &'static str, cut: Cut) -> Self {
        Self { text, cut }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The columns, from left to right.
    pub(crate) headings: Vec<Heading>,
    /// The rows. Each has a cell for every column.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether the headings are shown.
    pub(crate) show_headings: bool,
    /// How to narrow the table: these steps are taken in order until it fits.
    pub(crate) steps: Vec<FitStep>,
}
