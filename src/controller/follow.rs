//! What the watches have reported so far.

use super::event::ControllerEvent;
use super::index::WatchedWorkloads;
use super::metrics::WatchState;
use crate::cluster::{WatchNews, WatchedCollection};

/// The workloads, and the state of each collection.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The workloads.
    pub(crate) index: WatchedWorkloads,
    collections: Vec<CollectionState>,
    is_reported: bool,
    errors: usize,
}

/// What is known about a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct CollectionState {
    /// It was listed.
    is_listed: bool,
    /// It may not be read.
    is_denied: bool,
    /// The last try failed.
    is_failing: bool,
}

impl Followed {
    /// Nothing is known yet about so many collections.
    #[must_use]
    pub(crate) fn new(collections: usize) -> Self {
        Self {
            index: WatchedWorkloads::default(),
            collections: vec![CollectionState::default(); collections],
            is_reported: false,
            errors: 0,
        }
    }

    /// Takes news about a collection. Returns whether the loop has something to do.
    pub(crate) fn take(
        &mut self,
        place: usize,
        collection: &WatchedCollection,
        news: WatchNews<'_>,
        report: &dyn Fn(ControllerEvent<'_>),
    ) -> bool {
        let Some(state) = self.collections.get_mut(place) else {
            return false;
        };
        if let WatchNews::Failed(error, wait) = news {
            let name = collection.to_string();
            if !std::mem::replace(&mut state.is_failing, true) {
                self.errors += 1;
                report(ControllerEvent::WatchFailed(&name, error.line(), wait));
            }
            let was_denied = std::mem::replace(&mut state.is_denied, error.is_access_denied());
            return was_denied != state.is_denied;
        }
        if std::mem::take(&mut state.is_failing) {
            report(ControllerEvent::WatchRecovered(&collection.to_string()));
        }
        state.is_denied = false;
        match news {
            WatchNews::Listed(workloads, unreadable) => {
                state.is_listed = true;
                self.index.replace(|id| collection.contains(id), workloads);
                for error in unreadable {
                    self.errors += 1;
                    report(ControllerEvent::Note(&error.message));
                }
                return true;
            }
            WatchNews::Applied(workload) => self.index.apply(*workload),
            WatchNews::Unreadable(error) => {
                self.errors += 1;
                report(ControllerEvent::Note(&error.message));
            }
            WatchNews::Deleted(id) => self.index.remove(&id),
            WatchNews::Failed(..) => {}
        }
        self.index.has_changed()
    }

    /// Whether every collection was listed. One that may not be read does not hold up the
    /// others.
    #[must_use]
    pub(crate) fn is_synced(&self) -> bool {
        let mut collections = self.collections.iter();
        collections.all(|state| state.is_listed || state.is_denied)
    }

    /// What is known about the collections.
    #[must_use]
    pub(crate) fn state(&self) -> WatchState {
        let mut collections = self.collections.iter();
        WatchState {
            is_synced: self.is_synced(),
            is_failing: collections.any(|state| state.is_failing),
        }
    }

    /// Reports once that everything was listed that may be read.
    pub(crate) fn report_synced(&mut self, report: &dyn Fn(ControllerEvent<'_>)) {
        if !std::mem::replace(&mut self.is_reported, true) {
            let denied = self.collections.iter().filter(|state| state.is_denied);
            report(ControllerEvent::Synced(self.index.len(), denied.count()));
        }
    }

    /// How many collections and objects could not be read.
    #[must_use]
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LISTED: CollectionState = CollectionState {
        is_listed: true,
        is_denied: false,
        is_failing: false,
    };
    const DENIED: CollectionState = CollectionState {
        is_listed: false,
        is_denied: true,
        is_failing: true,
    };

    #[test]
    fn collection_that_may_not_be_read_is_reported_and_does_not_hold_up_the_others() {
        for (collections, denied, is_failing) in [
            (vec![LISTED, LISTED], 0, false),
            (vec![LISTED, DENIED], 1, true),
            (vec![DENIED, DENIED], 2, true),
        ] {
            let mut followed = Followed::new(0);
            followed.collections = collections;
            let state = followed.state();
            assert_eq!((state.is_synced, state.is_failing), (true, is_failing));
            let reported = Cell::new(None);
            followed.report_synced(&|event| {
                if let ControllerEvent::Synced(_, denied) = event {
                    reported.set(Some(denied));
                }
            });
            assert_eq!(reported.get(), Some(denied));
        }
    }
}
