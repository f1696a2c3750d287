//! The places from which one repository can be read: its mirrors, then its own
//! registry.

use std::sync::OnceLock;

use tokio::sync::Mutex;

use crate::image::FetchFailure;

use super::images::RepositoryImages;

/// The places from which a repository can be read, in the order in which they are
/// tried, with its own registry last; or why it must not be read at all.
///
/// The first place that answers any request is used for the rest of the run, so
/// that a decision never combines the tags of one place with the images of another.
/// A place that lacks the requested image has not answered, because mirrors may be
/// partial. Each place has its own cache entries.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) places: Result<Vec<RepositoryImages>, FetchFailure>,
    chosen: OnceLock<usize>,
    /// Held while the place is chosen, so that only one request runs meanwhile.
    pub(crate) choice: Mutex<()>,
}

impl Sources {
    pub(crate) fn new(places: Result<Vec<RepositoryImages>, FetchFailure>) -> Self {
        let chosen = match &places {
            // There is nothing to choose.
            Ok(places) if places.len() == 1 => OnceLock::from(0),
            Ok(_) | Err(_) => OnceLock::new(),
        };
        Self {
            places,
            chosen,
            choice: Mutex::default(),
        }
    }

    /// Returns the place used for the rest of the run, if one has answered.
    pub(crate) fn chosen(&self) -> Option<&RepositoryImages> {
        self.places.as_ref().ok()?.get(*self.chosen.get()?)
    }

    /// Uses this place for the rest of the run.
    pub(crate) fn choose(&self, index: usize) {
        // Callers hold `choice`, so no other place can have been set.
        let _ = self.chosen.set(index);
    }
}
