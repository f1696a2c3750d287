//! Why nothing was committed.

use std::io;

/// An error about a repository. Nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is missing, or the system cannot run it.
    #[error("cannot run git: {0}; --git needs the git program on the PATH")]
    NotStarted(io::Error),
    /// Git printed more than is read.
    #[error("git printed too much")]
    TooLong,
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
         files first, and run this again",
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
}

impl GitError {
    /// The message without the further lines of a hook.
    #[must_use]
    pub fn first_line(&self) -> String {
        let text = self.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    }
}
