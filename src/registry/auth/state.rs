//! What was shown for one repository, and what is shown next.

use http::HeaderValue;
use tokio::time::Instant;

use crate::image::{CanonicalName, FetchFailure};
use crate::registry::credentials::{Candidate, Found};

use super::scope::PullScope;
use super::{Challenge, Pass};

/// What was shown for one repository, and what came of it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) header: Option<HeaderValue>,
    pub(super) round: u64,
    pub(super) obtained: Option<Instant>,
    pub(super) expires: Option<Instant>,
    /// The challenges that were met, without their scopes, the last one last.
    pub(super) met: Vec<Challenge>,
    pub(super) scope: PullScope,
    pub(super) found: Option<Found>,
    /// Which of the found credentials is shown.
    pub(super) at: usize,
    /// The last of them that was sent to anybody.
    pub(super) sent: Option<usize>,
    /// The registry has let it in.
    pub(super) proven: bool,
    pub(super) bare: Bare,
    /// What is not shown while the repository is asked without.
    pub(super) held: Option<HeaderValue>,
    /// What the challenge of another repository led to: it counts only where
    /// this one asks for credentials, too.
    pub(super) refusal: Option<FetchFailure>,
    pub(super) denied: Option<FetchFailure>,
}

/// What the registry said of the repository to who showed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Bare {
    #[default]
    NotAsked,
    Refused,
    LetIn,
}

/// How many challenges one repository is met with at most.
const MAX_CHALLENGES: usize = 4;

impl State {
    pub(super) fn pass(&self) -> Pass {
        Pass {
            header: self.header.clone(),
            round: self.round,
        }
    }

    /// Whether the next request shows nothing on purpose.
    pub(super) fn asks_bare(&self) -> bool {
        self.bare == Bare::LetIn || self.refusal.is_some() || self.held.is_some()
    }

    /// Shows nothing for once; where that is refused, `refusal` counts, or what
    /// was shown before is shown again.
    pub(super) fn set_aside(&mut self, refusal: Option<FetchFailure>) {
        self.held = self.header.take();
        self.refusal = refusal;
        self.round += 1;
    }

    /// Shows again what was set aside, if anything was.
    pub(super) fn put_back(&mut self) -> bool {
        let Some(held) = self.held.take() else {
            return false;
        };
        self.header = Some(held);
        self.round += 1;
        true
    }

    /// The credential in turn.
    pub(super) fn candidate(&self) -> Option<&Candidate> {
        self.found.as_ref()?.candidates.get(self.at)
    }

    /// Turns to the next credential, if there is one and none was let in.
    pub(super) fn next(&mut self) -> bool {
        let count = self
            .found
            .as_ref()
            .map_or(0, |found| found.candidates.len());
        let more = !self.proven && self.at + 1 < count;
        if more {
            self.at += 1;
        }
        more
    }

    pub(super) fn deny(&mut self, failure: FetchFailure) -> FetchFailure {
        self.denied = Some(failure.clone());
        failure
    }

    /// Whether a challenge wants something else than those that were met.
    pub(super) fn is_new(&self, challenge: &Challenge, name: &CanonicalName) -> bool {
        let known = self.met.contains(&challenge.without_scope());
        let more = self.scope.with(challenge, name) != self.scope;
        more || (!known && self.met.len() < MAX_CHALLENGES)
    }

    /// Takes note of a challenge, as the last one.
    pub(super) fn meet(&mut self, challenge: &Challenge, name: &CanonicalName) {
        self.scope = self.scope.with(challenge, name);
        let challenge = challenge.without_scope();
        self.met.retain(|met| *met != challenge);
        self.met.push(challenge);
    }

    /// With which credentials anybody was asked.
    pub(super) fn tried(&self) -> String {
        match (&self.found, self.sent) {
            (Some(found), Some(sent)) => found.tried(sent),
            (Some(found), None) if found.candidates.is_empty() => found.tried(0),
            (Some(_) | None, _) => "anonymously".to_owned(),
        }
    }
}
