//! What the controller reports: one event per change, none for what stays as it was.

use std::net::SocketAddr;
use std::time::Duration;

use super::brakes::Wait;
use crate::evaluator::Row;
use crate::image::CanonicalName;
use crate::plan::{AfterFailure, Change, HeldBack};
use crate::workload::WorkloadId;
use crate::write::{Applied, Rollout};

/// Something that has happened.
#[derive(Debug)]
pub enum ControllerEvent<'a> {
    /// Metrics are served at this address.
    Serving(SocketAddr),
    /// The workloads in scope are known: how many there are, and how many collections may not be
    /// read.
    Synced(usize, usize),
    /// A collection cannot be read: which, why, and when the next try is.
    WatchFailed(&'a str, String, Duration),
    /// A collection can be read again.
    WatchRecovered(&'a str),
    /// Whether this replica leads, and the holder of the Lease, as far as it is known.
    Leading(bool, Option<&'a str>),
    /// The decision on a container is not what it was.
    Decided(&'a Row),
    /// Something could not be read, in one sentence.
    Note(&'a str),
    /// A repository does not answer, and why.
    ScanFailed(&'a CanonicalName, &'a str),
    /// A repository answers again.
    ScanRecovered(&'a CanonicalName),
    /// An update is not made, and why.
    HeldBack(&'a HeldBack),
    /// The object of an update cannot be read, and why.
    Unreadable(&'a WorkloadId, &'a str),
    /// An update was written, or failed.
    Written(&'a Change, &'a Applied),
    /// An update waits, and why.
    Waits(&'a WorkloadId, &'a Wait),
    /// What was done after a rollout failed.
    FailureHandled(&'a Change, &'a AfterFailure),
    /// A rollout waits for something.
    Waiting(&'a WorkloadId, &'a str),
    /// A rollout has ended.
    RolledOut(&'a Change, &'a Rollout),
    /// A round failed as a whole, and why.
    RoundFailed(String),
}
