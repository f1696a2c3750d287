//! Where files are committed: what is checked before they are written, and the result.

use std::collections::BTreeMap;

use super::result_lines::ResultLines;
use crate::cli::error::CommandError;
use crate::cli::flags::git::GitFlag;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::git::{Branch, Commit, GitError, Repository};
use crate::output::{CommitItem, Format, command_line, sanitize};
use crate::plan::Plan;

/// How many files a note names.
const NAMED_FILES: usize = 5;

/// The repository of `--git`, if the user is not in the middle of something there.
///
/// # Errors
///
/// There is no repository, or a rebase or the like is under way.
pub(crate) fn open(flag: &GitFlag) -> Result<Option<Repository>, CommandError> {
    let Some(folder) = flag.folder() else {
        return Ok(None);
    };
    let repository = unless_interrupted(runtime()?, Repository::open(folder))?;
    let repository = repository.map_err(CommandError::failed)?;
    repository.check_idle().map_err(CommandError::failed)?;
    Ok(Some(repository))
}

/// Files that may be written, by their paths in the work tree.
///
/// # Errors
///
/// One of them is not in the work tree.
pub(crate) fn paths<'f>(
    repository: &Repository,
    files: impl Iterator<Item = &'f str>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut paths = BTreeMap::new();
    for file in files {
        let path = repository.path(file).map_err(CommandError::failed)?;
        paths.insert(path, file.to_owned());
    }
    Ok(paths)
}

/// Names the files in scope that differ from the last commit although the plan does not write
/// them: an update may have been interrupted between the write and the commit.
pub(crate) fn note_uncommitted(
    repository: &Repository,
    paths: &BTreeMap<String, String>,
    plan: &Plan,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let changed = unless_interrupted(runtime()?, repository.uncommitted())?;
    let changed = changed.map_err(CommandError::failed)?;
    let planned = plan.files();
    let left: Vec<&str> = changed
        .iter()
        .filter(|path| {
            let file = paths.get(*path);
            file.is_some_and(|file| !planned.contains(file.as_str()))
        })
        .map(String::as_str)
        .collect();
    let Some(first) = left.first() else {
        return Ok(());
    };
    let mut names = left[..left.len().min(NAMED_FILES)].join(", ");
    if left.len() > NAMED_FILES {
        names.push_str(&format!(" and {} more files", left.len() - NAMED_FILES));
    }
    let have = if left.len() == 1 { "has" } else { "have" };
    terminal.note(&format!(
        "note: {names} {have} uncommitted changes, which this run does not commit; if an update \
         was interrupted, commit them ({}), or take them back ({}) and run this again",
        command("commit", repository, first),
        command("restore", repository, first),
    ));
    Ok(())
}

/// A command of git about one path, to paste.
fn command(verb: &str, repository: &Repository, path: &str) -> String {
    let top = repository.top().display().to_string();
    command_line(["git", "-C", &top, verb, "--", path])
}

/// The end of the question: where the files will be committed.
pub(crate) fn place(repository: &Repository) -> Result<String, CommandError> {
    let branch = runtime()?.block_on(repository.branch());
    let branch = branch.map_err(CommandError::failed)?;
    Ok(format!(" and commit on {branch}"))
}

/// Reports the commit, or the message of git or a hook that refused it, in all its lines.
pub(crate) fn report(
    made: Result<Commit, GitError>,
    lines: ResultLines,
    terminal: &mut Terminal,
) -> Option<Commit> {
    let commit = match made {
        Ok(commit) => commit,
        Err(error) => {
            let text = format!("error: nothing was committed: {error}");
            for line in text.lines() {
                terminal.error(line);
            }
            return None;
        }
    };
    let Commit { short, branch, .. } = &commit;
    let line = format!("committed {short} on {branch}");
    match lines.output {
        None => terminal.print(&sanitize(&line)),
        // Standard output is a list of names.
        Some(Format::Name) => terminal.note(&line),
        Some(_) => {}
    }
    if *branch == Branch::Detached {
        terminal.note(&format!(
            "note: no branch contains this commit; to keep it, name it: git branch NAME {short}"
        ));
    }
    Some(commit)
}

/// The commit in `-o json` and `-o yaml`.
pub(crate) fn item(commit: &Commit) -> CommitItem {
    CommitItem {
        commit: commit.id.clone(),
        branch: commit.branch.name().map(str::to_owned),
    }
}
