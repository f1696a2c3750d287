//! One repository in several places: its mirrors, then its own.

use std::sync::OnceLock;

use tokio::sync::Mutex;

use crate::image::{Fact, FetchFailure, Known, RepositoryMetadata};

use super::images::Images;

/// The places from which a repository may be read, in the order in which they
/// are tried, its own the last; or why it may not be read at all.
///
/// The first place with an answer to any question is the one for the rest of
/// the run, so that a decision never joins the tags of one place with the
/// images of another. A place without the image that is asked for counts as
/// one without an answer: mirrors may be partial. Each place is remembered by
/// its own name.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) places: Result<Vec<Images>, FetchFailure>,
    chosen: OnceLock<usize>,
    /// Held while the choice is made: one question at a time.
    pub(super) choice: Mutex<()>,
}

impl Sources {
    pub(super) fn new(places: Result<Vec<Images>, FetchFailure>) -> Self {
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
    pub(super) fn chosen(&self) -> Option<&Images> {
        self.places.as_ref().ok()?.get(*self.chosen.get()?)
    }

    /// This place has answered.
    pub(super) fn choose(&self, at: usize) {
        // Only who holds the choice chooses, so there is nothing to lose.
        let _ = self.chosen.set(at);
    }
}

/// The failure of a question, where it failed.
pub(super) fn failure_of<'a>(
    metadata: &'a mut RepositoryMetadata,
    fact: &Fact,
) -> Option<&'a mut FetchFailure> {
    fn of<T>(known: &mut Known<T>) -> Option<&mut FetchFailure> {
        match known {
            Known::Failed(failure) => Some(failure),
            Known::NotAsked | Known::Value(_) => None,
        }
    }
    match fact {
        Fact::Tags => of(&mut metadata.tags),
        Fact::Digest(version) | Fact::Confirmed(version) => {
            of(&mut metadata.images.get_mut(version)?.digest)
        }
        Fact::Members(version) | Fact::Configs(version) => {
            of(&mut metadata.images.get_mut(version)?.members)
        }
        Fact::Platforms(version) => of(&mut metadata.images.get_mut(version)?.platforms),
        Fact::Created(version) => of(&mut metadata.images.get_mut(version)?.created),
        Fact::Pushed(version) => of(&mut metadata.images.get_mut(version)?.pushed),
    }
}

/// Lets a question fail that nobody is asked.
pub(super) fn refuse(metadata: &mut RepositoryMetadata, fact: Fact, failure: FetchFailure) {
    let images = &mut metadata.images;
    match fact {
        Fact::Tags => metadata.tags = Known::Failed(failure),
        Fact::Digest(version) | Fact::Confirmed(version) => {
            images.entry(version).or_default().digest = Known::Failed(failure);
        }
        Fact::Members(version) | Fact::Configs(version) => {
            let image = images.entry(version).or_default();
            image.members = Known::Failed(failure);
            image.configs_asked = true;
        }
        Fact::Platforms(version) => {
            images.entry(version).or_default().platforms = Known::Failed(failure);
        }
        Fact::Created(version) => {
            images.entry(version).or_default().created = Known::Failed(failure);
        }
        Fact::Pushed(version) => {
            images.entry(version).or_default().pushed = Known::Failed(failure);
        }
    }
}
