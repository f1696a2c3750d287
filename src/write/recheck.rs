//! Looks up images again that were confirmed too long ago: a tag can move or be deleted
//! while the user reads the plan, or while the rollouts of other workloads are awaited.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::collect::{Confirmed, FreshLook, WantedImage, confirm};
use crate::plan::{Change, Refusal};
use crate::workload::{Observed, WorkloadId};

/// How long the registry's answer about an image counts.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// The last confirmation of the images of a plan, and how to repeat it.
#[derive(Debug)]
pub struct Recheck<'a> {
    /// The registries to ask.
    pub look: FreshLook<'a>,
    /// When the images were confirmed.
    pub confirmed_at: Instant,
}

impl Recheck<'_> {
    /// Looks up the images of the changes again, unless they were confirmed less than a
    /// minute ago. One result per change: why it may not be written.
    pub(crate) async fn refusals(
        &self,
        changes: &[&Change],
        observed: &BTreeMap<&WorkloadId, &Observed>,
    ) -> Vec<Option<Refusal>> {
        if self.confirmed_at.elapsed() < TRUSTED_FOR {
            return changes.iter().map(|_| None).collect();
        }
        let images = changes.iter().flat_map(|change| {
            let object = observed.get(&change.workload);
            let reader = object.and_then(|object| object.workload.reader());
            change.images.iter().map(move |image| WantedImage {
                image: image.to.clone(),
                reader: reader.clone(),
            })
        });
        let wanted: Vec<WantedImage> = images.collect();
        let Confirmed {
            presences, notes, ..
        } = confirm(&wanted, &self.look).await;
        for note in notes {
            tracing::debug!("{note}");
        }
        let mut presences = presences.as_slice();
        let check = |change: &&Change| {
            let count = change.images.len().min(presences.len());
            let (own, rest) = presences.split_at(count);
            presences = rest;
            change.check_presences(own).err()
        };
        changes.iter().map(check).collect()
    }
}
