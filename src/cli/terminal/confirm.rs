//! The confirmation prompt before a change.

use dialoguer::console::{Key, measure_text_width};

use super::keyboard::{self, Keyboard};
use super::streams::Terminal;
use crate::cli::error::CommandError;
use crate::output::sanitize;
use crate::output::{is_unsafe, wrap};

/// What the user is asked to confirm.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    /// What is going to happen: `Update 3 workloads`.
    pub(crate) action: String,
    /// What changes: `3 workloads`.
    pub(crate) what: String,
    /// Where: `in namespace shop of context prod`, `in 2 files`.
    pub(crate) location: String,
}

impl Prompt {
    /// The text of the prompt.
    fn text(&self) -> String {
        let Self {
            action, location, ..
        } = self;
        sanitize(&format!("{action} {location}? [y/N] ")).into_owned()
    }

    /// Printed if nobody can answer.
    fn refusal(&self) -> String {
        format!(
            "refusing to change {} without a terminal; pass --yes, or --dry-run to preview",
            self.what
        )
    }
}

/// Continues if the user agrees: with `--yes`, or with `y` or `yes` and Enter at the
/// terminal. Enter alone means no. Must not be called from within a runtime.
///
/// # Errors
///
/// Nobody can answer (exit code 1), the answer is no, Esc or end of input (1), or Ctrl-C
/// (130). Nothing was changed then, and the message says so.
pub(crate) fn confirm(
    prompt: &Prompt,
    yes: bool,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !terminal.can_ask() {
        return Err(CommandError::failed(prompt.refusal()));
    }
    let columns = terminal.question_style().width;
    // The answer is typed on the last line.
    let text = wrap(&prompt.text(), columns, 0);
    let answer = if terminal.is_dumb() {
        keyboard::line(&text, terminal)
    } else {
        // Keys pressed after the prompt appears are not lost.
        let keyboard = Keyboard::take()?;
        terminal.prompt(&text);
        let answer = typed(&keyboard, terminal);
        terminal.prompt("\n");
        answer
    };
    match answer?.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::declined()),
    }
}

/// Reads the text up to Enter. Esc counts as no. Only the typed character is drawn, because
/// the prompt may take several lines.
fn typed(keyboard: &Keyboard, terminal: &mut Terminal) -> Result<String, CommandError> {
    let mut answer = String::new();
    loop {
        match keyboard.key()? {
            Key::Enter => return Ok(answer),
            Key::Escape => return Err(CommandError::declined()),
            Key::Backspace => {
                let columns = answer
                    .pop()
                    .map_or(0, |c| measure_text_width(c.encode_utf8(&mut [0; 4])));
                terminal.prompt(&"\u{8} \u{8}".repeat(columns));
            }
            Key::Char(c) if !is_unsafe(c) => {
                answer.push(c);
                terminal.prompt(c.encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_names_the_location_and_refusal_the_count() {
        let prompt = Prompt {
            action: "Update 3 workloads".to_owned(),
            what: "3 workloads".to_owned(),
            location: "in namespace shop of context pr\u{1b}od".to_owned(),
        };
        assert_eq!(
            prompt.text(),
            "Update 3 workloads in namespace shop of context prod? [y/N] "
        );
        assert_eq!(
            prompt.refusal(),
            "refusing to change 3 workloads without a terminal; pass --yes, or --dry-run to preview"
        );
    }
}
