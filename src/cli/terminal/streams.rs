//! Standard output and standard error, and what they are connected to.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use dialoguer::console::Term;
use serde::Serialize;

use super::colour::ColourChoice;
use crate::evaluator::ScopeError;
use crate::output::sanitize;
use crate::output::{DataFormat, EncodeError, Paint, Style, encode, write_json};
use crate::secrets;

/// The two streams: results go to the first, everything else to the second.
#[derive(Debug)]
pub(crate) struct Terminal {
    colour: ColourChoice,
    no_color: bool,
    width: Option<usize>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    stdin_is_terminal: bool,
    is_dumb: bool,
    /// The level of `-v`.
    pub(crate) verbosity: u8,
    /// Why a result could not be printed.
    lost: Option<io::Error>,
}

impl Terminal {
    /// Inspects the streams, `NO_COLOR`, `TERM` and `COLUMNS`.
    pub(crate) fn detect() -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        // COLUMNS counts only if the terminal does not report its size.
        let columns = variable("COLUMNS").and_then(|c| c.to_str()?.parse::<usize>().ok());
        let measured = stdout_is_terminal
            .then(|| {
                Term::stdout()
                    .size_checked()
                    .map(|(_, columns)| usize::from(columns))
            })
            .flatten();
        Self {
            colour: ColourChoice::Auto,
            no_color: variable("NO_COLOR").is_some(),
            // If Unix does not name the type of the terminal, assume that it can do
            // nothing.
            is_dumb: variable("TERM").map_or(cfg!(unix), |term| term == "dumb"),
            width: if stdout_is_terminal {
                measured.or(columns)
            } else {
                None
            },
            stdout_is_terminal,
            stderr_is_terminal: io::stderr().is_terminal(),
            stdin_is_terminal: io::stdin().is_terminal(),
            verbosity: 0,
            lost: None,
        }
    }

    pub(crate) fn set_colour(&mut self, colour: ColourChoice) {
        self.colour = colour;
    }

    pub(crate) fn set_verbosity(&mut self, verbosity: u8) {
        self.verbosity = verbosity;
    }

    fn colours(&self, is_terminal: bool) -> bool {
        match self.colour {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => is_terminal && !self.no_color && !self.is_dumb,
        }
    }

    /// How results are drawn.
    pub(crate) fn style(&self) -> Style {
        Style {
            colour: self.colours(self.stdout_is_terminal),
            width: self.width,
        }
    }

    /// Whether progress may be drawn on standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.is_dumb
    }

    /// Whether somebody can answer prompts: they are written to standard error and answered
    /// on standard input. Results may go elsewhere.
    pub(crate) fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }

    /// Whether the terminal has no escape codes, so that a prompt is a plain line.
    pub(crate) fn is_dumb(&self) -> bool {
        self.is_dumb
    }

    /// How prompts are drawn on standard error: in its colours and width.
    pub(crate) fn question_style(&self) -> Style {
        Style {
            colour: self.colours(self.stderr_is_terminal),
            width: self
                .stderr_is_terminal
                .then(|| usize::from(Term::stderr().size().1)),
        }
    }

    /// Writes part of a line to standard error: a prompt, or what was typed.
    pub(crate) fn prompt(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    /// Draws something on standard error. Nothing is shortened if that is not a terminal.
    pub(crate) fn preview(&mut self, draw: impl FnOnce(&Style) -> String) {
        self.prompt(&draw(&self.question_style()));
    }

    /// Prints a result. If the reader has gone away, such as `head`, output ends quietly. Any
    /// other failure is reported at the end, by [`Self::end`].
    pub(crate) fn print(&mut self, text: &str) {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        let newline = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let printed = written
            .and_then(|()| stdout.write_all(newline.as_bytes()))
            .and_then(|()| stdout.flush());
        drop(stdout);
        self.note_lost(printed);
    }

    /// Prints data like [`Self::print`].
    ///
    /// # Errors
    ///
    /// The data cannot be encoded, which would be a bug.
    pub(crate) fn print_data(
        &mut self,
        value: &impl Serialize,
        format: DataFormat,
    ) -> Result<(), EncodeError> {
        if format == DataFormat::Yaml {
            self.print(&encode(value, format)?);
            return Ok(());
        }
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        let printed = match write_json(value, &mut stdout) {
            Err(EncodeError::Json(error)) if error.is_io() => Err(error.into()),
            encoded => {
                encoded?;
                stdout.flush()
            }
        };
        drop(stdout);
        self.note_lost(printed);
        Ok(())
    }

    fn note_lost(&mut self, printed: io::Result<()>) {
        if let Err(error) = printed
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost.get_or_insert(error);
        }
    }

    /// The exit code of the run. A result that could not be printed, for example because the
    /// disk is full, is a failure.
    pub(crate) fn end(&mut self, code: ExitCode) -> ExitCode {
        match self.lost.take() {
            Some(error) => {
                self.error(&format!("error: cannot write to standard output: {error}"));
                ExitCode::FAILURE
            }
            None => code,
        }
    }

    /// Writes a text unchanged, to its last byte.
    ///
    /// # Errors
    ///
    /// The text could not be written, so a redirected file is incomplete.
    pub(crate) fn write_raw(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        written.and_then(|()| stdout.flush())
    }

    /// Writes a line of a program that goes on to standard error. If nobody reads it, the program
    /// still goes on.
    pub(crate) fn log(&mut self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Prints one line that is not a result, without secrets and control characters.
    pub(crate) fn note(&mut self, text: &str) {
        self.write_line(text, None);
    }

    /// Reports a failure, in the same way.
    pub(crate) fn error(&mut self, text: &str) {
        self.write_line(text, Some(Paint::Bad));
    }

    /// Reports what could not be read, with its hint on a line of its own. The message may
    /// come from a snapshot and only look as if it had a hint, so only our own hints are
    /// accepted.
    pub(crate) fn scope_error(&mut self, error: &ScopeError) {
        match error.message.rsplit_once("\nhint: ") {
            Some((message, hint)) if is_own_hint(hint) => {
                self.error(message);
                self.error(&format!("hint: {hint}"));
            }
            _ => self.error(&error.message),
        }
    }

    fn write_line(&mut self, text: &str, paint: Option<Paint>) {
        let style = Style {
            colour: self.colours(self.stderr_is_terminal),
            width: None,
        };
        // Sanitize the whole text: a foreign line break must not start a new line.
        let line = secrets::redact(text);
        let line = sanitize(line.trim_end());
        let line = match paint {
            Some(paint) => style.paint(paint, &line),
            None => line,
        };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Prints clap's message: help on standard output with exit code 0, errors on standard
    /// error with 2.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> ExitCode {
        // A command without arguments asks for help and is not an error: kubectl returns 0.
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            self.print(&error.render().to_string());
            return ExitCode::SUCCESS;
        }
        if !error.use_stderr() {
            let printed = error.print().and_then(|()| io::stdout().flush());
            self.note_lost(printed);
            return ExitCode::SUCCESS;
        }
        let rendered = error.render();
        let text = if self.colours(self.stderr_is_terminal) {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        };
        self.prompt(&secrets::redact(&text));
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    }
}

/// The value of an environment variable, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads how to draw"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn is_own_hint(hint: &str) -> bool {
    hint.starts_with("kubectl auth can-i ") || hint.starts_with("listing ")
}
