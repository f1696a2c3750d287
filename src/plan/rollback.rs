//! Putting back what the last recorded update replaced.

use super::change::Plan;
use super::policy_edit::LockNote;
use crate::workload::Observed;

/// The plan to put back every change of each workload's last record, or those
/// of the named containers, and to lock, so that automation does not undo it.
#[must_use]
pub fn plan_rollback(objects: &[Observed], containers: &[String], lock: &LockNote) -> Plan {
    let _ = (objects, containers, lock);
    todo!("plan helper")
}
