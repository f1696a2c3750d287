//! The entry point of the command line: parse, dispatch, exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use super::args::{Arguments, Command};
use super::commands;
use super::commands::annotations::{automate, deautomate, lock, policy, unlock};
use super::error::CommandError;
use super::flags::given::GivenFlags;
use super::terminal::streams::Terminal;

use crate::output::sanitize;
use crate::secrets;

/// Runs the program with these arguments. The first one is the name of the program.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(words) = super::complete::asked_by_kubectl(&arguments) {
        return super::complete::complete(&words);
    }
    let arguments = super::flags::client::join_level(arguments);
    learn_secrets(&arguments);
    let mut terminal = Terminal::detect();
    let arguments = match parse(&arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // The message quotes arguments, which may contain terminal escape codes.
            // Without them, they are just as wrong.
            let words: Vec<OsString> = arguments
                .iter()
                .map(|word: &OsString| sanitize(&word.to_string_lossy()).into_owned().into())
                .collect();
            // If they are not wrong without them, nothing of the message is shown.
            let error = match parse(&words) {
                Err(error) => error,
                Ok(_) if words == arguments => error,
                Ok(_) => Arguments::command().error(
                    ErrorKind::InvalidValue,
                    "an argument contains control characters or invisible characters",
                ),
            };
            let code = terminal.usage(&error);
            return terminal.end(code);
        }
    };
    terminal.set_colour(arguments.globals.color);
    terminal.set_verbosity(arguments.globals.verbosity);
    super::terminal::logging::start(arguments.globals.verbosity);
    let code = match dispatch(arguments, &mut terminal) {
        Ok(code) => code,
        Err(error) => error.report(&mut terminal),
    };
    terminal.end(code)
}

fn parse(words: &[OsString]) -> Result<Arguments, clap::Error> {
    let mut command = parser(words);
    let matches = command.try_get_matches_from_mut(words)?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    arguments.globals.given = GivenFlags::from_matches(&command, &matches);
    Ok(arguments)
}

/// Registers secrets from the command line and the proxy settings, so that no message
/// repeats them.
#[expect(
    clippy::disallowed_methods,
    reason = "the passwords of the machine's proxies are in the environment"
)]
fn learn_secrets(arguments: &[OsString]) {
    let mut is_next = false;
    for word in arguments.iter().filter_map(|word| word.to_str()) {
        if std::mem::take(&mut is_next) {
            secrets::learn(word);
        }
        match word.split_once('=') {
            Some(("--token" | "--password", secret)) => secrets::learn(secret),
            _ => is_next = matches!(word, "--token" | "--password"),
        }
    }
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        for name in [name, &name.to_ascii_lowercase()] {
            if let Ok(url) = std::env::var(name) {
                secrets::learn_url(&url);
            }
        }
    }
}

/// The whole command line as kubectl shows it, with every subcommand and flag.
/// `examples/reference` generates the documentation from it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command().bin_name("kubectl imgpolicy")
}

/// The parser, with the name by which the user called the program.
fn parser(arguments: &[OsString]) -> clap::Command {
    let name = arguments
        .first()
        .map(std::path::Path::new)
        .and_then(|path| path.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name = match name.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {plugin}"),
        None => "kubectl-imgpolicy".to_owned(),
    };
    Arguments::command().bin_name(name)
}

fn dispatch(arguments: Arguments, terminal: &mut Terminal) -> Result<ExitCode, CommandError> {
    let globals = &arguments.globals;
    match arguments.command {
        Command::Status(args) => commands::status::status(&args, globals, terminal),
        Command::Explain(args) => commands::explain::explain(&args, globals, terminal),
        Command::Test(args) => commands::test::test(&args, globals, terminal),
        Command::Images(args) => commands::images::images(&args, globals, terminal),
        Command::Update(args) => commands::update::update(&args, globals, terminal),
        Command::Rollback(args) => commands::rollback::rollback(&args, globals, terminal),
        Command::History(args) => commands::history::history(&args, globals, terminal),
        Command::Automate(args) => automate::automate(&args, globals, terminal),
        Command::Deautomate(args) => deautomate::deautomate(&args, globals, terminal),
        Command::Lock(args) => lock::lock(&args, globals, terminal),
        Command::Unlock(args) => unlock::unlock(&args, globals, terminal),
        Command::Policy(args) => policy::policy(&args, globals, terminal),
        Command::Controller(args) => {
            commands::controller::options::controller(&args, globals, terminal)
        }
        Command::Cache(args) => commands::cache::cache(&args, terminal),
        Command::Completion(args) => {
            commands::completion::completion(&args, Arguments::command(), terminal)
        }
        Command::Version(args) => commands::version::version(&args, terminal),
        Command::Options => commands::options::options(terminal),
    }
}
