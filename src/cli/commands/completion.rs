//! Completion: scripts for shells, and the answers that kubectl asks for.
//!
//! kubectl runs `kubectl_complete-imgpolicy` with the words typed so far and
//! wants candidates, one a line with a description behind a tab, and `:4` at the
//! end. Krew links one program only, so the program answers `__complete` itself
//! and also when it is called by that name.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Args, Command, CommandFactory, FromArgMatches, ValueEnum};
use clap_complete::Shell;

use crate::cli::args::Arguments;
use crate::cli::error::CommandError;
use crate::cli::gather::workloads;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, Scope, Selection, WorkloadSelector};
use crate::workload::{WorkloadKind, WorkloadType};

/// Print a completion script
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # For kubectl 1.26 and newer: put this script on PATH
  kubectl imgpolicy completion kubectl > kubectl_complete-imgpolicy
  chmod +x kubectl_complete-imgpolicy

  # For the program called by its own name
  source <(kubectl-imgpolicy completion bash)")]
pub(crate) struct CompletionArgs {
    /// What the script is for
    #[arg(value_name = "SHELL")]
    target: Target,
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// kubectl itself, which asks for candidates
    Kubectl,
    /// GNU Bash
    Bash,
    /// The Z shell
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// elvish
    Elvish,
}

/// What kubectl looks for on PATH.
const KUBECTL_SCRIPT: &str = "#!/bin/sh\nexec kubectl imgpolicy __complete \"$@\"\n";

pub(crate) fn completion(
    args: &CompletionArgs,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let shell = match args.target {
        Target::Kubectl => {
            terminal.print(KUBECTL_SCRIPT);
            return Ok(ExitCode::SUCCESS);
        }
        Target::Bash => Shell::Bash,
        Target::Zsh => Shell::Zsh,
        Target::Fish => Shell::Fish,
        Target::Powershell => Shell::PowerShell,
        Target::Elvish => Shell::Elvish,
    };
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "kubectl-imgpolicy",
        &mut script,
    );
    terminal.print(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}

/// The words to complete, if kubectl asks for them.
pub(crate) fn asked_by_kubectl(arguments: &[OsString]) -> Option<Vec<String>> {
    let words = |from: &[OsString]| {
        from.iter()
            .map(|w| w.to_string_lossy().into_owned())
            .collect()
    };
    let name = Path::new(arguments.first()?).file_stem()?.to_string_lossy();
    if name == "kubectl_complete-imgpolicy" {
        return Some(words(&arguments[1..]));
    }
    match arguments.get(1) {
        Some(word) if word == "__complete" => Some(words(&arguments[2..])),
        _ => None,
    }
}

/// Answers kubectl. Whatever goes wrong, there are just no candidates: a shell
/// has no place for an error.
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

type Candidate = (String, String);

/// The commands that change workloads.
const WRITING: [&str; 7] = [
    "automate",
    "deautomate",
    "lock",
    "unlock",
    "policy",
    "update",
    "rollback",
];

fn candidates(words: &[String]) -> Vec<Candidate> {
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
        (_, Some(flag)) => values_of_flag(flag, before),
        (_, None) if last.starts_with('-') => flags(&root, command),
        (None, None) => subcommands(&root),
        (Some(command), None) if command.has_subcommands() => subcommands(command),
        (Some(command), None) => arguments_of(command.get_name(), before, last),
    };
    let mut fitting: Vec<Candidate> = all
        .into_iter()
        .filter(|(candidate, _)| candidate.starts_with(last))
        .collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

fn subcommands(root: &Command) -> Vec<Candidate> {
    let about = |command: &Command| {
        command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    root.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| (command.get_name().to_owned(), about(command)))
        .collect()
}

fn flags(root: &Command, command: Option<&Command>) -> Vec<Candidate> {
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

/// The command that was typed; the value of a flag, such as a namespace, may
/// have a command's name.
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

/// The flag that this word is, if its value is the next word.
fn flag_with_value<'r>(
    root: &'r Command,
    command: Option<&'r Command>,
    word: &str,
) -> Option<&'r Arg> {
    let names = |argument: &&Arg| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        long.as_deref() == Some(word) || short.as_deref() == Some(word)
    };
    let mut all = root
        .get_arguments()
        .chain(command.into_iter().flat_map(Command::get_arguments));
    all.find(names).filter(|argument| {
        matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
            && !argument.is_require_equals_set()
    })
}

