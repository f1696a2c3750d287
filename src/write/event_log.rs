//! Records the Events of one run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::context::LiveWriter;
use crate::cluster::{EventNote, EventReason};
use crate::plan::{Change, PolicyEdit, event_note};
use crate::workload::Observed;

/// Records Events. After a refusal it does not try that namespace again, and it reports the
/// refusal only once per run, because the change itself was made and is recorded in the
/// workload.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    /// The namespaces in which no Event could be recorded.
    closed: Mutex<BTreeSet<String>>,
}

impl EventLog {
    /// Records that images were replaced, or that they failed, on the object as it is after the
    /// write. Returns notes for the user.
    pub(crate) async fn record(
        &self,
        writer: &LiveWriter<'_>,
        change: &Change,
        object: &Observed,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        for event in events(change) {
            notes.extend(self.record_one(writer, change, object, &event).await);
        }
        notes
    }

    async fn record_one(
        &self,
        writer: &LiveWriter<'_>,
        change: &Change,
        object: &Observed,
        event: &EventNote,
    ) -> Option<String> {
        let namespace = &change.workload.namespace;
        if self.closed().contains(namespace) {
            return None;
        }
        let recorded = writer
            .cluster
            .record_event(object, event, writer.field_manager, writer.authorship.at)
            .await;
        let error = recorded.err()?;
        tracing::debug!("no Event on {}: {error}", change.workload);
        let mut closed = self.closed();
        let is_first = closed.is_empty();
        closed.insert(namespace.clone());
        is_first.then(|| {
            format!(
                "Events could not be recorded in {namespace} ({}), so only the annotations of \
                 the workloads record what was changed",
                error.reason()
            )
        })
    }

    fn closed(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The Events for a change; none if it neither replaces an image nor records a failure.
fn events(change: &Change) -> Vec<EventNote> {
    let mut events = Vec::new();
    if let Some(PolicyEdit::RecordFailure { failures }) = &change.policy {
        let failed = failures.iter().map(|failed| {
            let (container, image) = (&failed.container, &failed.image);
            format!("container {container}: {image} failed: {}", failed.cause)
        });
        events.push(EventNote {
            reason: EventReason::RolloutFailed,
            action: "RollOut".into(),
            note: failed.collect::<Vec<_>>().join("; "),
            is_warning: true,
        });
    }
    if !change.images.is_empty() {
        let (reason, action) = if change.is_automatic_rollback() {
            (EventReason::RolledBack, "RollBack")
        } else if change.is_rollback {
            (EventReason::ImageRolledBack, "RollBack")
        } else {
            (EventReason::ImageUpdated, "Update")
        };
        events.push(EventNote {
            reason,
            action: action.into(),
            note: event_note(&change.images),
            is_warning: false,
        });
    }
    events
}

#[cfg(test)]
#[path = "tests/events.rs"]
mod tests;
