//! What all commands that edit annotations have in common: read, plan, look at
//! the effect, show, confirm, write, tell who obeys.

use std::process::ExitCode;

use clap::Args;

use super::client_flags::Globals;
use super::error::CommandError;
use super::pull_secret_flags::PullSecretFlags;
use super::reading::Reading;
use super::registry_flags::RegistryFlags;
use super::target::{TargetArgs, WriteFlags};
use super::terminal::Terminal;
use crate::output::Format;
use crate::plan::{Plan, PolicyEdit};

/// How registries are asked for the effect of an edit.
#[derive(Debug, Clone, Args)]
pub(super) struct EffectFlags {
    #[command(flatten)]
    pub(super) pull_secrets: PullSecretFlags,

    #[command(flatten)]
    pub(super) registry: RegistryFlags,
}

/// How an edit is carried out.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    /// How it is confirmed and written.
    pub(super) write: &'a WriteFlags,
    /// `-o`; none: kubectl's lines.
    pub(super) output: Option<Format>,
    /// How registries are asked for the effect; none: no registry is asked.
    pub(super) effect: Option<&'a EffectFlags>,
    /// The flags of every command.
    pub(super) globals: &'a Globals,
}

/// Makes one edit of every workload that is named.
pub(super) fn run(
    edit: PolicyEdit,
    target: &TargetArgs,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let _ = (edit, target, manner, terminal);
    todo!("policy helper")
}

/// Carries out a plan whose changes are edits of annotations, one of its own for
/// each workload, on workloads that were read already: a menu calls this.
pub(super) fn carry_out(
    plan: Plan,
    reading: Reading,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let _ = (plan, reading, manner, terminal);
    todo!("policy helper")
}
