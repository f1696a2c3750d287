//! The terminal while prompts are drawn on it. Every frame is drawn in full, and the
//! terminal is restored at the end.

use std::io::{self, Write};

use dialoguer::console::{Key, Term};

use super::draw::{Canvas, Frame};
use crate::cli::error::CommandError;
use crate::cli::terminal::keyboard::Keyboard;
use crate::cli::terminal::streams::Terminal;
use crate::output::Style;

/// Enter and leave the alternate screen. Leaving it restores what was on the terminal
/// before. Every frame is drawn in full from
/// the first line, so a resized window is drawn correctly.
const ENTER_ALTERNATE_SCREEN: &str = "\u{1b}[?1049h";
const LEAVE_ALTERNATE_SCREEN: &str = "\u{1b}[?1049l";

/// A screen of its own for prompts.
#[derive(Debug)]
pub(crate) struct Screen {
    term: Term,
    /// `None` while something else needs the terminal in its normal mode.
    keyboard: Option<Keyboard>,
    colour: bool,
}

impl Screen {
    /// Opens the screen.
    pub(crate) fn open(terminal: &Terminal) -> Result<Self, CommandError> {
        let screen = Self {
            keyboard: Some(Keyboard::take()?),
            term: Term::buffered_stderr(),
            colour: terminal.question_style().colour,
        };
        screen.write(if cfg!(unix) {
            ENTER_ALTERNATE_SCREEN
        } else {
            ""
        });
        let _ = screen.term.hide_cursor();
        let _ = screen.term.flush();
        Ok(screen)
    }

    /// The size and style to draw in now.
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

    /// Replaces the screen with a prompt and waits for a key. The keyboard is taken before
    /// the prompt is drawn, so that no key pressed after that is lost.
    pub(crate) fn ask(&mut self, frame: &Frame) -> Result<Key, CommandError> {
        if self.keyboard.is_none() {
            self.keyboard = Some(Keyboard::take()?);
        }
        // If the terminal is gone, reading the key fails.
        let _ = self.draw(frame);
        match &self.keyboard {
            Some(keyboard) => keyboard.key(),
            None => Err(CommandError::declined()),
        }
    }

    /// Draws something that is not a prompt, and releases the keyboard until the next
    /// prompt, so that Ctrl-C interrupts what is going on.
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
            self.write(LEAVE_ALTERNATE_SCREEN);
        } else {
            let _ = self.term.clear_screen();
        }
        let _ = self.term.show_cursor();
        let _ = self.term.flush();
    }
}
