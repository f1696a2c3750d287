//! One object, read whole and written.

use jiff::Timestamp;

use super::connection::Cluster;
use super::error::ClusterError;
use crate::plan::{OwnerAnswer, OwnerQuestion, Patch};
use crate::workload::{Observed, WorkloadId};

/// What an Event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNote {
    /// Why it was sent, in one word: `ImageUpdated`.
    pub reason: &'static str,
    /// What was done, in one word: `Update`.
    pub action: &'static str,
    /// What happened, for people.
    pub note: String,
}

/// Whether a controller of ours works in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControllerPresence {
    /// It holds a fresh Lease.
    Running,
    /// There is no Lease, or an old one.
    Absent,
    /// Leases may not be read.
    Unknown,
}

impl Cluster {
    /// Reads one object whole.
    ///
    /// # Errors
    ///
    /// It is not there, may not be read, or no server answers.
    pub async fn observe(&self, id: &WorkloadId) -> Result<Observed, ClusterError> {
        let _ = id;
        todo!("cluster helper")
    }

    /// Sends one patch and gives the object as it is afterwards.
    ///
    /// # Errors
    ///
    /// The server refuses it, also with a conflict where somebody wrote in
    /// between.
    pub async fn patch(
        &self,
        id: &WorkloadId,
        patch: &Patch,
        dry_run: bool,
        field_manager: &str,
    ) -> Result<Observed, ClusterError> {
        let _ = (id, patch, dry_run, field_manager);
        todo!("cluster helper")
    }

    /// Records an Event on an object.
    ///
    /// # Errors
    ///
    /// It may not be recorded.
    pub async fn record_event(
        &self,
        object: &Observed,
        event: &EventNote,
        field_manager: &str,
        now: Timestamp,
    ) -> Result<(), ClusterError> {
        let _ = (object, event, field_manager, now);
        todo!("cluster helper")
    }

    /// The user as the API server knows them; `None` where it does not tell.
    pub async fn user_name(&self) -> Option<String> {
        todo!("cluster helper")
    }

    /// Whether a controller of ours works here.
    pub async fn controller_presence(&self, now: Timestamp) -> ControllerPresence {
        let _ = now;
        todo!("cluster helper")
    }

    /// Asks what the owners of workloads have to tell, each question once.
    pub async fn owner_answers(
        &self,
        questions: &[OwnerQuestion],
    ) -> Vec<(OwnerQuestion, OwnerAnswer)> {
        let _ = questions;
        todo!("cluster helper")
    }
}
