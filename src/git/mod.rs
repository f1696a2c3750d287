//! Commits in a local Git repository, and pushes, made by the `git` program.
//!
//! The program is used because a commit must be what the user's own `git commit` would make:
//! with their hooks, filters, signature and identity. In a clone of a URL, neither hooks nor
//! filters run. This is the only folder that starts it.
//! Each path is passed behind `--`, and is never a pattern.

mod clone;
mod commit;
mod error;
mod history;
mod operation;
mod program;
mod proof;
mod push;
mod remotes;
mod repository;
mod upstream;
mod user;

pub use clone::{CloneRequest, TemporaryClone};
pub use commit::{Branch, Commit};
pub use error::GitError;
pub use history::{CommittedHistory, HistoryRequest};
pub use program::GitQuestions;
pub use push::{Push, PushTarget, UpstreamState};
pub use repository::Repository;
pub use upstream::Upstream;
pub(crate) use user::user_name;