fn values_of_flag(flag: &Arg, before: &[String]) -> Vec<Candidate> {
    let plain = |words: &[&str]| {
        words
            .iter()
            .map(|w| ((*w).to_owned(), String::new()))
            .collect()
    };
    let possible = flag.get_possible_values();
    if !possible.is_empty() {
        let help = |value: &PossibleValue| value.get_help().map(ToString::to_string);
        return possible
            .iter()
            .map(|value| (value.get_name().to_owned(), help(value).unwrap_or_default()))
            .collect();
    }
    match flag.get_long().unwrap_or_default() {
        "output" if before.iter().any(|word| word == "status") => {
            plain(&["json", "name", "table", "wide", "yaml"])
        }
        "output" if before.iter().any(|word| word == "version") => plain(&["json", "yaml"]),
        "output" if before.iter().any(|word| WRITING.contains(&word.as_str())) => {
            plain(&["json", "name", "yaml"])
        }
        "output" => plain(&["json", "table", "yaml"]),
        "assume" => plain(&["auto"]),
        "policy" => plain(&[
            "semver:",
            "glob:",
            "regex:",
            "alphabetical",
            "numerical",
            "digest:",
        ]),
        "namespace" => live(before, async |cluster| cluster.namespaces().await.ok())
            .map(|names| {
                names
                    .into_iter()
                    .map(|name| (name, String::new()))
                    .collect()
            })
            .unwrap_or_default(),
        "container" => containers(before),
        "tag" if before.iter().any(|word| word == "unset") => containers(before),
        "tag" | "filter-tags" | "extract" => containers(before)
            .into_iter()
            .map(|(name, image)| (format!("{name}="), image))
            .collect(),
        _ => Vec::new(),
    }
}

/// Types, and names behind a type.
fn arguments_of(command: &str, before: &[String], last: &str) -> Vec<Candidate> {
    if !matches!(command, "status" | "explain" | "images" | "set" | "unset")
        && !WRITING.contains(&command)
    {
        return match command {
            "completion" => Target::value_variants()
                .iter()
                .filter_map(ValueEnum::to_possible_value)
                .map(|value| (value.get_name().to_owned(), String::new()))
                .collect(),
            _ => Vec::new(),
        };
    }
    // `TYPE/` begins a name, and so does a word after `TYPE`.
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
        cluster
            .names(&kind, &Scope::Namespace(cluster.namespace().to_owned()))
            .await
            .ok()
    });
    let prefix = typed.map_or_else(String::new, |kind| format!("{kind}/"));
    names
        .into_iter()
        .flatten()
        .map(|name| (format!("{prefix}{name}"), String::new()))
        .collect()
}

/// The containers of the workload that was named.
fn containers(before: &[String]) -> Vec<Candidate> {
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
            what: WorkloadSelector::Named(vec![named]),
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

/// Asks the cluster that the words so far name.
fn live<T>(before: &[String], ask: impl AsyncFnOnce(&Cluster) -> Option<T>) -> Option<T> {
    // Only the client flags matter, and the words may not be complete yet.
    let parser = Arguments::command()
        .ignore_errors(true)
        .subcommand_required(false)
        .arg_required_else_help(false);
    let words = std::iter::once("kubectl-imgpolicy").chain(before.iter().map(String::as_str));
    let matches = parser.try_get_matches_from(words).ok()?;
    let globals = crate::cli::flags::client::Globals::from_arg_matches(&matches).ok()?;
    workloads::runtime().ok()?.block_on(async {
        let cluster = Cluster::connect(&globals.connection()).await.ok()?;
        let asked = tokio::time::timeout(std::time::Duration::from_secs(2), ask(&cluster));
        asked.await.ok().flatten()
    })
}
