//! Menus: the same questions on a terminal that can be drawn on, and line by
//! line on one that cannot.
//!
//! ```text
//! policies: workloads ─> containers ─> policies (type, expression, effect) ─> Plan ─> carry_out
//! updates:  Plan ─> which of its rows ─> Plan
//!             list, line: what keys do      draw: what it looks like      screen: where it is drawn
//! ```
//!
//! Nothing is written here. Esc and Ctrl-C leave everything as it is.

mod command;
mod draw;
mod effect;
mod line;
mod list;
mod plain;
mod policies;
mod policy_editor;
mod screen;
mod updates;

pub(super) use command::Reached;
pub(super) use policies::{Purpose, is_wished, write_policies};
pub(super) use updates::{choose_updates, update_commands};

use dialoguer::console::Key;

use super::error::CommandError;
use super::terminal::Terminal;
use draw::Frame;
use list::{List, Step};
use screen::Screen;

/// Where questions are asked.
enum Menu<'t> {
    /// On a screen of their own.
    Drawn(Screen),
    /// Line by line.
    Plain(&'t mut Terminal),
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// With an answer.
    Given,
    /// With the wish to change the answer before it.
    Back,
}

impl<'t> Menu<'t> {
    /// Begins to ask.
    ///
    /// # Errors
    ///
    /// Nobody can be asked.
    fn open(terminal: &'t mut Terminal) -> Result<Self, CommandError> {
        check(terminal)?;
        if terminal.is_dumb() {
            Ok(Self::Plain(terminal))
        } else {
            Screen::open(terminal).map(Self::Drawn)
        }
    }

    /// Has rows chosen.
    ///
    /// # Errors
    ///
    /// Esc, Ctrl-C, or a terminal that cannot be read.
    fn choose(&mut self, list: &mut List) -> Result<Answer, CommandError> {
        let screen = match self {
            Self::Plain(terminal) => return plain::choose(list, terminal),
            Self::Drawn(screen) => screen,
        };
        loop {
            let frame = screen.canvas().list(list);
            match list.press(&screen.ask(&frame)?) {
                Step::Stay => {}
                Step::Accept => return Ok(Answer::Given),
                Step::Back => return Ok(Answer::Back),
                Step::Quit => return Err(CommandError::declined()),
            }
        }
    }

    /// Says what is going on while something takes its time.
    fn wait(&mut self, text: &str) {
        match self {
            Self::Plain(terminal) => terminal.tell(text),
            Self::Drawn(screen) => {
                let line = screen.canvas().line(crate::output::Paint::Dim, text);
                screen.tell(&Frame {
                    lines: vec![line],
                    cursor: None,
                });
            }
        }
    }
}

/// Whether a key leads back to the question before.
fn is_back(key: &Key) -> bool {
    matches!(key, Key::BackTab)
}

/// Fails early where nobody can be asked.
pub(super) fn check(terminal: &Terminal) -> Result<(), CommandError> {
    if terminal.can_ask() {
        return Ok(());
    }
    Err(CommandError::failed(
        "a menu needs a terminal; name what to change instead, see --help",
    ))
}

/// Tells what would have done the same without a menu.
pub(super) fn tell_commands(commands: &[String], terminal: &mut Terminal) {
    if !commands.is_empty() {
        terminal.tell("the same without a menu:");
    }
    for command in commands {
        terminal.tell(&format!("  {command}"));
    }
}
