//! Where files are committed: what is checked before they are written, and the result.

use std::collections::BTreeMap;

use super::result_lines::ResultLines;
use crate::cli::error::CommandError;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::git::{Branch, Commit, GitError, Repository};
use crate::output::{CommitItem, Format, command_line, sanitize};
use crate::plan::Plan;
use crate::write::{Delivery, Pushed};

/// How many files a note names.
const NAMED_FILES: usize = 5;

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

/// Reports the commit, or the message of git, a hook or a server that refused it, in all its
/// lines.
pub(crate) fn report(
    made: Result<Delivery, GitError>,
    lines: ResultLines,
    terminal: &mut Terminal,
) -> Option<Delivery> {
    let delivery = match made {
        Ok(delivery) => delivery,
        Err(error) => {
            report_failure(&error, terminal);
            return None;
        }
    };
    let Delivery { commit, pushed } = &delivery;
    let Commit { short, branch, .. } = commit;
    let line = match pushed {
        None => format!("committed {short} on {branch}"),
        Some(pushed) => format!("committed {short} and pushed to {}", pushed.upstream),
    };
    match lines.output {
        None => terminal.print(&sanitize(&line)),
        // Standard output is a list of names.
        Some(Format::Name) => terminal.note(&line),
        Some(_) => {}
    }
    if let Some(Pushed {
        request_url: Some(url),
        ..
    }) = pushed
    {
        terminal.note(&format!("open a request to merge it: {url}"));
    }
    if *branch == Branch::Detached {
        terminal.note(&format!(
            "note: no branch contains this commit; to keep it, name it: git branch NAME {short}"
        ));
    }
    Some(delivery)
}

/// Says what was refused, and what is local now.
fn report_failure(error: &GitError, terminal: &mut Terminal) {
    let (what, left) = match error {
        GitError::NotPushed { commit: None, .. } => ("pushed", String::new()),
        GitError::NotPushed {
            commit: Some(commit),
            ..
        } => (
            "pushed",
            format!(
                "note: commit {commit} was taken back, and the branch and the files are as before; \
                 to keep it on a branch: git branch NAME {commit}"
            ),
        ),
        GitError::NotTakenBack { kept, commit, .. } => (
            "pushed",
            format!(
                "note: commit {commit} is on the local branch, because it could not be taken back: \
                 {}",
                kept.first_line()
            ),
        ),
        _ => ("committed", String::new()),
    };
    let text = format!("error: nothing was {what}: {error}");
    for line in text.lines() {
        terminal.error(line);
    }
    if !left.is_empty() {
        terminal.note(&left);
    }
}

/// The commit in `-o json` and `-o yaml`.
pub(crate) fn item(delivery: &Delivery) -> CommitItem {
    let Delivery { commit, pushed } = delivery;
    CommitItem {
        commit: commit.id.clone(),
        branch: match pushed {
            Some(pushed) => Some(pushed.upstream.branch().to_owned()),
            None => commit.branch.name().map(str::to_owned),
        },
        pushed: pushed.is_some(),
        url: pushed
            .as_ref()
            .and_then(|pushed| pushed.request_url.clone()),
    }
}
