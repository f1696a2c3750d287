//! Who we are to one repository: challenge → credential → `Authorization`.
//!
//! Anonymous first, as every runtime does: credentials are looked up only when
//! a registry asks for them. A refusal holds for the run, so that a thousand
//! tags of a private repository cost one refusal and not a thousand.

mod challenge;
mod token;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::image::{CanonicalName, FetchFailure, FetchFailureKind};
use crate::secrets;

pub(super) use self::challenge::Challenge;

use self::token::TokenRequest;
use super::account::{Account, CredentialId};
use super::credentials::{Candidate, Credential, Found};
use super::endpoint::Endpoint;
use super::failure::Place;
use super::transport::Transport;

/// What is refused with authorization younger than this is refused for good;
/// what is older may have expired.
const FRESH: Duration = Duration::from_secs(10);

/// What one request shows, and which round of authorization it belongs to.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass {
    pub(super) header: Option<HeaderValue>,
    round: u64,
}

/// The authorization of one repository.
#[derive(Debug)]
pub(super) struct Authorizer {
    name: CanonicalName,
    place: Place,
    account: Account,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    header: Option<HeaderValue>,
    round: u64,
    obtained: Option<Instant>,
    expires: Option<Instant>,
    scopes: BTreeSet<String>,
    found: Option<Found>,
    /// Which of the found credentials is shown.
    at: usize,
    /// The registry has let it in.
    proven: bool,
    denied: Option<FetchFailure>,
}

impl Authorizer {
    pub(super) fn new(name: &CanonicalName, place: Place, account: Account) -> Self {
        Self {
            name: name.clone(),
            place,
            account,
            state: Mutex::default(),
        }
    }

    /// What to show with the next request: what was shown last, or a token
    /// where the host is known to want one, or nothing.
    pub(super) async fn pass(
        &self,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<Pass, FetchFailure> {
        let mut state = self.state.lock().await;
        if let Some(denied) = &state.denied {
            return Err(denied.clone());
        }
        let expired = state.expires.is_some_and(|at| at <= Instant::now());
        if (state.header.is_none() || expired)
            && let Some(challenge) = endpoint.challenge()
        {
            self.obtain(&mut state, &challenge, transport).await?;
        }
        Ok(state.pass())
    }

    /// A 401 came in spite of `shown`: what to show instead, or the refusal.
    pub(super) async fn renew(
        &self,
        shown: &Pass,
        challenge: Option<Challenge>,
        transport: &Transport,
    ) -> Result<Pass, FetchFailure> {
        let mut state = self.state.lock().await;
        if let Some(denied) = &state.denied {
            return Err(denied.clone());
        }
        if state.round > shown.round {
            // Another request has renewed it meanwhile.
            return Ok(state.pass());
        }
        let new_scope = match &challenge {
            Some(Challenge::Bearer {
                scope: Some(scope), ..
            }) => !state.scopes.contains(scope),
            Some(_) | None => false,
        };
        let now = Instant::now();
        let expired = state.expires.is_some_and(|at| at <= now);
        let fresh = !expired && state.obtained.is_some_and(|at| now - at < FRESH);
        if fresh && !new_scope && !state.next() {
            let tried = state.tried();
            return Err(state.deny(self.place.unauthorized(tried)));
        }
        let Some(challenge) = challenge else {
            return Err(state.deny(self.place.unauthorized(
                "the registry names no way to log in that we know (Bearer, Basic)",
            )));
        };
        self.obtain(&mut state, &challenge, transport).await?;
        Ok(state.pass())
    }

    /// The registry knows nothing of what was asked, or forbids it, in spite of
    /// `shown`: what to show instead, if there is another credential. Once one
    /// has been let in, it stays.
    pub(super) async fn other(
        &self,
        shown: &Pass,
        challenge: Option<Challenge>,
        transport: &Transport,
    ) -> Result<Option<Pass>, FetchFailure> {
        let mut state = self.state.lock().await;
        if shown.header.is_none() || state.proven || state.denied.is_some() {
            return Ok(None);
        }
        if state.round > shown.round {
            return Ok(Some(state.pass()));
        }
        let (Some(challenge), true) = (challenge, state.next()) else {
            return Ok(None);
        };
        self.obtain(&mut state, &challenge, transport).await?;
        Ok(Some(state.pass()))
    }

    /// The registry has answered what was asked with `shown`.
    pub(super) async fn accepted(&self, shown: &Pass) {
        let mut state = self.state.lock().await;
        state.proven |= state.round == shown.round;
    }

    /// Under which identity the cache keeps what is answered here: that of the
    /// credential that the registry has let in, or nobody's. `None` as long as
    /// it has let nobody in.
    pub(super) async fn scope(&self, private: bool) -> Option<Option<CredentialId>> {
        let state = self.state.lock().await;
        if !state.proven {
            return None;
        }
        let shown = state.header.as_ref().and(state.candidate());
        Some(match shown {
            Some(_) if self.account.is_of_workload() => self.account.credential_id(&self.name),
            Some(shown) => shown.id(&self.name, private),
            None => None,
        })
    }

    /// Under which identities the cache may hold what was answered here: the
    /// one that is shown once the registry has answered, before that all that
    /// may be shown. `None` is nobody's: what everybody is told.
    pub(super) async fn scopes(&self, private: bool) -> Vec<Option<CredentialId>> {
        if let Some(scope) = self.scope(private).await {
            return vec![scope];
        }
        let ids = self.account.ids(&self.name, private).await;
        std::iter::once(None)
            .chain(ids.into_iter().map(Some))
            .collect()
    }

    /// The password that the registry has let in, as `Basic`: only for its own
    /// host, and only where a token endpoint on that host has seen it anyway.
    /// `None` where none was needed, or something else than a password was.
    pub(super) async fn accepted_password(&self) -> Option<HeaderValue> {
        let state = self.state.lock().await;
        let candidate = state.candidate().filter(|_| state.proven)?;
        match &*candidate.credential {
            Credential::Password { user, password } => basic(user, password),
            Credential::IdentityToken { .. } | Credential::RegistryToken(_) => None,
        }
    }

    /// With which credentials the repository was asked, for messages.
    pub(super) async fn tried(&self) -> String {
        self.state.lock().await.tried()
    }

    /// Meets a challenge with the credential in turn, and with the next one
    /// where a token endpoint refuses it. The lock on the state makes this
    /// single flight.
    async fn obtain(
        &self,
        state: &mut State,
        challenge: &Challenge,
        transport: &Transport,
    ) -> Result<(), FetchFailure> {
        if state.found.is_none() {
            state.found = Some(self.account.find(&self.name).await);
        }
        loop {
            let result = self.show(state, challenge, transport).await;
            match result {
                Err(failure) if failure.kind == FetchFailureKind::Unauthorized => {
                    if !state.next() {
                        return Err(state.deny(failure));
                    }
                }
                Err(failure) => return Err(state.deny(failure)),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Meets a challenge with the credential in turn.
    async fn show(
        &self,
        state: &mut State,
        challenge: &Challenge,
        transport: &Transport,
    ) -> Result<(), FetchFailure> {
        let candidate = state.candidate();
        let credential = candidate.map(|candidate| Arc::clone(&candidate.credential));
        let header = match (challenge, credential.as_deref()) {
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                basic(user, password)
            }
            (Challenge::Basic, _) => {
                return Err(self.place.unauthorized(state.tried()));
            }
            (Challenge::Bearer { .. }, Some(Credential::RegistryToken(token))) => bearer(token),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                },
                credential,
            ) => {
                state.add_scope(&self.name, scope.as_deref());
                let request = TokenRequest {
                    place: &self.place,
                    realm,
                    service: service.as_deref(),
                    scopes: &state.scopes,
                    credential,
                    tried: &state.tried(),
                };
                let token = request.send(transport).await?;
                state.expires = token.lifetime.map(|lifetime| Instant::now() + lifetime);
                bearer(&token.value)
            }
        };
        let Some(header) = header else {
            return Err(self.place.unauthorized(format_args!(
                "{}, whose token holds a character that no header may have, such as a line break",
                state.tried()
            )));
        };
        state.header = Some(header);
        state.obtained = Some(Instant::now());
        state.round += 1;
        Ok(())
    }
}

impl State {
    fn pass(&self) -> Pass {
        Pass {
            header: self.header.clone(),
            round: self.round,
        }
    }

