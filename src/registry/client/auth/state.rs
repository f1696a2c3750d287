//! The authorization state of one repository.

use http::HeaderValue;
use tokio::time::Instant;

use crate::image::{CanonicalName, FetchFailure};
use crate::registry::keychain::{CredentialCandidate, FoundCredentials};

use super::challenge::Challenge;
use super::pass::Pass;
use super::scope::PullScope;

/// What was sent to a registry for one repository, and the results.
#[derive(Debug, Default)]
pub(crate) struct AuthState {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) round: u64,
    pub(crate) obtained: Option<Instant>,
    pub(crate) expires: Option<Instant>,
    /// The challenges that were answered, without their scopes, the last one last.
    pub(crate) challenges: Vec<Challenge>,
    pub(crate) scope: PullScope,
    pub(crate) found: Option<FoundCredentials>,
    /// The index of the current credential in `found`.
    pub(crate) at: usize,
    /// The index of the last one that was sent anywhere.
    pub(crate) sent: Option<usize>,
    /// The registry has accepted the current authorization.
    pub(crate) proven: bool,
    pub(crate) anonymous: AnonymousAccess,
    /// The header that is set aside while requests are anonymous.
    pub(crate) held: Option<HeaderValue>,
    /// The failure that another repository's challenge led to: it counts only if this
    /// repository also requires credentials.
    pub(crate) refusal: Option<FetchFailure>,
    pub(crate) denied: Option<FetchFailure>,
}

/// Whether the registry allows anonymous access to the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AnonymousAccess {
    #[default]
    NotTried,
    Refused,
    Allowed,
}

/// The maximum number of different challenges that are answered for one repository.
const MAX_CHALLENGES: usize = 4;

impl AuthState {
    pub(crate) fn pass(&self) -> Pass {
        Pass {
            header: self.header.clone(),
            round: self.round,
        }
    }

    /// Whether the next request is anonymous on purpose.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.anonymous == AnonymousAccess::Allowed || self.refusal.is_some() || self.held.is_some()
    }

    /// Makes the next request anonymous; if that is refused, `refusal` counts, or the
    /// previous header is sent again.
    pub(crate) fn set_aside(&mut self, refusal: Option<FetchFailure>) {
        self.held = self.header.take();
        self.refusal = refusal;
        self.round += 1;
    }

    /// Restores the header that was set aside, if there is one.
    pub(crate) fn restore_header(&mut self) -> bool {
        let Some(held) = self.held.take() else {
            return false;
        };
        self.header = Some(held);
        self.round += 1;
        true
    }

    /// The current credential.
    pub(crate) fn candidate(&self) -> Option<&CredentialCandidate> {
        self.found.as_ref()?.candidates.get(self.at)
    }

    /// Moves to the next credential, if there is one and none was accepted.
    pub(crate) fn advance(&mut self) -> bool {
        let count = self
            .found
            .as_ref()
            .map_or(0, |found| found.candidates.len());
        let has_next = !self.proven && self.at + 1 < count;
        if has_next {
            self.at += 1;
        }
        has_next
    }

    pub(crate) fn deny(&mut self, failure: FetchFailure) -> FetchFailure {
        self.denied = Some(failure.clone());
        failure
    }

    /// Whether a challenge requires something that the earlier ones did not.
    pub(crate) fn is_new(&self, challenge: &Challenge, name: &CanonicalName) -> bool {
        let is_known = self.challenges.contains(&challenge.without_scope());
        let has_new_scope = self.scope.with(challenge, name) != self.scope;
        has_new_scope || (!is_known && self.challenges.len() < MAX_CHALLENGES)
    }

    /// Records a challenge as the last one.
    pub(crate) fn record(&mut self, challenge: &Challenge, name: &CanonicalName) {
        self.scope = self.scope.with(challenge, name);
        let challenge = challenge.without_scope();
        self.challenges.retain(|known| *known != challenge);
        self.challenges.push(challenge);
    }

    /// Describes which credentials were tried, for messages.
    pub(crate) fn tried(&self) -> String {
        match (&self.found, self.sent) {
            (Some(found), Some(sent)) => found.tried(sent),
            (Some(found), None) if found.candidates.is_empty() => found.tried(0),
            (Some(_) | None, _) => "anonymously".to_owned(),
        }
    }
}
