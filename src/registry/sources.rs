//! One repository in several places: its mirrors, then its own.

use std::sync::OnceLock;

use tokio::sync::{Mutex, MutexGuard};

use crate::image::{Digest, FetchFailure, TagOrDigest};

use super::manifest::Blob;
use super::memory::{RememberedList, RememberedPage, Scope};
use super::remote::{RawManifest, Remote};
use super::tags::{self, TagList};

type Answered<T> = Result<T, FetchFailure>;

/// The places from which a repository may be read: what is tried first, and
/// what is tried last.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) mirrors: Vec<Remote>,
    pub(super) own: Remote,
}

/// One repository, to be read from the first place that answers; or why it may
/// not be read at all.
///
/// The first place with an answer to any question is the one for the rest of
/// the run, so that a decision never joins the tags of one place with the
/// images of another. A place without the image that is asked for counts as
/// one without an answer: mirrors may be partial.
#[derive(Debug)]
pub(super) struct Sources {
    places: Answered<Places>,
    /// Which mirror it is; as many as there are for the repository's own place.
    chosen: OnceLock<usize>,
    /// Held while the choice is made: one question at a time.
    choice: Mutex<()>,
}

impl Places {
    fn at(&self, at: usize) -> &Remote {
        self.mirrors.get(at).unwrap_or(&self.own)
    }
}

impl Sources {
    pub(super) fn new(places: Answered<Places>) -> Self {
        let chosen = match &places {
            // There is no choice.
            Ok(places) if places.mirrors.is_empty() => OnceLock::from(0),
            Ok(_) | Err(_) => OnceLock::new(),
        };
        Self {
            places,
            chosen,
            choice: Mutex::default(),
        }
    }

    /// The place that was chosen; `None` as long as none is.
    pub(super) fn remote(&self) -> Option<&Remote> {
        let places = self.places.as_ref().ok()?;
        Some(places.at(*self.chosen.get()?))
    }

    /// See [`Remote::scopes`]; those of all places as long as none is chosen.
    pub(super) async fn scopes(&self, private: bool) -> Vec<Scope> {
        if let Some(remote) = self.remote() {
            return remote.scopes(private).await;
        }
        let Ok(places) = &self.places else {
            return Vec::new();
        };
        let mut scopes: Vec<Scope> = Vec::new();
        for place in places.mirrors.iter().chain([&places.own]) {
            for scope in place.scopes(private).await {
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        scopes
    }

    /// All tags; see [`tags::fetch`].
    pub(super) async fn tags(
        &self,
        old: Option<&RememberedList>,
        mut keep: Option<&mut Vec<RememberedPage>>,
    ) -> Answered<TagList> {
        let mut turn = self.turn().await?;
        loop {
            if let Some(pages) = &mut keep {
                pages.clear();
            }
            let answer = tags::fetch(turn.place(), old, keep.as_deref_mut()).await;
            if let Some(answer) = turn.counts(answer) {
                return answer;
            }
        }
    }

    /// See [`Remote::digest`].
    pub(super) async fn digest(&self, version: &TagOrDigest) -> Answered<Digest> {
        let mut turn = self.turn().await?;
        loop {
            let answer = turn.place().digest(version).await;
            if let Some(answer) = turn.counts(answer) {
                return answer;
            }
        }
    }

    /// See [`Remote::manifest`].
    pub(super) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Answered<RawManifest> {
        let mut turn = self.turn().await?;
        loop {
            let answer = turn.place().manifest(version, size).await;
            if let Some(answer) = turn.counts(answer) {
                return answer;
            }
        }
    }

    /// See [`Remote::config`].
    pub(super) async fn config(&self, blob: &Blob) -> Answered<Vec<u8>> {
        let mut turn = self.turn().await?;
        loop {
            let answer = turn.place().config(blob).await;
            if let Some(answer) = turn.counts(answer) {
                return answer;
            }
        }
    }

    /// The way of one question. As long as no place is chosen, one question
    /// goes round and the others wait for what it chooses.
    async fn turn(&self) -> Answered<Turn<'_>> {
        let places = self.places.as_ref().map_err(Clone::clone)?;
        let mut turn = Turn {
            places,
            chosen: &self.chosen,
            at: 0,
            choice: None,
            failures: String::new(),
        };
        if self.chosen.get().is_none() {
            turn.choice = Some(self.choice.lock().await);
        }
        if let Some(chosen) = self.chosen.get() {
            turn.at = *chosen;
            turn.choice = None;
        }
        Ok(turn)
    }
}

/// A question on its way from place to place.
#[derive(Debug)]
struct Turn<'a> {
    places: &'a Places,
    chosen: &'a OnceLock<usize>,
    at: usize,
    /// Held by the question that chooses.
    choice: Option<MutexGuard<'a, ()>>,
    /// What the mirrors before this place said.
    failures: String,
}

impl<'a> Turn<'a> {
    /// The place to ask.
    fn place(&self) -> &'a Remote {
        self.places.at(self.at)
    }

    /// Whether the place's answer counts; else the next one is to be asked.
    fn counts<T>(&mut self, answer: Answered<T>) -> Option<Answered<T>> {
        match answer {
            Ok(answer) => {
                if self.choice.is_some() && self.chosen.set(self.at).is_ok() {
                    tracing::debug!(place = %self.place().place(), "chosen for the rest of the run");
                }
                Some(Ok(answer))
            }
            Err(failure) if self.choice.is_some() && self.at < self.places.mirrors.len() => {
                self.failures.push_str("; ");
                self.failures.push_str(&failure.message);
                self.at += 1;
                None
            }
            // What the repository's own place says is what counts.
            Err(mut failure) => {
                failure.message.push_str(&self.failures);
                Some(Err(failure))
            }
        }
    }
}
