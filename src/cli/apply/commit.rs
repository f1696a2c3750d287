//! Where files are committed: what is checked before they are written, and the result.

use std::collections::BTreeMap;

use super::result_lines::ResultLines;
use crate::cli::error::CommandError;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::git::{Branch, Commit, GitError, Repository};
use crate::output::{CommitItem, DeliveryItem, Format, command_line, count, sanitize};
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
        let path = repository.path(file).map_err(CommandError::git)?;
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
    let changed = changed.map_err(CommandError::git)?;
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
    let Delivery { commits, pushed } = &delivery;
    for line in delivery_lines(&delivery) {
        match lines.output {
            None => terminal.print(&sanitize(&line)),
            // Standard output is a list of names.
            Some(Format::Name) => terminal.note(&line),
            Some(_) => {}
        }
    }
    if let Some(Pushed {
        request_url: Some(url),
        ..
    }) = pushed
    {
        terminal.note(&format!("open a request to merge it: {url}"));
    }
    if let Some(last) = commits.last()
        && last.branch == Branch::Detached
    {
        let (this, it) = if commits.len() == 1 {
            ("this commit", "it")
        } else {
            ("these commits", "them")
        };
        let short = &last.short;
        terminal.note(&format!(
            "note: no branch contains {this}; to keep {it}, name {it}: git branch NAME {short}"
        ));
    }
    Some(delivery)
}

/// One line for one commit; for several, one for each, and one for the push.
fn delivery_lines(delivery: &Delivery) -> Vec<String> {
    let Delivery { commits, pushed } = delivery;
    if let [Commit { short, branch, .. }] = &commits[..] {
        return vec![match pushed {
            None => format!("committed {short} on {branch}"),
            Some(pushed) => format!("committed {short} and pushed to {}", pushed.upstream),
        }];
    }
    let lines = commits.iter().map(|commit| {
        let Commit {
            short,
            branch,
            subject,
            ..
        } = commit;
        match pushed {
            None => format!("committed {short} on {branch}: {subject}"),
            Some(_) => format!("committed {short}: {subject}"),
        }
    });
    let pushed = pushed.iter().map(|pushed| {
        let commits = count(commits.len(), "commit");
        format!("pushed {commits} to {}", pushed.upstream)
    });
    lines.chain(pushed).collect()
}

/// Says what was refused, and what is local now.
fn report_failure(error: &GitError, terminal: &mut Terminal) {
    let (what, left) = match error {
        GitError::NotPushed { commits, .. } => {
            let left = commits.last().map(|last| {
                let (was, it) = agreeing(commits, ("was", "it"), ("were", "them"));
                format!(
                    "note: {} {was} taken back, and the branch and the files are as before; to \
                     keep {it} on a branch: git branch NAME {last}",
                    named(commits)
                )
            });
            ("nothing was pushed", left)
        }
        GitError::NotTakenBack {
            is_push,
            kept,
            commits,
            ..
        } => {
            let (is, it) = agreeing(commits, ("is", "it"), ("are", "they"));
            let left = format!(
                "note: {} {is} on the local branch, because {it} could not be taken back: {}",
                named(commits),
                kept.first_line()
            );
            let what = if *is_push {
                "nothing was pushed"
            } else {
                "not everything was committed"
            };
            (what, Some(left))
        }
        _ => ("nothing was committed", None),
    };
    let text = format!("error: {what}: {error}");
    for line in text.lines() {
        terminal.error(line);
    }
    if let Some(left) = left {
        terminal.note(&left);
    }
    if is_refused(error) {
        terminal.note(
            "note: once the cause is corrected, for example with a new login, run this again",
        );
    }
}

/// Whether the other repository did not accept commits.
fn is_refused(error: &GitError) -> bool {
    match error {
        GitError::NotPushed { cause, .. } | GitError::NotTakenBack { cause, .. } => {
            is_refused(cause)
        }
        GitError::Refused(_) => true,
        _ => false,
    }
}

/// `commit 1a2b3c4`, or `commits 1a2b3c4, 5d6e7f8`.
fn named(commits: &[String]) -> String {
    match commits {
        [one] => format!("commit {one}"),
        several => format!("commits {}", several.join(", ")),
    }
}

/// The words for one or for several commits.
fn agreeing<'v>(
    commits: &[String],
    one: (&'v str, &'v str),
    several: (&'v str, &'v str),
) -> (&'v str, &'v str) {
    if commits.len() == 1 { one } else { several }
}

/// The commits in `-o json` and `-o yaml`.
pub(crate) fn item(delivery: &Delivery) -> Option<DeliveryItem> {
    let Delivery { commits, pushed } = delivery;
    let last = commits.last()?;
    Some(DeliveryItem {
        commit: last.id.clone(),
        branch: match pushed {
            Some(pushed) => Some(pushed.upstream.branch().to_owned()),
            None => last.branch.name().map(str::to_owned),
        },
        pushed: pushed.is_some(),
        url: pushed
            .as_ref()
            .and_then(|pushed| pushed.request_url.clone()),
        commits: commits.iter().map(commit_item).collect(),
    })
}

fn commit_item(commit: &Commit) -> CommitItem {
    CommitItem {
        commit: commit.id.clone(),
        subject: commit.subject.clone(),
        files: commit.files.clone(),
    }
}
