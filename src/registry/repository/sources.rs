//! One repository in several places: its mirrors, then its own.

use std::sync::OnceLock;

use tokio::sync::Mutex;

use crate::image::FetchFailure;

use super::images::RepositoryImages;

/// The places from which a repository may be read, in the order in which they
/// are tried, its own the last; or why it may not be read at all.
///
/// The first place with an answer to any question is the one for the rest of
/// the run, so that a decision never joins the tags of one place with the
/// images of another. A place without the image that is asked for counts as
/// one without an answer: mirrors may be partial. Each place is remembered by
/// its own name.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) places: Result<Vec<RepositoryImages>, FetchFailure>,
    chosen: OnceLock<usize>,
    /// Held while the choice is made: one question at a time.
    pub(crate) choice: Mutex<()>,
}

impl Sources {
    pub(crate) fn new(places: Result<Vec<RepositoryImages>, FetchFailure>) -> Self {
        let chosen = match &places {
            // There is no choice.
            Ok(places) if places.len() == 1 => OnceLock::from(0),
            Ok(_) | Err(_) => OnceLock::new(),
        };
        Self {
            places,
            chosen,
            choice: Mutex::default(),
        }
    }

    /// The place that is asked for the rest of the run, if one has answered.
    pub(crate) fn chosen(&self) -> Option<&RepositoryImages> {
        self.places.as_ref().ok()?.get(*self.chosen.get()?)
    }

    /// This place has answered.
    pub(crate) fn choose(&self, at: usize) {
        // Only who holds the choice chooses, so there is nothing to lose.
        let _ = self.chosen.set(at);
    }
}
