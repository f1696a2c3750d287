//! Single keys, and whole lines on a terminal without escape codes.
//!
//! Ctrl-C and the end of input are errors here, so that they end every prompt in the same
//! way: the terminal is restored, `nothing changed` is printed, and the exit code is right.

use std::io::{self, ErrorKind};
use std::pin::pin;

use dialoguer::console::{Key, Term};
use futures_util::future::poll_immediate;
use tokio::sync::oneshot;

use super::streams::Terminal;
use crate::cli::error::CommandError;
use crate::cli::runtime::runtime;

/// Reads single keys. While it exists, the terminal echoes nothing and Ctrl-C is an
/// ordinary key. So a Ctrl-C between two reads is not lost, and typing ahead does not
/// garble what is drawn.
#[derive(Debug)]
pub(crate) struct Keyboard {
    term: Term,
    _raw: RawMode,
}

/// What Ctrl-D sends if the terminal does not interpret it.
const END_OF_INPUT: char = '\u{4}';

impl Keyboard {
    /// Takes the keyboard. Drops what was typed before the prompt was visible, because it
    /// cannot be an answer to it.
    ///
    /// # Errors
    ///
    /// The mode of the terminal cannot be set.
    pub(crate) fn take() -> Result<Self, CommandError> {
        Ok(Self {
            term: Term::stderr(),
            _raw: RawMode::enter().map_err(cannot_read)?,
        })
    }

    /// Waits for a key.
    ///
    /// # Errors
    ///
    /// Ctrl-C, the end of the input, or a terminal that cannot be read.
    pub(crate) fn key(&self) -> Result<Key, CommandError> {
        match self.term.read_key_raw() {
            Ok(Key::CtrlC) => Err(CommandError::interrupted()),
            Ok(Key::Char(END_OF_INPUT)) => Err(CommandError::declined()),
            Ok(key) => Ok(key),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(CommandError::declined()),
            Err(error) => Err(cannot_read(error)),
        }
    }
}

/// Prompts for a line and waits for it. The terminal itself lets the user edit the line.
/// Must not be called from within a runtime.
///
/// # Errors
///
/// Ctrl-C, the end of input, or a terminal that cannot be read. Further output starts on a
/// new line.
pub(crate) fn line(prompt: &str, terminal: &mut Terminal) -> Result<String, CommandError> {
    let line = runtime()?.block_on(read_line(prompt, terminal));
    if line.is_err() {
        terminal.prompt("\n");
    }
    line
}

async fn read_line(prompt: &str, terminal: &mut Terminal) -> Result<String, CommandError> {
    // The user may press Ctrl-C as soon as the prompt is visible.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    if poll_immediate(&mut interrupted).await.is_some() {
        return Err(CommandError::interrupted());
    }
    terminal.prompt(prompt);
    let (sender, receiver) = oneshot::channel();
    // A blocking read cannot be cancelled. On Ctrl-C the thread is left behind, and the
    // program ends.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        let _ = sender.send(read.map(|bytes| (bytes > 0).then_some(line)));
    });
    let read = tokio::select! {
        read = receiver => read.ok(),
        Ok(()) = &mut interrupted => None,
    };
    match read {
        Some(Ok(Some(line))) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        Some(Ok(None)) => Err(CommandError::declined()),
        Some(Err(error)) => Err(cannot_read(error)),
        None => Err(CommandError::interrupted()),
    }
}

fn cannot_read(error: io::Error) -> CommandError {
    CommandError::failed(format!("cannot read the terminal: {error}"))
}

/// A terminal in the mode for reading single keys. The previous mode is restored on drop.
#[cfg(unix)]
#[derive(Debug)]
struct RawMode {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl RawMode {
    fn enter() -> io::Result<Self> {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // A written line break still returns to the first column.
        raw.output_modes = before.output_modes;
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        Ok(Self { before })
    }
}

#[cfg(unix)]
impl Drop for RawMode {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// On other systems the console sets its mode for each key.
#[cfg(not(unix))]
#[derive(Debug)]
struct RawMode;

#[cfg(not(unix))]
impl RawMode {
    fn enter() -> io::Result<Self> {
        Ok(Self)
    }
}
