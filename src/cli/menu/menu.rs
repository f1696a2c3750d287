//! A menu, drawn on the screen or asked line by line.

use dialoguer::console::Key;

use super::widgets::draw::Frame;
use super::widgets::list::{List, Step};
use super::widgets::outcome::MenuOutcome;
use super::widgets::screen::Screen;
use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;

/// How prompts are shown.
pub(crate) enum Menu<'t> {
    /// On a screen of their own.
    Drawn(Screen),
    /// Line by line.
    Plain(&'t mut Terminal),
}

impl<'t> Menu<'t> {
    /// Opens a menu.
    ///
    /// # Errors
    ///
    /// There is no terminal on which a user can answer.
    pub(crate) fn open(terminal: &'t mut Terminal) -> Result<Self, CommandError> {
        check(terminal)?;
        if terminal.is_dumb() {
            Ok(Self::Plain(terminal))
        } else {
            Screen::open(terminal).map(Self::Drawn)
        }
    }

    /// Lets the user choose rows.
    ///
    /// # Errors
    ///
    /// Esc, Ctrl-C, or a terminal that cannot be read.
    pub(crate) fn choose(&mut self, list: &mut List) -> Result<MenuOutcome, CommandError> {
        let screen = match self {
            Self::Plain(terminal) => return super::widgets::plain::choose(list, terminal),
            Self::Drawn(screen) => screen,
        };
        loop {
            let frame = screen.canvas().list(list);
            match list.press(&screen.ask(&frame)?) {
                Step::Stay => {}
                Step::Accept => return Ok(MenuOutcome::Given),
                Step::Back => return Ok(MenuOutcome::Back),
                Step::Quit => return Err(CommandError::declined()),
            }
        }
    }

    /// Says what is going on during a longer operation.
    pub(crate) fn wait(&mut self, text: &str) {
        match self {
            Self::Plain(terminal) => terminal.note(text),
            Self::Drawn(screen) => {
                let line = screen.canvas().line(crate::output::Paint::Dim, text);
                screen.show(&Frame {
                    lines: vec![line],
                    cursor: None,
                });
            }
        }
    }
}

/// Whether a key goes back to the previous prompt.
pub(crate) fn is_back(key: &Key) -> bool {
    matches!(key, Key::BackTab)
}

/// Fails early if nobody can answer.
pub(crate) fn check(terminal: &Terminal) -> Result<(), CommandError> {
    if terminal.can_ask() {
        return Ok(());
    }
    Err(CommandError::failed(
        "a menu needs a terminal; name the workloads to change instead (see --help)",
    ))
}

/// Reports the commands that would have done the same without a menu.
pub(crate) fn report_commands(commands: &[String], terminal: &mut Terminal) {
    if !commands.is_empty() {
        terminal.note("the same without a menu:");
    }
    for command in commands {
        terminal.note(&format!("  {command}"));
    }
}
