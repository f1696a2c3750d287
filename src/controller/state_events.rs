//! The Events about a state that keeps a workload from being updated. Pure.
//!
//! Written updates and failed rollouts have Events of their own, which the writer records.

use std::borrow::Cow;

use super::brakes::{Wait, WaitCause};
use crate::cluster::{EventNote, EventReason};
use crate::evaluator::{Reason, Row};
use crate::plan::{Change, HeldBack, HoldReason};

/// That the policy of a container cannot be read.
pub(crate) fn invalid_policy(row: &Row) -> Option<EventNote> {
    let decision = &row.decision;
    (decision.reason == Reason::InvalidPolicy).then(|| EventNote {
        reason: EventReason::PolicyInvalid,
        action: Cow::Owned(format!("ReadPolicy {}", row.container)),
        note: format!("container {}: {}", row.container, decision.message),
        is_warning: true,
    })
}

/// That an update is held back until somebody does something. What ends by itself, such as a
/// window or a registry that does not answer, has no Event.
pub(crate) fn held_back(held: &HeldBack) -> Option<EventNote> {
    let is_lasting = match held.hold {
        HoldReason::Owned
        | HoldReason::NotWritable
        | HoldReason::OverriddenByKustomization
        | HoldReason::ChartTag
        | HoldReason::Downgrade
        | HoldReason::VariantChange => true,
        HoldReason::Manual
        | HoldReason::Locked
        | HoldReason::Ignored
        | HoldReason::WaitingForWindow
        | HoldReason::NotAccepted
        | HoldReason::NotAnImage
        | HoldReason::OtherRepository
        | HoldReason::BeingDeleted
        | HoldReason::Undecided
        | HoldReason::Gone
        | HoldReason::Unconfirmed
        | HoldReason::BeyondMax
        | HoldReason::ChangedSince
        | HoldReason::NoRecord
        | HoldReason::AlreadyRolledBack => false,
    };
    let container = held.container.as_deref();
    let to = held.to.as_ref().map(ToString::to_string);
    let target = container.map(|container| (container, to.unwrap_or_default()));
    is_lasting.then(|| update_held(target.as_slice(), &held.message))
}

/// That failed rollouts have stopped an update. Other causes end by themselves.
pub(crate) fn stopped(change: &Change, wait: &Wait) -> Option<EventNote> {
    let targets: Vec<(&str, String)> = change
        .images
        .iter()
        .map(|image| (image.container.as_str(), image.to.to_string()))
        .collect();
    (wait.cause == WaitCause::Breaker).then(|| update_held(&targets, &wait.message))
}

/// `Update app to docker.io/org/app:2`: what it is about is in the action, because programs that
/// count equal Events together compare it, and not the note.
fn update_held(targets: &[(&str, String)], why: &str) -> EventNote {
    let targets: Vec<String> = targets
        .iter()
        .map(|(container, to)| {
            if to.is_empty() {
                (*container).to_owned()
            } else {
                format!("{container} to {to}")
            }
        })
        .collect();
    let action = format!("Update {}", targets.join(", "));
    EventNote {
        reason: EventReason::UpdateHeld,
        action: Cow::Owned(action.trim_end().to_owned()),
        note: why.to_owned(),
        is_warning: true,
    }
}
