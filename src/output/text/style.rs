//! The width and the colours of the text.

use std::borrow::Cow;

use dialoguer::console;

/// What the output can show. The caller decides; this module reads neither the
/// terminal nor the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// The number of columns. `None` if the text goes to a pipe or a file: then
    /// nothing is shortened.
    pub width: Option<usize>,
}

/// The meaning of a piece of text, which decides its colour. No meaning is shown by
/// colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// No special meaning.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// Emphasised text.
    Strong,
    /// A change that will be written.
    Good,
    /// A change that is held back on purpose.
    Caution,
    /// A problem.
    Bad,
}

impl Style {
    /// For a pipe: no colours, nothing shortened.
    pub const PIPED: Self = Self {
        colour: false,
        width: None,
    };

    /// For a terminal with this many columns, without colours.
    #[must_use]
    pub const fn columns(width: usize) -> Self {
        Self {
            colour: false,
            width: Some(width),
        }
    }

    /// The text in the colour of its meaning.
    #[must_use]
    pub fn paint<'a>(&self, paint: Paint, text: &'a str) -> Cow<'a, str> {
        let style = console::Style::new();
        let style = match paint {
            _ if !self.colour || text.is_empty() => return Cow::Borrowed(text),
            Paint::Plain => return Cow::Borrowed(text),
            Paint::Dim => style.dim(),
            Paint::Strong => style.bold(),
            Paint::Good => style.green().bold(),
            Paint::Caution => style.yellow(),
            Paint::Bad => style.red(),
        };
        // Forced, so that the library does not check the terminal itself.
        Cow::Owned(style.force_styling(true).apply_to(text).to_string())
    }
}

/// The number of columns that a text takes on a terminal.
#[must_use]
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}
