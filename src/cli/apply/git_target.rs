//! The repository that a run commits to, and where it pushes.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::current_folder::CurrentFolder;
use super::job::{ApplyEnd, ClonedFolder, GitTarget};
use crate::cli::error::CommandError;
use crate::cli::flags::git::{GitFlag, GitPlace};
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::files::Journal;
use crate::git::{
    CloneRequest, GitError, GitQuestions, PushTarget, Repository, TemporaryClone, Upstream,
    UpstreamState,
};
use crate::output::count;
use crate::plan::CommitPer;
use crate::write::{DryRun, PUSH_TRIES, TakenBack, take_back_unfinished};

/// How many commits of the user a note names.
const NAMED_COMMITS: usize = 5;

/// The longest pause before a run decides again for the first time. It grows fourfold with each
/// time, because whoever was overtaken twice has many competitors.
const PAUSE_MILLISECONDS: u64 = 500;

/// The repository of `--git`: the user's, if they are not in the middle of something there, or a
/// clone, which becomes the current folder.
///
/// # Errors
///
/// There is no repository, a rebase or the like is under way, it is not known where to push, or
/// the repository cannot be cloned.
pub(crate) fn open(flag: &GitFlag, terminal: &Terminal) -> Result<Option<GitTarget>, CommandError> {
    let asking = if terminal.can_ask() {
        GitQuestions::Allowed
    } else {
        GitQuestions::Never
    };
    // Before anything is cloned or written.
    let template = flag.message_template()?;
    let target = match flag.place() {
        None => Ok(None),
        Some(GitPlace::Folder(folder)) => open_folder(folder, flag, asking).map(Some),
        Some(GitPlace::Url(url)) => clone(url, flag, asking).map(Some),
        Some(GitPlace::Auto) => Err(CommandError::usage(
            "--git auto cannot be used here; name the repository",
        )),
    };
    Ok(target?.map(|target| GitTarget { template, ..target }))
}

fn open_folder(
    folder: &Path,
    flag: &GitFlag,
    asking: GitQuestions,
) -> Result<GitTarget, CommandError> {
    let opened = unless_interrupted(runtime()?, async {
        let repository = Repository::open(folder, asking).await?;
        repository.check_idle()?;
        let push = if flag.pushes() {
            Some(PushTarget {
                upstream: repository.upstream().await?,
                options: flag.push_options().to_vec(),
                is_temporary: false,
            })
        } else {
            None
        };
        Ok::<_, GitError>((repository, push))
    })?;
    let (repository, push) = opened.map_err(CommandError::git)?;
    Ok(GitTarget {
        journal: Journal::path(repository.git_folder()),
        repository,
        push,
        per: flag.commit_per(),
        ahead: Vec::new(),
        may_retry: false,
        template: None,
        clone: None,
    })
}

fn clone(url: &str, flag: &GitFlag, asking: GitQuestions) -> Result<GitTarget, CommandError> {
    let request = CloneRequest {
        url,
        branch: flag.branch(),
        push_branch: flag.push_branch(),
    };
    let cloned = unless_interrupted(runtime()?, TemporaryClone::new(request, asking))?;
    let cloned = cloned.map_err(CommandError::git)?;
    let current_folder = CurrentFolder::enter(cloned.repository.top())?;
    Ok(GitTarget {
        journal: Journal::path(cloned.repository.git_folder()),
        repository: cloned.repository.clone(),
        push: flag.pushes().then(|| PushTarget {
            upstream: cloned.upstream.clone(),
            options: flag.push_options().to_vec(),
            is_temporary: true,
        }),
        per: flag.commit_per(),
        ahead: Vec::new(),
        may_retry: false,
        template: None,
        clone: Some(ClonedFolder {
            _current_folder: current_folder,
            _clone: cloned,
            is_fresh: true,
        }),
    })
}

/// Carries out a command in its repository, if it has one: again, on the state that others have
/// pushed, if they were faster.
///
/// # Errors
///
/// Those of the command, and those of [`GitTarget::catch_up`].
pub(crate) fn until_pushed(
    mut git: Option<GitTarget>,
    dry_run: DryRun,
    terminal: &mut Terminal,
    mut carry_out: impl FnMut(Option<&GitTarget>, &mut Terminal) -> Result<ApplyEnd, CommandError>,
) -> Result<ExitCode, CommandError> {
    if let Some(git) = &git
        && dry_run == DryRun::None
    {
        git.take_back_unfinished(terminal)?;
    }
    for left in (0..PUSH_TRIES).rev() {
        if let Some(git) = &mut git {
            git.may_retry = left > 0;
            git.catch_up(dry_run, terminal)?;
        }
        if let ApplyEnd::Reported(code) = carry_out(git.as_ref(), terminal)? {
            return Ok(code);
        }
        terminal
            .note("others have pushed in the meantime; deciding again on what they have pushed");
        pause(PUSH_TRIES - left - 1)?;
    }
    // The last try reports that others were faster.
    Ok(ExitCode::FAILURE)
}

/// Waits for a moment, so that runs that were overtaken do not meet again. `before`: how often
/// this run has waited already.
///
/// # Errors
///
/// Ctrl-C. Nothing was written.
fn pause(before: u32) -> Result<(), CommandError> {
    // Every run has different hash keys, which is all the randomness that is needed.
    let longest = PAUSE_MILLISECONDS << (2 * before);
    let share = RandomState::new().hash_one(()) % longest;
    let pause = Duration::from_millis(share);
    unless_interrupted(runtime()?, async { tokio::time::sleep(pause).await })
}

