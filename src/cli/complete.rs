//! Candidates for tab completion.
//!
//! kubectl runs `kubectl_complete-imgpolicy` with the words typed so far. It expects one
//! candidate per line, a description after a tab, and `:4` at the end. Krew links only
//! one program, so the program answers `__complete` itself, and also when it is called
//! by that name.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};

use crate::cli::args::Arguments;
use crate::cli::runtime::runtime;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, Scope, Selection, WorkloadSelector};
use crate::policy::PolicyType;
use crate::workload::{WorkloadKind, WorkloadType};

/// The words to complete, if kubectl asks for completion.
pub(crate) fn asked_by_kubectl(arguments: &[OsString]) -> Option<Vec<String>> {
    let name = Path::new(arguments.first()?).file_stem()?.to_string_lossy();
    if name == "kubectl_complete-imgpolicy" {
        return Some(to_strings(&arguments[1..]));
    }
    match arguments.get(1) {
        Some(word) if word == "__complete" => Some(to_strings(&arguments[2..])),
        _ => None,
    }
}

fn to_strings(words: &[OsString]) -> Vec<String> {
    words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Answers kubectl. On any error there are no candidates, because a shell has nowhere to
/// show an error.
pub(crate) fn complete(words: &[String]) -> ExitCode {
    let mut text = String::new();
    for (candidate, description) in candidates(words) {
        text.push_str(&candidate);
        if !description.is_empty() {
            text.push('\t');
            text.push_str(&description);
        }
        text.push('\n');
    }
    text.push_str(":4\n");
    Terminal::detect().print(&text);
    ExitCode::SUCCESS
}

type Completion = (String, String);

fn candidates(words: &[String]) -> Vec<Completion> {
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", words),
    };
    let root = Arguments::command();
    let command = command_of(&root, before);
    let flag = before
        .last()
        .and_then(|word| flag_with_value(&root, command, word));
    let all = match (command, flag) {
        (_, Some(flag)) => values_of(flag, before, last),
        (_, None) if last.starts_with('-') => flags(&root, command),
        (None, None) => subcommands(&root),
        (Some(command), None) if command.has_subcommands() => subcommands(command),
        (Some(command), None) => arguments_of(command, before, last),
    };
    let mut fitting: Vec<Completion> = all
        .into_iter()
        .filter(|(candidate, _)| candidate.starts_with(last))
        .collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

fn subcommands(root: &Command) -> Vec<Completion> {
    root.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            (command.get_name().to_owned(), about.unwrap_or_default())
        })
        .collect()
}

fn flags(root: &Command, command: Option<&Command>) -> Vec<Completion> {
    let global = root
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let own = command.into_iter().flat_map(Command::get_arguments);
    global
        .chain(own)
        .filter_map(|argument| {
            let long = argument.get_long()?;
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            Some((format!("--{long}"), help))
        })
        .collect()
}

/// The command that was typed. The value of a flag, such as a namespace, may have the same
/// name as a command.
fn command_of<'r>(root: &'r Command, before: &[String]) -> Option<&'r Command> {
    let mut words = before.iter();
    while let Some(word) = words.next() {
        if flag_with_value(root, None, word).is_some() {
            words.next();
        } else if let Some(command) = root.find_subcommand(word) {
            let below = words.find_map(|word| command.find_subcommand(word));
            return Some(below.unwrap_or(command));
        }
    }
    None
}

/// The flag that this word names, if its value is the next word.
fn flag_with_value<'r>(
    root: &'r Command,
    command: Option<&'r Command>,
    word: &str,
) -> Option<&'r Arg> {
    let mut all = root
        .get_arguments()
        .chain(command.into_iter().flat_map(Command::get_arguments));
    all.find(|argument: &&Arg| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        long.as_deref() == Some(word) || short.as_deref() == Some(word)
    })
    .filter(|argument| {
        matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
            && !argument.is_require_equals_set()
    })
}

