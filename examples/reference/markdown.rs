//! `docs/commands.md`: a readable page, not a dump of the help. Flags that several commands
//! share are described once, and the commands link to them.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

use crate::help::{about, build, details, examples, subcommands};
use crate::prose::{code, item, paragraph, row, sentence};

const START: &str = "# Commands

This page lists every command with its flags and examples. It is generated from the program's help
(`make docs`), which `kubectl imgpolicy COMMAND --help` also prints. Every command also accepts the
[global flags](#flags-of-every-command).
";

/// The whole page.
pub(crate) fn page(command: Command) -> String {
    let root = build(command);
    let commands = commands_below(&root, "");
    let shared = Shared::from_commands(&commands);
    let mut page = START.to_owned();
    index(&commands, &mut page);
    for (name, command) in &commands {
        section(name, command, &shared, &mut page);
    }
    shared.sections(&commands, &mut page);
    page.push_str("\n## Flags of every command\n\n");
    let globals: Vec<&Arg> = root
        .get_arguments()
        .filter(|flag| flag.is_global_set())
        .collect();
    table("flag", &globals, &mut page);
    page
}

/// Every command by its full name, in the order of the help.
fn commands_below<'c>(command: &'c Command, parent: &str) -> Vec<(String, &'c Command)> {
    let mut found = Vec::new();
    for next in subcommands(command) {
        let name = format!("{parent} {}", next.get_name()).trim().to_owned();
        found.push((name.clone(), next));
        found.extend(commands_below(next, &name));
    }
    found
}

fn index(commands: &[(String, &Command)], page: &mut String) {
    page.push_str("\n| command | what it does |\n|---|---|\n");
    for (name, command) in commands {
        if !command.has_subcommands() {
            page.push_str(&row(&[link(name), sentence(&about(command))]));
        }
    }
}

/// A link to the section of a command.
fn link(name: &str) -> String {
    format!("[{}](#{})", code(name), name.replace(' ', "-"))
}

fn section(name: &str, command: &Command, shared: &Shared<'_>, page: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim_end();
    let about = paragraph(&format!("{}.", about(command)));
    let _ = write!(page, "\n## `{name}`\n\n{about}\n\n```text\n{usage}\n```\n");
    for text in details(command) {
        let _ = write!(page, "\n{}\n", paragraph(&text));
    }
    if command.has_subcommands() {
        let commands: Vec<String> = commands_below(command, name)
            .iter()
            .map(|(name, _)| link(name))
            .collect();
        let _ = write!(
            page,
            "\n{}\n",
            paragraph(&format!("Commands: {}.", commands.join(", ")))
        );
    }
    let lines = examples(command);
    if !lines.is_empty() {
        let _ = write!(page, "\n```sh\n{}\n```\n", lines.join("\n"));
    }
    let (positional, flags): (Vec<&Arg>, Vec<&Arg>) = own(command)
        .filter(|flag| !shared.has(flag))
        .partition(|argument| argument.is_positional());
    for (heading, arguments) in [("argument", positional), ("flag", flags)] {
        if !arguments.is_empty() {
            page.push('\n');
            table(heading, &arguments, page);
        }
    }
    shared.pointers(command, page);
}

/// The arguments of the command itself.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        let is_help = matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong
        );
        !argument.is_global_set() && !argument.is_hide_set() && !is_help
    })
}

/// The flags of more than one command, by the heading of their group. A flag without a
/// heading may have a different meaning in each command.
struct Shared<'c> {
    groups: Vec<(&'c str, Vec<&'c Arg>)>,
}

