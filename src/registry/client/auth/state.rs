//! What was shown for one repository, and what is shown next.

use http::HeaderValue;
use tokio::time::Instant;

use crate::image::{CanonicalName, FetchFailure};
use crate::registry::keychain::{CredentialCandidate, FoundCredentials};

use super::challenge::Challenge;
use super::pass::Pass;
use super::scope::PullScope;

/// What was shown for one repository, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct AuthState {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) round: u64,
    pub(crate) obtained: Option<Instant>,
    pub(crate) expires: Option<Instant>,
    /// The challenges that were met, without their scopes, the last one last.
    pub(crate) met: Vec<Challenge>,
    pub(crate) scope: PullScope,
    pub(crate) found: Option<FoundCredentials>,
    /// Which of the found credentials is shown.
    pub(crate) at: usize,
    /// The last of them that was sent to anybody.
    pub(crate) sent: Option<usize>,
    /// The registry has let it in.
    pub(crate) proven: bool,
    pub(crate) bare: AnonymousAccess,
    /// What is not shown while the repository is asked without.
    pub(crate) held: Option<HeaderValue>,
    /// What the challenge of another repository led to: it counts only where
    /// this one asks for credentials, too.
    pub(crate) refusal: Option<FetchFailure>,
    pub(crate) denied: Option<FetchFailure>,
}

/// What the registry said of the repository to who showed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AnonymousAccess {
    #[default]
    NotAsked,
    Refused,
    LetIn,
}

/// How many challenges one repository is met with at most.
const MAX_CHALLENGES: usize = 4;

impl AuthState {
    pub(crate) fn pass(&self) -> Pass {
        Pass {
            header: self.header.clone(),
            round: self.round,
        }
    }

    /// Whether the next request shows nothing on purpose.
    pub(crate) fn asks_bare(&self) -> bool {
        self.bare == AnonymousAccess::LetIn || self.refusal.is_some() || self.held.is_some()
    }

    /// Shows nothing for once; where that is refused, `refusal` counts, or what
    /// was shown before is shown again.
    pub(crate) fn set_aside(&mut self, refusal: Option<FetchFailure>) {
        self.held = self.header.take();
        self.refusal = refusal;
        self.round += 1;
    }

    /// Shows again what was set aside, if anything was.
    pub(crate) fn put_back(&mut self) -> bool {
        let Some(held) = self.held.take() else {
            return false;
        };
        self.header = Some(held);
        self.round += 1;
        true
    }

    /// The credential in turn.
    pub(crate) fn candidate(&self) -> Option<&CredentialCandidate> {
        self.found.as_ref()?.candidates.get(self.at)
    }

    /// Turns to the next credential, if there is one and none was let in.
    pub(crate) fn next(&mut self) -> bool {
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

    pub(crate) fn deny(&mut self, failure: FetchFailure) -> FetchFailure {
        self.denied = Some(failure.clone());
        failure
    }

    /// Whether a challenge wants something else than those that were met.
    pub(crate) fn is_new(&self, challenge: &Challenge, name: &CanonicalName) -> bool {
        let known = self.met.contains(&challenge.without_scope());
        let more = self.scope.with(challenge, name) != self.scope;
        more || (!known && self.met.len() < MAX_CHALLENGES)
    }

    /// Takes note of a challenge, as the last one.
    pub(crate) fn meet(&mut self, challenge: &Challenge, name: &CanonicalName) {
        self.scope = self.scope.with(challenge, name);
        let challenge = challenge.without_scope();
        self.met.retain(|met| *met != challenge);
        self.met.push(challenge);
    }

    /// With which credentials anybody was asked.
    pub(crate) fn tried(&self) -> String {
        match (&self.found, self.sent) {
            (Some(found), Some(sent)) => found.tried(sent),
            (Some(found), None) if found.candidates.is_empty() => found.tried(0),
            (Some(_) | None, _) => "anonymously".to_owned(),
        }
    }
}
