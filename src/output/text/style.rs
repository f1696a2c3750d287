//! How wide and how colourful the text may be.

use std::borrow::Cow;

use dialoguer::console;

/// What the receiver of the text can show. Whoever prints decides; nothing here
/// looks at a terminal or at the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether colours are wanted.
    pub colour: bool,
    /// How many columns there are. `None`: the text goes to a pipe or a file,
    /// and nothing is shortened.
    pub width: Option<usize>,
}

/// What a piece of text means, which decides its colour. No meaning is told by
/// colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Nothing particular.
    #[default]
    Plain,
    /// Of less interest.
    Dim,
    /// What stands out in plain text.
    Strong,
    /// What will be written.
    Good,
    /// What is held back on purpose.
    Caution,
    /// What went wrong.
    Bad,
}

impl Style {
    /// For a pipe: no colours, and nothing is shortened.
    pub const PIPED: Self = Self {
        colour: false,
        width: None,
    };

    /// For a terminal of this many columns, without colours.
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
        // Forced, so that the library does not ask the terminal again.
        Cow::Owned(style.force_styling(true).apply_to(text).to_string())
    }
}

/// How many columns a text takes on a terminal.
#[must_use]
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}