    /// The credential in turn.
    fn candidate(&self) -> Option<&Candidate> {
        self.found.as_ref()?.candidates.get(self.at)
    }

    /// Turns to the next credential, if there is one and none was let in.
    fn next(&mut self) -> bool {
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

    fn deny(&mut self, failure: FetchFailure) -> FetchFailure {
        self.denied = Some(failure.clone());
        failure
    }

    /// Adds what a challenge asks for. A challenge that another repository of
    /// the host was shown names that one: then the usual scope stands in.
    fn add_scope(&mut self, name: &CanonicalName, scope: Option<&str>) {
        let own = format!("repository:{}:", name.repository());
        let scope = match scope {
            Some(scope) if !scope.starts_with("repository:") || scope.starts_with(&own) => {
                scope.to_owned()
            }
            Some(_) | None => format!("{own}pull"),
        };
        self.scopes.insert(scope);
    }

    fn tried(&self) -> String {
        self.found
            .as_ref()
            .map_or_else(|| "anonymously".to_owned(), |found| found.tried(self.at))
    }
}

fn basic(user: &str, password: &SecretString) -> Option<HeaderValue> {
    secrets::learn_login(user, password.expose_secret());
    let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
    let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
    sensitive("Basic", &encoded)
}

fn bearer(token: &SecretString) -> Option<HeaderValue> {
    // Written by hand, or by an editor that ends the last line.
    let token = token.expose_secret().trim();
    secrets::learn(token);
    sensitive("Bearer", &SecretString::from(token))
}

/// A header value that prints as `Sensitive`.
fn sensitive(scheme: &str, value: &SecretString) -> Option<HeaderValue> {
    let text = SecretString::from(format!("{scheme} {}", value.expose_secret()));
    let mut header = HeaderValue::from_str(text.expose_secret()).ok()?;
    header.set_sensitive(true);
    Some(header)
}
