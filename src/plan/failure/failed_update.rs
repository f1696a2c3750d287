//! An update whose rollout failed.

use jiff::Timestamp;

use crate::plan::change::Change;
use crate::plan::policy_edit::PolicyEdit;
use crate::policy::FailedRollout;

/// An update that was written, and whose rollout failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedUpdate<'a> {
    /// What was written.
    pub change: &'a Change,
    /// Why the rollout failed. It becomes one line of at most 200 characters, and must not
    /// contain secrets.
    pub cause: &'a str,
    /// When the failure was noticed.
    pub at: Timestamp,
}

impl FailedUpdate<'_> {
    /// The images that failed: the policies of their containers reject them from now on.
    #[must_use]
    pub fn failures(&self) -> Vec<FailedRollout> {
        let Self { change, cause, at } = self;
        let images = change.images.iter().map(|image| {
            FailedRollout::new(
                &image.container,
                &image.to,
                image.digest.as_ref(),
                *at,
                cause,
            )
        });
        images.collect()
    }

    /// The change that records the failure in the annotation `imgpolicy.dev/failed`, and
    /// leaves the images.
    #[must_use]
    pub fn record(&self) -> Change {
        Change {
            source: self.change.source.clone(),
            root: self.change.root.clone(),
            policy: Some(PolicyEdit::RecordFailure {
                failures: self.failures(),
            }),
            ..Change::of_images(self.change.workload.clone(), Vec::new())
        }
    }
}
