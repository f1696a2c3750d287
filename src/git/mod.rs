//! Commits in a local Git repository, made by the `git` program.
//!
//! The program is used because a commit must be what the user's own `git commit` would make:
//! with their hooks, filters, signature and identity. This is the only folder that starts it.
//! Each path is passed behind `--`, and is never a pattern.

mod commit;
mod error;
mod operation;
mod program;
mod repository;
mod user;

pub use commit::{Branch, Commit};
pub use error::GitError;
pub use repository::Repository;
pub(crate) use user::user_name;
