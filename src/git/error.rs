//! Why nothing was committed or pushed.

use std::io;

/// An error about a repository. Except for [`GitError::NotTakenBack`], nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is missing, or the system cannot run it.
    #[error("cannot run git: {0}; --git needs the git program on the PATH")]
    NotStarted(io::Error),
    /// Git printed more than is read.
    #[error("git printed too much")]
    TooLong,
    /// Git waited too long for another repository.
    #[error("git did not finish within {0} minutes")]
    TooSlow(u64),
    /// Git failed: its own message.
    #[error("{0}")]
    Failed(String),
    /// The folder does not exist, or is in no work tree.
    #[error("--git {folder}: {message}")]
    NoWorkTree {
        /// As given.
        folder: String,
        /// Why.
        message: String,
    },
    /// The user is in the middle of something that a commit would become a part of.
    #[error(
        "--git {folder}: a {operation} is under way; finish it, or end it with \"git -C {folder} \
         {abort}\", and run this again; nothing was written"
    )]
    UnderWay {
        /// As given.
        folder: String,
        /// `rebase`.
        operation: &'static str,
        /// The command of git that ends it.
        abort: &'static str,
    },
    /// A file is not in the work tree.
    #[error(
        "{file} is not in the work tree {top}, so it cannot be committed there; nothing was \
         written. Leave it out of -f, or name its own repository with --git"
    )]
    Outside {
        /// As given.
        file: String,
        /// The root of the work tree.
        top: String,
    },
    /// A file cannot be looked up.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// As given.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The commit would include changes of the user.
    #[error(
        "{} of the repository {top} {} uncommitted changes, which the commit would include; nothing \
         was written. See them with \"git diff HEAD\" there, commit or stash them (also what an \
         interrupted run has left), and run this again",
        paths.join(", "),
        if paths.len() == 1 { "has" } else { "have" }
    )]
    Uncommitted {
        /// From the root of the work tree.
        paths: Vec<String>,
        /// The root of the work tree.
        top: String,
    },
    /// Git does not know the files.
    #[error(
        "{} of the repository {top} {} not tracked by git; nothing was written. Add and commit the \
         files first, or name the folder of their submodule with --git, and run this again",
        paths.join(", "),
        if paths.len() == 1 { "is" } else { "are" }
    )]
    Untracked {
        /// From the root of the work tree.
        paths: Vec<String>,
        /// The root of the work tree.
        top: String,
    },
    /// A file was changed by others while it was written.
    #[error("{file} was changed by someone else in the meantime")]
    Changed {
        /// As given.
        file: String,
    },
    /// The user pressed Ctrl-C after the files were written.
    #[error("interrupted before the commit")]
    Interrupted,
    /// There is no place for a clone.
    #[error("cannot create a temporary folder for the clone: {0}")]
    NoTemporaryFolder(io::Error),
    /// Not a name of a branch.
    #[error("{name:?} is not a valid name of a branch")]
    BranchName {
        /// As given.
        name: String,
    },
    /// The repository cannot be cloned: git's own message.
    #[error("cannot clone {url}: {message}")]
    NotCloned {
        /// Its address, without a password.
        url: String,
        /// Git's own message.
        message: String,
    },
    /// Only a branch can be pushed to.
    #[error("--branch {branch} is not a branch, perhaps a tag; name a branch")]
    NoBranch {
        /// As given.
        branch: String,
    },
    /// There is no branch to push.
    #[error(
        "HEAD is detached, and --push pushes a branch; check one out with \"git -C {top} switch \
         BRANCH\", or run this without --push; nothing was written"
    )]
    DetachedHead {
        /// The root of the work tree.
        top: String,
    },
    /// It is not known where to push.
    #[error(
        "branch {branch} has no upstream to push to; set one with \"git -C {top} push \
         --set-upstream origin {branch}\", and run this again; nothing was written"
    )]
    NoUpstream {
        /// The local branch.
        branch: String,
        /// The root of the work tree.
        top: String,
    },
    /// The upstream may only be where the branch began.
    #[error(
        "the upstream of branch {branch} is {upstream}, which has another name; if that is where \
         it should be pushed, allow it with \"git -C {top} config push.default upstream\"; \
         nothing was written"
    )]
    OtherUpstream {
        /// The local branch.
        branch: String,
        /// `origin/main`.
        upstream: String,
        /// The root of the work tree.
        top: String,
    },
    /// The other repository cannot be reached, or has no such branch.
    #[error("cannot fetch {upstream}; nothing was written: {message}")]
    NotFetched {
        /// `origin/main`.
        upstream: String,
        /// Git's own message.
        message: String,
    },
    /// Both the local branch and its upstream have commits of their own.
    #[error(
        "{upstream} has {} that {branch} does not have, and {branch} has {ahead} that {upstream} \
         does not have; join them, for example with \"git -C {top} pull --rebase\", and \
         run this again; nothing was written",
        commits(*behind)
    )]
    Diverged {
        /// The local branch.
        branch: String,
        /// `origin/main`.
        upstream: String,
        /// How many commits only the local branch has.
        ahead: usize,
        /// How many commits only the upstream has.
        behind: usize,
        /// The root of the work tree.
        top: String,
    },
    /// The upstream has new commits, which cannot be checked out.
    #[error(
        "{branch} is behind {upstream} and cannot be moved there; nothing was written. Get the \
         new commits with \"git -C {top} pull\", and run this again: {message}"
    )]
    NotMoved {
        /// The local branch.
        branch: String,
        /// `origin/main`.
        upstream: String,
        /// The root of the work tree.
        top: String,
        /// Git's own message.
        message: String,
    },
    /// The other repository refused what was pushed, or could not be reached: git's own
    /// message.
    #[error("{0}")]
    Refused(String),
    /// Others pushed first, in every try.
    #[error("others pushed first, {0} times; run this again")]
    Overtaken(u32),
    /// Commits were made and could not be pushed, and so they were taken back.
    #[error("{cause}")]
    NotPushed {
        /// Why.
        cause: Box<GitError>,
        /// The short hashes of the commits, which git keeps for some time, the last one at the
        /// end; empty in a clone that is removed.
        commits: Vec<String>,
    },
    /// Commits were made, the next step failed, and they could not be taken back. They are on the
    /// branch.
    #[error("{cause}")]
    NotTakenBack {
        /// Why the next step failed.
        cause: Box<GitError>,
        /// Whether that was the push, not another commit.
        is_push: bool,
        /// Why they were not taken back.
        kept: Box<GitError>,
        /// The short hashes of the commits.
        commits: Vec<String>,
    },
}

impl GitError {
    /// The message without the further lines of a hook.
    #[must_use]
    pub fn first_line(&self) -> String {
        let text = self.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_end().to_owned()
    }
}

fn commits(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} commit{plural}")
}
