//! `kubectl imgpolicy`: which image runs where, which update would happen, and
//! why.
//!
//! One pure evaluator answers; everything else brings it facts or carries its
//! answer away:
//!
//! ```text
//!   files ────┐                                           ┌─> output
//!   cluster ──┼─> collect ─> Snapshot ─> evaluator ─> Assessment
//!   registry ─┘      ^                       │            └─> plan ─> write ─┬─> cluster
//!                    └──── needs: facts ─────┘                               └─> files
//! ```
//!
//! - [`image`], [`workload`], [`policy`], [`evaluator`], [`plan`], [`manifest`] and
//!   [`output`] are pure: no clock, no file, no network.
//! - [`registry`], [`cluster`] and [`files`] talk to the world, each to its own
//!   part of it; they meet in [`collect`] on the way in and in [`write`](mod@write)
//!   on the way out.
//! - [`secrets`] knows the credentials of the run, and takes them out of every text
//!   that leaves it.
//! - [`cli`] turns the command line into one of those sentences, and its result
//!   into text and an exit code.
//!
//! `tests/architecture.rs` keeps who may use whom.

mod named_enum;

pub mod cli;
pub mod cluster;
pub mod collect;
pub mod evaluator;
pub mod files;
pub mod image;
pub mod manifest;
pub mod output;
pub mod plan;
pub mod policy;
pub mod registry;
pub mod secrets;
pub mod workload;
pub mod write;
