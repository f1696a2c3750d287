//! `kubectl imgpolicy`: which image runs where, which update is available, and
//! why.
//!
//! A pure evaluator makes the decisions. Everything else gathers facts for it or
//! acts on its result:
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
//! - [`registry`], [`cluster`], [`files`], [`kustomize`] and [`git`] do the input and
//!   output, each for one kind of system. [`collect`] combines them for reading and
//!   [`write`](mod@write) for writing.
//! - [`controller`] runs all of this in a loop; of several replicas, one leads.
//! - [`install`] makes the manifests that install the controller.
//! - [`secrets`] knows the credentials of the run and removes them from every text
//!   that is printed or saved.
//! - [`cli`] parses the command line, runs these steps, and turns the result into
//!   text and an exit code.
//!
//! `tests/architecture.rs` enforces which module may use which.

mod child_output;
mod named_enum;
mod proxy;
mod user_file;

pub mod cli;
pub mod cluster;
pub mod collect;
pub mod controller;
pub mod evaluator;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod git;
pub mod image;
pub mod install;
pub mod kustomize;
pub mod manifest;
pub mod output;
pub mod plan;
pub mod policy;
pub mod registry;
pub mod secrets;
pub mod workload;
pub mod write;
