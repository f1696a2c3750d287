//! Records the Events of one run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::context::LiveWriter;
use crate::cluster::EventNote;
use crate::plan::{Change, event_note};
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
    /// Records that images were replaced, on the object as it is after the write. Returns
    /// notes for the user.
    pub(crate) async fn record(
        &self,
        writer: &LiveWriter<'_>,
        change: &Change,
        object: &Observed,
    ) -> Option<String> {
        let event = event(change)?;
        let namespace = &change.workload.namespace;
        if self.closed().contains(namespace) {
            return None;
        }
        let recorded = writer
            .cluster
            .record_event(object, &event, writer.field_manager, writer.authorship.at)
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

/// The Event for a change; `None` if the change replaces no image.
fn event(change: &Change) -> Option<EventNote> {
    if change.images.is_empty() {
        return None;
    }
    let (reason, action) = if change.is_rollback {
        ("ImageRolledBack", "RollBack")
    } else {
        ("ImageUpdated", "Update")
    };
    Some(EventNote {
        reason,
        action,
        note: event_note(&change.images),
    })
}
