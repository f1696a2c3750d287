//! `--git auto`: the repository from which Flux or Argo CD takes the chosen workloads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::workloads::{Reading, read_workloads};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::{GitFlag, GitPlace, git_place, path_in_repository};
use crate::cli::flags::target::TargetArgs;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::GitSourceError;
use crate::evaluator::ScopeError;
use crate::workload::{GitSource, Owner, RepositoryAddress, Workload};
use crate::write::DryRun;

/// A branch of a repository.
type BranchKey = (RepositoryAddress, Option<String>);

/// What the owners of the chosen workloads take from one branch.
struct FoundBranch {
    url: String,
    paths: BTreeSet<String>,
    owners: BTreeSet<Owner>,
}

/// Looks up the repository of the chosen workloads in the cluster, and returns the flags that
/// name it and the workloads. Other flags are returned as they are.
///
/// # Errors
///
/// The flags contradict each other, the workloads or their owners cannot be read, or they do not
/// lead to one branch of one repository.
pub(crate) fn look_up(
    target: &TargetArgs,
    git: &GitFlag,
    dry_run: DryRun,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(TargetArgs, GitFlag), CommandError> {
    let (mut target, git) = (target.clone(), git.clone());
    if !git.is_auto() {
        return Ok((target, git));
    }
    if !target.place().filename.is_empty() {
        return Err(CommandError::usage(
            "--git auto finds the files by the workloads of the cluster; it cannot be used with -f",
        ));
    }
    git.check_pushes(dry_run)?;
    let selector = target.chosen()?;
    let reading = read_workloads(target.place(), selector, globals);
    let Reading {
        snapshot,
        origin,
        empty,
        ..
    } = unless_interrupted(runtime()?, reading)??;
    if let Some(error) = snapshot.errors.first() {
        return Err(CommandError::failed(without_prefix(error)));
    }
    if snapshot.workloads.is_empty() {
        return Err(CommandError::failed(empty));
    }
    let owners: BTreeSet<Owner> = snapshot
        .workloads
        .iter()
        .map(owner_of)
        .collect::<Result<_, _>>()?;
    let Some(cluster) = origin.cluster() else {
        return Ok((target, git));
    };
    let sources = cluster.git_sources(owners.into_iter().collect());
    let sources = unless_interrupted(runtime()?, sources)?;
    let mut branches: BTreeMap<BranchKey, FoundBranch> = BTreeMap::new();
    for (owner, found) in sources {
        for source in found.map_err(unknown)? {
            add(&mut branches, &owner, source, git.branch())?;
        }
    }
    let mut all = branches.iter();
    let (Some(((_, branch), found)), None) = (all.next(), all.next()) else {
        return Err(CommandError::failed(several(&branches)));
    };
    let paths = checked_paths(found)?;
    terminal.note(&format!("note: --git {}", words(branch.as_deref(), found)));
    target.select(snapshot.workloads.iter().map(|w| w.id.exact()).collect());
    Ok((target, git.found(found.url.clone(), branch.clone(), paths)))
}

/// What applies a workload from Git.
fn owner_of(workload: &Workload) -> Result<Owner, CommandError> {
    let owner = workload.managed_by.as_ref();
    let owner =
        owner.filter(|owner| matches!(owner.kind.as_str(), "Kustomization" | "Application"));
    owner.cloned().ok_or_else(|| {
        CommandError::failed(format!(
            "{} is not applied by a Kustomization of Flux or an Application of Argo CD, so its \
             repository is not known; use --git URL --path PATH",
            workload.id
        ))
    })
}

fn unknown(error: GitSourceError) -> CommandError {
    match error {
        GitSourceError::None(reason) => {
            CommandError::failed(format!("{reason}; use --git URL --path PATH"))
        }
        GitSourceError::Unreadable(error) => {
            CommandError::failed(without_prefix(&ScopeError::from(error)))
        }
    }
}

/// The message of an error, which is printed with a prefix.
fn without_prefix(error: &ScopeError) -> &str {
    let message = error.message.as_str();
    message.strip_prefix("error: ").unwrap_or(message)
}

/// Adds a folder. `named`: the branch that the user has named.
fn add(
    branches: &mut BTreeMap<BranchKey, FoundBranch>,
    owner: &Owner,
    source: GitSource,
    named: Option<&str>,
) -> Result<(), CommandError> {
    let branch = match (named, source.branch) {
        (Some(named), _) => Some(named.to_owned()),
        (None, Ok(branch)) => branch,
        (None, Err(reason)) => {
            return Err(CommandError::failed(format!("{reason}; use --branch NAME")));
        }
    };
    let key = (RepositoryAddress::new(&source.repository), branch);
    let found = branches.entry(key).or_insert_with(|| FoundBranch {
        url: source.repository,
        paths: BTreeSet::new(),
        owners: BTreeSet::new(),
    });
    let path = source.path.trim_start_matches("./").trim_matches('/');
    found
        .paths
        .insert(if path.is_empty() { "." } else { path }.to_owned());
    found.owners.insert(owner.clone());
    Ok(())
}

/// The paths, if these and the URL are such that a user may name them.
fn checked_paths(found: &FoundBranch) -> Result<Vec<PathBuf>, CommandError> {
    let owners = listed(&found.owners);
    match git_place(&found.url) {
        Ok(GitPlace::Url(_)) => {}
        Ok(_) => {
            return Err(CommandError::failed(format!(
                "the address {:?} of {owners} is not a URL",
                found.url
            )));
        }
        Err(why) => {
            return Err(CommandError::failed(format!(
                "the address {:?} of {owners}: {why}",
                found.url
            )));
        }
    }
    let paths = found.paths.iter();
    paths
        .map(|path| {
            path_in_repository(path).map_err(|why| {
                CommandError::failed(format!("the path {path:?} of {owners}: {why}"))
            })
        })
        .collect()
}

/// `URL --branch main --path apps/web (Kustomization flux-system/apps)`.
fn words(branch: Option<&str>, found: &FoundBranch) -> String {
    let mut text = found.url.clone();
    if let Some(branch) = branch {
        text.push_str(&format!(" --branch {branch}"));
    }
    for path in &found.paths {
        text.push_str(&format!(" --path {path}"));
    }
    format!("{text} ({})", listed(&found.owners))
}

fn listed(owners: &BTreeSet<Owner>) -> String {
    let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
    owners.join(", ")
}

/// The error about several branches, with what to name instead.
fn several(branches: &BTreeMap<BranchKey, FoundBranch>) -> String {
    let all = branches.iter();
    let lines: Vec<String> = all
        .map(|((_, branch), found)| format!("\n  --git {}", words(branch.as_deref(), found)))
        .collect();
    format!(
        "the workloads come from several repositories or branches; choose fewer workloads, or one \
         of:{}",
        lines.concat()
    )
}
