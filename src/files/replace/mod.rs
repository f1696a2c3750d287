//! Replaces whole files: at most one run at a time, and so that a killed run is noticed.

mod journal;
mod lock;
mod rewrite;

pub use journal::{Journal, UnfinishedWrites};
pub use rewrite::{RewriteTurn, rewrite, rewrite_in_turn};