impl<'c> Shared<'c> {
    fn from_commands(commands: &[(String, &'c Command)]) -> Self {
        let mut groups: Vec<(&str, Vec<&Arg>)> = Vec::new();
        let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
        for flag in commands.iter().flat_map(|(_, command)| own(command)) {
            *times.entry(identity(flag)).or_default() += 1;
        }
        for flag in commands.iter().flat_map(|(_, command)| own(command)) {
            let Some(heading) = flag.get_help_heading() else {
                continue;
            };
            if times[&identity(flag)] < 2 {
                continue;
            }
            let at = groups.iter().position(|(name, _)| *name == heading);
            let at = at.unwrap_or_else(|| {
                groups.push((heading, Vec::new()));
                groups.len() - 1
            });
            let group = &mut groups[at].1;
            if !group.iter().any(|known| identity(known) == identity(flag)) {
                group.push(flag);
            }
        }
        Self { groups }
    }

    fn has(&self, flag: &Arg) -> bool {
        let mut all = self.groups.iter().flat_map(|(_, flags)| flags);
        all.any(|known| identity(known) == identity(flag))
    }

    /// The flags of a group that a command has.
    fn taken(flags: &[&'c Arg], command: &Command) -> Vec<&'c Arg> {
        let flags = flags.iter().copied();
        flags
            .filter(|flag| own(command).any(|own| identity(own) == identity(flag)))
            .collect()
    }

    /// Links to the flags of a command that are not in its own table.
    fn pointers(&self, command: &Command, page: &mut String) {
        let mut lines = Vec::new();
        for (heading, flags) in &self.groups {
            let taken = Self::taken(flags, command);
            let left: Vec<&Arg> = flags
                .iter()
                .copied()
                .filter(|flag| !taken.iter().any(|taken| identity(taken) == identity(flag)))
                .collect();
            let which = match (taken.len(), left.len()) {
                (0, _) => continue,
                (_, 0) => "all".to_owned(),
                (taken, left_out) if left_out < taken => format!("all but {}", names(&left)),
                _ => names(&taken),
            };
            let anchor = heading.to_lowercase().replace(' ', "-");
            lines.push(item(&format!("[{heading}](#{anchor}): {which}")) + "\n");
        }
        if !lines.is_empty() {
            page.push_str("\nFlags shared with other commands:\n\n");
            page.extend(lines);
        }
    }

    fn sections(&self, commands: &[(String, &Command)], page: &mut String) {
        page.push_str("\n## Shared flags\n");
        for (heading, flags) in &self.groups {
            let takers = commands
                .iter()
                .filter(|(_, command)| !Self::taken(flags, command).is_empty());
            let takers: Vec<String> = takers.map(|(name, _)| code(name)).collect();
            let takers = paragraph(&format!("Used by {}.", takers.join(", ")));
            let _ = write!(page, "\n### {heading}\n\n{takers}\n\n");
            table("flag", flags, page);
        }
    }
}

/// What identifies a flag: its name, group and meaning.
fn identity(flag: &Arg) -> (String, String) {
    let heading = flag.get_help_heading().unwrap_or_default();
    (format!("{heading} {}", flag.get_id()), meaning(flag))
}

fn names(flags: &[&Arg]) -> String {
    let names: Vec<String> = flags
        .iter()
        .filter_map(|flag| flag.get_long())
        .map(|name| format!("--{name}"))
        .collect();
    names.join(", ")
}

fn table(heading: &str, arguments: &[&Arg], page: &mut String) {
    let _ = writeln!(page, "| {heading} | meaning |\n|---|---|");
    for argument in arguments {
        page.push_str(&row(&[syntax(argument), meaning(argument)]));
    }
}

/// The syntax of an argument.
fn syntax(argument: &Arg) -> String {
    let value = argument
        .get_value_names()
        .map(|names| names.join(" "))
        .filter(|_| argument.get_num_args().is_some_and(|n| n.takes_values()));
    let Some(long) = argument.get_long() else {
        let several = argument.get_num_args().is_some_and(|n| n.max_values() > 1);
        let dots = if several { "…" } else { "" };
        return code(&format!("{}{dots}", value.unwrap_or_default()));
    };
    let value = match value {
        Some(value) if argument.is_require_equals_set() => format!("[={value}]"),
        Some(value) => format!(" {value}"),
        None => String::new(),
    };
    let long = code(&format!("--{long}{value}"));
    match argument.get_short() {
        // kubectl's `-v` also has a long form `--v`, which nobody uses.
        Some(short) if argument.get_long() == Some(&short.to_string()) => {
            code(&format!("-{short}{value}"))
        }
        Some(short) => format!("`-{short}`, {long}"),
        None => long,
    }
}

/// The meaning of an argument, with its values and its default.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = sentence(&help.map(ToString::to_string).unwrap_or_default());
    let is_switch = argument.is_require_equals_set();
    let values = argument.get_possible_values();
    if !argument.is_hide_possible_values_set() && !values.is_empty() && !is_switch {
        let values = values.iter().filter(|value| !value.is_hide_set());
        let values: Vec<String> = values
            .map(|value| match value.get_help() {
                Some(help) => format!(
                    "{}: {}",
                    code(value.get_name()),
                    sentence(help.to_string().trim_end_matches('.'))
                ),
                None => code(value.get_name()),
            })
            .collect();
        let _ = write!(text, ". {}", values.join("; "));
    }
    let defaults = argument.get_default_values();
    let takes_value = argument.get_num_args().is_some_and(|n| n.takes_values());
    let is_hidden = argument.is_hide_default_value_set() || is_switch || !takes_value;
    if !is_hidden && !defaults.is_empty() {
        let defaults: Vec<String> = defaults
            .iter()
            .map(|value| code(&value.to_string_lossy()))
            .collect();
        let _ = write!(text, ". Default: {}", defaults.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_flags_are_described_once_and_linked() {
        let page = page(kubectl_imgpolicy::cli::command());
        for (text, times) in [
            ("| `--max-wait DURATION` |", 1),
            ("| `--kubeconfig FILE` |", 1),
            ("- [Registries](#registries): all but `--pull-secrets`\n", 1),
            ("\n## `cache info`\n", 1),
            ("[`cache info`](#cache-info)", 2),
        ] {
            assert_eq!(page.matches(text).count(), times, "{text}");
        }
        // A flag without a heading is described in each command.
        assert!(page.matches("| `-o`, `--output FORMAT` |").count() > 3);
        assert!(!page.contains("`--help`"));
        assert!(!page.contains("Default: `false`"));
    }
}