impl GitTarget {
    /// Takes back what a run that was killed has left.
    ///
    /// # Errors
    ///
    /// Git cannot do it.
    fn take_back_unfinished(&self, terminal: &mut Terminal) -> Result<(), CommandError> {
        let upstream = self.push.as_ref().map(|target| &target.upstream);
        let taking = take_back_unfinished(&self.repository, upstream);
        let taken = unless_interrupted(runtime()?, taking)?;
        let TakenBack { files, commits } = taken.map_err(CommandError::git)?;
        let mut what = Vec::new();
        if let Some(first) = files.first() {
            let more = match files.len() {
                1 => String::new(),
                several => format!(" and {}", count(several - 1, "other file")),
            };
            what.push(format!("{first}{more}"));
        }
        if commits > 0 {
            what.push(count(commits, "commit"));
        }
        if !what.is_empty() {
            terminal.note(&format!(
                "note: an earlier run was killed before its end; what it has left was taken back: \
                 {}",
                what.join(" and ")
            ));
        }
        Ok(())
    }

    /// Before files are read for a push: brings the branch to the state of its upstream, as
    /// `git pull --ff-only` would; a clone takes over any state. A dry run neither fetches nor moves
    /// anything.
    ///
    /// # Errors
    ///
    /// The upstream cannot be fetched, both sides have commits of their own, or changes of the
    /// user are in the way.
    fn catch_up(&mut self, dry_run: DryRun, terminal: &mut Terminal) -> Result<(), CommandError> {
        let Some(PushTarget { upstream, .. }) = &self.push else {
            return Ok(());
        };
        if dry_run != DryRun::None {
            return Ok(());
        }
        if let Some(clone) = &mut self.clone {
            if !std::mem::take(&mut clone.is_fresh) {
                let followed = follow(&self.repository, upstream);
                let followed = unless_interrupted(runtime()?, followed)?;
                followed.map_err(CommandError::git)?;
            }
            return Ok(());
        }
        let caught_up = unless_interrupted(runtime()?, catch_up(&self.repository, upstream))?;
        let comparison = caught_up.map_err(CommandError::git)?;
        if comparison.behind > 0 {
            terminal.note(&format!(
                "note: the branch was {} behind {upstream}, and was moved there, as with \"git pull \
                 --ff-only\"",
                count(comparison.behind, "commit"),
            ));
        }
        self.ahead = comparison.ahead;
        Ok(())
    }

    /// Names the commits of the user that a push includes, or, if there is nothing to commit and
    /// so nothing is pushed, that stay local.
    pub(crate) fn note_ahead(&self, is_pushed: bool, terminal: &mut Terminal) {
        let Some(PushTarget { upstream, .. }) =
            self.push.as_ref().filter(|_| !self.ahead.is_empty())
        else {
            return;
        };
        let mut names = self.ahead[..self.ahead.len().min(NAMED_COMMITS)].join("; ");
        if self.ahead.len() > NAMED_COMMITS {
            names.push_str(&format!("; and {} more", self.ahead.len() - NAMED_COMMITS));
        }
        let commits = count(self.ahead.len(), "other commit");
        let (are, them) = match self.ahead.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let push = if is_pushed {
            format!("and a push includes {them}")
        } else {
            format!("and this run pushes nothing; \"git push\" pushes {them}")
        };
        terminal.note(&format!(
            "note: {commits} of the branch {are} not on {upstream} yet, {push}: {names}"
        ));
    }

    /// The end of the question: where the files will be committed and pushed.
    ///
    /// # Errors
    ///
    /// Git cannot be run.
    pub(crate) fn place(&self) -> Result<String, CommandError> {
        let commit = match self.per {
            CommitPer::Run => "a commit",
            CommitPer::Workload => "a commit per workload",
            CommitPer::Image => "a commit per image",
        };
        if let (Some(PushTarget { upstream, .. }), Some(_)) = (&self.push, &self.clone) {
            return Ok(format!(" and push {commit} to {upstream}"));
        }
        let branch = runtime()?.block_on(self.repository.branch());
        let branch = branch.map_err(CommandError::git)?;
        let Some(PushTarget { upstream, .. }) = &self.push else {
            return Ok(match self.per {
                CommitPer::Run => format!(" and commit on {branch}"),
                _ => format!(" and make {commit} on {branch}"),
            });
        };
        let others = match self.ahead.len() {
            0 => String::new(),
            others => format!(" with {}", count(others, "other commit")),
        };
        Ok(format!(
            " and push {commit} on {branch}{others} to {upstream}"
        ))
    }
}

/// Compares the branch with its upstream, and moves it there if it has no commits of its own.
async fn catch_up(repository: &Repository, upstream: &Upstream) -> Result<UpstreamState, GitError> {
    let comparison = repository.compare(upstream).await?;
    if comparison.behind == 0 {
        return Ok(comparison);
    }
    let branch = repository.branch().await?.to_string();
    let top = repository.top().display().to_string();
    if !comparison.ahead.is_empty() {
        return Err(GitError::Diverged {
            branch,
            upstream: upstream.to_string(),
            ahead: comparison.ahead.len(),
            behind: comparison.behind,
            top,
        });
    }
    let head = repository.head().await?;
    let moved = repository.move_branch(&head, &comparison.tip).await;
    match moved {
        Ok(()) => Ok(comparison),
        Err(error) => Err(GitError::NotMoved {
            branch,
            upstream: upstream.to_string(),
            top,
            message: error.to_string(),
        }),
    }
}

/// Moves a clone to the last commit of the upstream. Nothing of the user is in it.
async fn follow(repository: &Repository, upstream: &Upstream) -> Result<(), GitError> {
    let tip = repository.fetch(upstream).await?;
    let head = repository.head().await?;
    repository.move_branch(&head, &tip).await
}
