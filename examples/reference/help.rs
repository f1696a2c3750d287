//! The parts of the help of a command.

use clap::Command;

/// The heading above the examples in the help of a command.
const EXAMPLES: &str = "Examples:\n";

/// Builds the parser as the program uses it: with every name, flag and usage, but without
/// the `help` commands that clap adds.
pub(crate) fn build(command: Command) -> Command {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    command
}

/// The subcommands that are not hidden.
pub(crate) fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
}

/// What the command does, in one line.
pub(crate) fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The rest of the description, by paragraph.
pub(crate) fn details(command: &Command) -> Vec<String> {
    let long = command.get_long_about().map(ToString::to_string);
    let about = about(command);
    long.unwrap_or_default()
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty() && *paragraph != about)
        .map(str::to_owned)
        .collect()
}

/// The lines of the examples, as the user types them.
pub(crate) fn examples(command: &Command) -> Vec<String> {
    let texts = [command.get_before_help(), command.get_after_help()];
    let text = texts.into_iter().flatten().find_map(|text| {
        let text = text.to_string();
        Some(text.split_once(EXAMPLES)?.1.to_owned())
    });
    let lines = text.unwrap_or_default();
    let lines: Vec<&str> = lines
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .collect();
    let last = lines.iter().rposition(|line| !line.is_empty());
    lines[..last.map_or(0, |last| last + 1)]
        .iter()
        .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
        .collect()
}
