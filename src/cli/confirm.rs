//! Asking before anything is changed.

use super::error::CommandError;
use super::terminal::Terminal;

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// What is going to happen: `Update 3 workloads`.
    pub(super) action: String,
    /// How many workloads change.
    pub(super) workloads: usize,
    /// Where: `in namespace shop of context prod`, `in 2 files`.
    pub(super) place: String,
}

/// Goes on if that was wished: with `--yes`, or by an answer at the terminal,
/// where No is what Enter says.
///
/// # Errors
///
/// Nobody can be asked (exit code 1), the answer is no or Esc (1), or Ctrl-C
/// (130): nothing was changed then, and the message says so.
pub(super) fn confirm(
    question: &Question,
    yes: bool,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let _ = (question, yes, terminal);
    todo!("menu helper")
}