/// The values of an argument: those that its parser knows, otherwise those that its
/// placeholder in the help implies.
fn values_of(argument: &Arg, before: &[String], last: &str) -> Vec<Completion> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        return possible.iter().map(candidate_of_value).collect();
    }
    let placeholder = argument
        .get_value_names()
        .and_then(|names| names.first())
        .map_or("", |name| name.as_str());
    match placeholder {
        "NAMESPACE" => live(before, async |cluster| cluster.namespaces().await.ok())
            .into_iter()
            .flatten()
            .map(|name| (name, String::new()))
            .collect(),
        "CONTAINER" => containers(before),
        "TYPE:EXPR" => policy_types().collect(),
        "auto|TYPE:EXPR" => std::iter::once(("auto".to_owned(), String::new()))
            .chain(policy_types())
            .collect(),
        "TYPE/NAME" | "TYPE[/NAME]" | "IMAGE|TYPE/NAME" => workloads(before, last),
        _ if placeholder.starts_with("CONTAINER=") => containers(before)
            .into_iter()
            .map(|(name, image)| (format!("{name}="), image))
            .collect(),
        _ => Vec::new(),
    }
}

fn candidate_of_value(value: &PossibleValue) -> Completion {
    let help = value.get_help().map(ToString::to_string);
    (value.get_name().to_owned(), help.unwrap_or_default())
}

/// How policies begin. Types without an expression are complete.
fn policy_types() -> impl Iterator<Item = Completion> {
    PolicyType::ALL.iter().map(|kind| {
        let colon = match kind {
            PolicyType::Alphabetical | PolicyType::Numerical => "",
            PolicyType::Semver | PolicyType::Glob | PolicyType::Regex | PolicyType::Digest => ":",
        };
        (format!("{kind}{colon}"), String::new())
    })
}

/// The values of the positional arguments of a command.
fn arguments_of(command: &Command, before: &[String], last: &str) -> Vec<Completion> {
    let arguments = command.get_positionals();
    arguments
        .flat_map(|argument| values_of(argument, before, last))
        .collect()
}

/// Workload types, and the names of the workloads of a type.
fn workloads(before: &[String], last: &str) -> Vec<Completion> {
    // A name follows `TYPE/`, or is the word after `TYPE`.
    let typed = last.split_once('/').map(|(kind, _)| kind);
    let in_front = before.iter().skip(1).find_map(|word| word.parse().ok());
    let kind = typed.map_or(in_front, |kind| kind.parse::<WorkloadType>().ok());
    let Some(kind) = kind else {
        return WorkloadKind::ALL
            .iter()
            .map(|kind| (format!("{}/", kind.singular()), String::new()))
            .collect();
    };
    let names = live(before, async |cluster| {
        let scope = Scope::Namespace(cluster.namespace().to_owned());
        cluster.names(&kind, &scope).await.ok()
    });
    let prefix = typed.map_or_else(String::new, |kind| format!("{kind}/"));
    let names = names.into_iter().flatten();
    names
        .map(|name| (format!("{prefix}{name}"), String::new()))
        .collect()
}

/// The containers of the named workload.
fn containers(before: &[String]) -> Vec<Completion> {
    let named = before.iter().find_map(|word| {
        let (kind, name) = word.split_once('/')?;
        Some((kind.parse::<WorkloadType>().ok()?, name.to_owned()))
    });
    let Some(named) = named else {
        return Vec::new();
    };
    let listing = live(before, async |cluster| {
        let selection = Selection {
            scope: Scope::Namespace(cluster.namespace().to_owned()),
            label_selector: None,
            selector: WorkloadSelector::Named(vec![named]),
        };
        cluster.workloads(&selection).await.ok()
    });
    listing
        .into_iter()
        .flat_map(|listing| listing.workloads)
        .flat_map(|workload| workload.containers)
        .map(|container| (container.name, container.image))
        .collect()
}

/// Queries the cluster that the words so far select.
fn live<T>(before: &[String], ask: impl AsyncFnOnce(&Cluster) -> Option<T>) -> Option<T> {
    // Only the client flags matter, and the words may not be complete yet.
    let parser = Arguments::command()
        .ignore_errors(true)
        .subcommand_required(false)
        .arg_required_else_help(false);
    let words = std::iter::once("kubectl-imgpolicy").chain(before.iter().map(String::as_str));
    let matches = parser.try_get_matches_from(words).ok()?;
    let globals = crate::cli::flags::client::Globals::from_arg_matches(&matches).ok()?;
    runtime().ok()?.block_on(async {
        let cluster = Cluster::connect(&globals.connection()).await.ok()?;
        let asked = tokio::time::timeout(std::time::Duration::from_secs(2), ask(&cluster));
        asked.await.ok().flatten()
    })
}
