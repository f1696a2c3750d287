//! `options`: lists the flags that every command accepts, as `kubectl options` does.

use std::process::ExitCode;

use clap::{Command, CommandFactory};

use crate::cli::args::Arguments;
use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;

pub(crate) fn options(terminal: &mut Terminal) -> Result<ExitCode, CommandError> {
    let all = Arguments::command();
    let flags = all
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|argument| argument.clone().hide(false));
    let mut shown = Command::new("options")
        .disable_help_flag(true)
        .max_term_width(100)
        .help_template("The following options can be passed to any command:\n\n{options}")
        .args(flags);
    terminal.print(&shown.render_help().to_string());
    Ok(ExitCode::SUCCESS)
}
