//! Writes a [`Plan`] to the cluster, into files, or into files with a commit.
//!
//! This is the only place that chooses between them, and the only one that writes. What is
//! written comes from [`Change::edit`](crate::plan::Change::edit), computed against the
//! object as it is at that moment.

mod applied;
mod context;
mod event;
mod event_log;
#[cfg(test)]
mod fake;
mod files;
mod kustomization;
mod live;
mod one_write;
mod owners;
mod prepare;
mod recheck;
mod stop;
mod wait;
mod writer;

pub use applied::{Applied, Done, DryRun, WriteError};
pub use context::{Fence, LiveWriter, WriteContext};
pub use event::{Rollout, SLOW, WriteEvent};
pub use files::committed_files::CommittedFiles;
pub use files::file_writer::{FileWriter, RewrittenFile, WrittenFiles, write_files};
pub use files::git_writer::{Delivery, GitWriter, PUSH_TRIES, Pushed};
pub use files::marker_writes::MarkerApplied;
pub use files::unfinished::{TakenBack, take_back_unfinished};
pub use kustomization::{KustomizationWriter, write_kustomizations};
pub use live::write_live;
pub use prepare::{confirm_images, hold_back_in_cluster, wanted_images};
pub use recheck::Recheck;
pub use stop::StopSignal;
pub use wait::follow_rollout;
pub use writer::{Writer, Written};
