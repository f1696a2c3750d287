//! What to do about the Lease now. All decisions about time are here.

use std::time::Instant;

use super::state::{LeaseState, Seen};

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAction {
    /// Read the Lease.
    Read,
    /// Create it: there is none.
    Create,
    /// Replace this version: nobody holds it, or its holder has not renewed it in time.
    Acquire(String),
    /// Replace this version: it names us.
    Renew(String),
    /// Nothing before this time, unless the Lease changes.
    Wait(Instant),
    /// Stop to lead.
    StepDown(Loss),
}

/// Why a leader leads no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// No renewal succeeded in time.
    #[error("the Lease was not renewed in time")]
    Deadline,
    /// Another process holds the Lease.
    #[error("{0} holds the Lease")]
    TakenBy(String),
    /// Somebody removed the holder's name.
    #[error("the Lease names nobody")]
    Cleared,
    /// Somebody deleted the Lease.
    #[error("the Lease was deleted")]
    Deleted,
}

/// What to do at a time of the monotonic clock.
pub fn evaluate(state: &LeaseState, now: Instant) -> LeaseAction {
    if let Some(loss) = loss(state, now) {
        return LeaseAction::StepDown(loss);
    }
    let (action, due) = next(state);
    // `None`: at once.
    let due = due.max(state.not_before());
    match due.filter(|due| *due > now) {
        None => action,
        Some(due) => {
            let end = state.term().map(|term| term.until);
            LeaseAction::Wait(end.map_or(due, |end| end.min(due)))
        }
    }
}

/// Why the term has ended; `None` if it has not, or if there is none.
fn loss(state: &LeaseState, now: Instant) -> Option<Loss> {
    let term = state.term()?;
    if now >= term.until {
        return Some(Loss::Deadline);
    }
    match state.seen() {
        Seen::Nothing => None,
        Seen::Absent => Some(Loss::Deleted),
        Seen::Present { lease, .. } if state.is_ours(&lease.spec) => None,
        Seen::Present { lease, .. } => Some(match lease.spec.holder() {
            Some(holder) => Loss::TakenBy(holder.to_owned()),
            None => Loss::Cleared,
        }),
    }
}

/// The next request, and when it is due; `None`: at once.
fn next(state: &LeaseState) -> (LeaseAction, Option<Instant>) {
    if state.must_read() {
        return (LeaseAction::Read, None);
    }
    match state.seen() {
        Seen::Nothing => (LeaseAction::Read, None),
        Seen::Absent => (LeaseAction::Create, state.taken_until()),
        // Without a term, our own Lease is one whose renewal came too late, or whose
        // acquisition got no answer. If others have stopped, it is ours again.
        Seen::Present { lease, .. } if state.is_ours(&lease.spec) => (
            LeaseAction::Renew(lease.version.clone()),
            match state.term() {
                Some(term) => Some(term.renew_at),
                None => state.taken_until(),
            },
        ),
        Seen::Present { lease, .. } => (
            LeaseAction::Acquire(lease.version.clone()),
            state.taken_until(),
        ),
    }
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
