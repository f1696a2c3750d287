//! The terminal while questions are asked on it: drawn whole each time, and
//! left as it was found.

use std::io::{self, Write};

use dialoguer::console::{Key, Term};

use super::draw::{Canvas, Frame};
use crate::cli::error::CommandError;
use crate::cli::terminal::keyboard::Keyboard;
use crate::cli::terminal::streams::Terminal;
use crate::output::Style;

/// To the screen that is forgotten afterwards, and back. What was on the
/// terminal before is there again then, and a frame that is drawn whole from the
/// first line stands right after the window's size has changed.
const OTHER_SCREEN: &str = "\u{1b}[?1049h";
const FIRST_SCREEN: &str = "\u{1b}[?1049l";

/// The drawn questions.
#[derive(Debug)]
pub(crate) struct Screen {
    term: Term,
    /// Taken away while something else needs the terminal as it was.
    keyboard: Option<Keyboard>,
    colour: bool,
}

impl Screen {
    /// Begins to draw.
    pub(crate) fn open(terminal: &Terminal) -> Result<Self, CommandError> {
        let screen = Self {
            keyboard: Some(Keyboard::take()?),
            term: Term::buffered_stderr(),
            colour: terminal.question_style().colour,
        };
        screen.write(if cfg!(unix) { OTHER_SCREEN } else { "" });
        let _ = screen.term.hide_cursor();
        let _ = screen.term.flush();
        Ok(screen)
    }

    /// What there is room for now.
    pub(crate) fn canvas(&self) -> Canvas {
        let (rows, columns) = self.term.size();
        Canvas {
            rows: usize::from(rows),
            style: Style {
                colour: self.colour,
                width: Some(usize::from(columns)),
            },
        }
    }

    /// Draws a question in the place of what is there and waits for a key. The
    /// keyboard is taken first, so that nothing that is typed after it was seen
    /// is lost.
    pub(crate) fn ask(&mut self, frame: &Frame) -> Result<Key, CommandError> {
        if self.keyboard.is_none() {
            self.keyboard = Some(Keyboard::take()?);
        }
        // A terminal that is gone is noticed by the key.
        let _ = self.draw(frame);
        match &self.keyboard {
            Some(keyboard) => keyboard.key(),
            None => Err(CommandError::declined()),
        }
    }

    /// Draws what is no question, and gives the keyboard back until the next one,
    /// so that Ctrl-C ends what is going on meanwhile.
    pub(crate) fn show(&mut self, frame: &Frame) {
        let _ = self.draw(frame);
        self.keyboard = None;
    }

    fn draw(&self, frame: &Frame) -> io::Result<()> {
        self.term.hide_cursor()?;
        for (at, line) in frame.lines.iter().enumerate() {
            self.term.move_cursor_to(0, at)?;
            self.term.clear_line()?;
            self.write(line);
        }
        self.term.move_cursor_to(0, frame.lines.len())?;
        let (rows, _) = self.term.size();
        if frame.lines.len() < usize::from(rows) {
            self.term.clear_to_end_of_screen()?;
        }
        if let Some((line, column)) = frame.cursor {
            self.term.move_cursor_to(column, line)?;
            self.term.show_cursor()?;
        }
        self.term.flush()
    }

    fn write(&self, text: &str) {
        let _ = (&self.term).write_all(text.as_bytes());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if cfg!(unix) {
            self.write(FIRST_SCREEN);
        } else {
            let _ = self.term.clear_screen();
        }
        let _ = self.term.show_cursor();
        let _ = self.term.flush();
    }
}
