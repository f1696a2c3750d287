//! The parser as documentation: docs/commands.md, the man pages and `--help` are
//! generated from it alone.

use clap::{Arg, Command};

/// Every command by its full command line, with the flags that it inherits.
pub(super) fn commands() -> Vec<(String, Command)> {
    let mut root = kubectl_imgpolicy::cli::command().disable_help_subcommand(true);
    root.build();
    let mut found = Vec::new();
    let mut open = vec![("kubectl imgpolicy".to_owned(), root)];
    while let Some((typed, command)) = open.pop() {
        for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
            open.push((format!("{typed} {}", below.get_name()), below.clone()));
        }
        found.push((typed, command));
    }
    assert!(found.len() > 8);
    found
}

#[test]
fn every_command_has_a_description_and_an_example() {
    for (typed, command) in commands() {
        let about = command.get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| !about.is_empty()), "{typed}");
        // A group of commands is covered by the examples of its commands.
        if command.has_subcommands() {
            continue;
        }
        let texts = [command.get_before_help(), command.get_after_help()];
        let text: String = texts
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let examples = text
            .split_once("Examples:\n")
            .map_or("", |(_, lines)| lines);
        let is_shown = examples.lines().any(|line| line.contains(&typed));
        assert!(is_shown, "{typed}: no example uses it");
        // The first line describes the example.
        assert!(examples.starts_with("  # "), "{typed}: {examples}");
    }
}

/// The widest line of the help.
const HELP_WIDTH: usize = 100;

#[test]
fn no_example_is_so_long_that_the_help_breaks_it() {
    for (typed, command) in commands() {
        let texts = [command.get_before_help(), command.get_after_help()];
        for text in texts.into_iter().flatten().map(ToString::to_string) {
            for line in text.lines() {
                assert!(line.chars().count() <= HELP_WIDTH, "{typed}: {line}");
            }
        }
    }
}

#[test]
fn every_argument_has_a_description() {
    for (typed, command) in commands() {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string);
            let is_said = help.is_some_and(|help| !help.is_empty());
            assert!(is_said, "{typed}: {}", argument.get_id());
        }
    }
}

#[test]
fn flag_is_under_the_same_heading_in_every_command() {
    // A heading also applies to the flags after its group, so a flag may end up under the
    // wrong one.
    let help = |flag: &Arg| flag.get_help().map(ToString::to_string);
    let commands = commands();
    let flags: Vec<(&str, &Arg)> = commands
        .iter()
        .flat_map(|(typed, command)| command.get_arguments().map(|flag| (typed.as_str(), flag)))
        .collect();
    for (typed, flag) in &flags {
        let same = |(_, other): &&(&str, &Arg)| {
            other.get_id() == flag.get_id() && help(other) == help(flag)
        };
        for (other, again) in flags.iter().filter(same) {
            // A flag without a heading belongs to the command itself.
            if let (Some(one), Some(another)) = (flag.get_help_heading(), again.get_help_heading())
            {
                assert_eq!(one, another, "{} of {typed} and of {other}", flag.get_id());
            }
        }
    }
}
