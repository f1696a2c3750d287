//! Authorizes requests: each challenge is answered once per host, scope and credential.

use super::challenge::Challenge;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::image::{CanonicalName, FetchFailure, FetchFailureKind};
use crate::secrets::header;

use super::pass::Pass;
use super::state::{AnonymousAccess, AuthState};
use super::token::TokenRequest;
use crate::registry::client::endpoint::Endpoint;
use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::transport::Transport;
use crate::registry::keychain::Credential;
use crate::registry::keychain::account::Account;
use crate::registry::keychain::credential_id::{AcceptedIdentity, CredentialId};

/// A refusal of an authorization younger than this is final; an older one may have
/// expired.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

/// The authorization of one repository.
#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(crate) name: CanonicalName,
    pub(crate) label: RepositoryLabel,
    pub(crate) account: Account,
    pub(crate) state: Mutex<AuthState>,
}

impl Authorizer {
    pub(crate) fn new(name: &CanonicalName, label: RepositoryLabel, account: Account) -> Self {
        Self {
            name: name.clone(),
            label,
            account,
            state: Mutex::default(),
        }
    }

    /// The authorization for the next request: the last one, or a token if the host is
    /// known to require one, or none.
    pub(crate) async fn pass(
        &self,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<Pass, FetchFailure> {
        let mut state = self.state.lock().await;
        if let Some(denied) = &state.denied {
            return Err(denied.clone());
        }
        let expired = state.expires.is_some_and(|at| at <= Instant::now());
        let challenge = match &state.header {
            Some(_) if expired => state.challenges.last().cloned(),
            Some(_) => None,
            None if state.is_anonymous() => None,
            // A token is valid only for its repository, so another repository's
            // challenge can be used. A password is sent only if it is required.
            None => endpoint
                .challenge()
                .filter(|challenge| matches!(challenge, Challenge::Bearer { .. })),
        };
        if let Some(challenge) = challenge {
            self.obtain(&mut state, &challenge, endpoint, transport)
                .await?;
        }
        Ok(state.pass())
    }

    /// After a 401 for `shown`: another authorization, or the refusal.
    pub(crate) async fn renew(
        &self,
        shown: &Pass,
        challenge: Option<Challenge>,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<Pass, FetchFailure> {
        let mut state = self.state.lock().await;
        if let Some(denied) = &state.denied {
            return Err(denied.clone());
        }
        if shown.header.is_none() {
            state.anonymous = AnonymousAccess::Refused;
        }
        if state.round > shown.round {
            // Another request has renewed it in the meantime.
            return Ok(state.pass());
        }
        let is_new = challenge
            .as_ref()
            .is_some_and(|challenge| state.is_new(challenge, &self.name));
        if !is_new {
            if let Some(refusal) = state.refusal.take() {
                return Err(state.deny(refusal));
            }
            if state.restore_header() {
                return Ok(state.pass());
            }
        }
        let now = Instant::now();
        let expired = state.expires.is_some_and(|at| at <= now);
        let fresh = !expired && state.obtained.is_some_and(|at| now - at < FRESH);
        if fresh && !is_new && !state.advance() {
            let refusal = self.label.unauthorized(state.tried());
            if state.anonymous == AnonymousAccess::NotTried {
                state.header = None;
                state.set_aside(Some(refusal));
                return Ok(state.pass());
            }
            return Err(state.deny(refusal));
        }
        let Some(challenge) = challenge else {
            return Err(state
                .deny(self.label.unauthorized(
                    "the registry offers no supported way to log in (Bearer, Basic)",
                )));
        };
        if is_new && !state.proven {
            state.at = 0;
        }
        self.obtain(&mut state, &challenge, endpoint, transport)
            .await?;
        Ok(state.pass())
    }

    /// After a 404 or 403 for `shown`, perhaps with a challenge: another credential if
    /// there is one, or an anonymous attempt if that has not been tried. A credential
    /// that has been accepted is kept.
    pub(crate) async fn other(
        &self,
        shown: &Pass,
        challenge: Option<Challenge>,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<Option<Pass>, FetchFailure> {
        let mut state = self.state.lock().await;
        if state.proven || state.denied.is_some() {
            return Ok(None);
        }
        if shown.header.is_none() {
            let pass = self.log_in(&mut state, shown, challenge, endpoint, transport);
            return Ok(pass.await);
        }
        if state.round > shown.round {
            return Ok(Some(state.pass()));
        }
        if let Some(challenge) = state.challenges.last().cloned()
            && state.advance()
        {
            self.obtain(&mut state, &challenge, endpoint, transport)
                .await?;
            return Ok(Some(state.pass()));
        }
        if state.anonymous == AnonymousAccess::NotTried {
            state.set_aside(None);
            return Ok(Some(state.pass()));
        }
        Ok(None)
    }

    /// After a 404 or 403 for an anonymous request: some registries hide private
    /// repositories like that. If there are credentials and the response has no
    /// challenge, the one at the registry's root says how to send them.
    pub(crate) async fn log_in(
        &self,
        state: &mut AuthState,
        shown: &Pass,
        challenge: Option<Challenge>,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Option<Pass> {
        if state.round > shown.round {
            return state.header.is_some().then(|| state.pass());
        }
        let is_first = state.anonymous == AnonymousAccess::NotTried && state.sent.is_none();
        state.anonymous = AnonymousAccess::Refused;
        state.refusal = None;
        if state.restore_header() || !is_first {
            // It was sent before, with the same result.
            return None;
        }
        if state.found.is_none() {
            state.found = Some(self.account.find(&self.name).await);
        }
        let challenge = match challenge {
            // Even a token for nobody may be enough.
            Some(challenge) => challenge,
            None => {
                state.candidate()?;
                endpoint.root_challenge(transport).await?
            }
        };
        // If logging in fails, the response to the anonymous request still counts.
        let result = self.obtain(state, &challenge, endpoint, transport).await;
        if result.is_err() {
            state.denied = None;
            return None;
        }
        Some(state.pass())
    }

    /// The registry has accepted a request with `shown`.
    pub(crate) async fn accepted(&self, shown: &Pass) {
        let mut state = self.state.lock().await;
        if state.round != shown.round {
            return;
        }
        state.proven = true;
        if shown.header.is_none() {
            state.anonymous = AnonymousAccess::Allowed;
            state.held = None;
            state.refusal = None;
        }
    }

    /// Whose responses the cache stores; `None` until the registry has accepted a
    /// request.
    pub(crate) async fn identity(&self) -> Option<AcceptedIdentity> {
        let state = self.state.lock().await;
        if !state.proven {
            return None;
        }
        let shown = state.header.as_ref().and(state.candidate());
        Some(match shown {
            Some(_) if self.account.is_from_cluster() => AcceptedIdentity {
                exact: self.account.credential_id(&self.name),
                login: None,
            },
            Some(shown) => shown.identity(&self.name),
            None => AcceptedIdentity::default(),
        })
    }

    /// The IDs of the credentials that may be sent; `run_helpers`: also those of
    /// helpers, which have to be run.
    pub(crate) async fn possible_ids(&self, run_helpers: bool) -> Vec<CredentialId> {
        self.account.ids(&self.name, run_helpers).await
    }

    /// The password that the registry has accepted, as `Basic`: only for its own host,
    /// and only if a token endpoint on that host has received it anyway. `None` if no
    /// credential or another kind of credential was used.
    pub(crate) async fn accepted_password(&self) -> Option<HeaderValue> {
        let state = self.state.lock().await;
        let candidate = state.candidate().filter(|_| state.proven)?;
        match &*candidate.credential {
            Credential::Password { user, password } => header::basic(user, password),
            Credential::IdentityToken { .. } | Credential::RegistryToken(_) => None,
        }
    }

    /// Describes which credentials were tried, for messages.
    pub(crate) async fn tried(&self) -> String {
        self.state.lock().await.tried()
    }

    /// Answers a challenge with the current credential, and with the next one if a
    /// token endpoint refuses it. The lock on the state makes this single flight. If
    /// the challenge was another repository's, a failure makes the next request
    /// anonymous.
    pub(crate) async fn obtain(
        &self,
        state: &mut AuthState,
        challenge: &Challenge,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<(), FetchFailure> {
        if state.found.is_none() {
            state.found = Some(self.account.find(&self.name).await);
        }
        state.record(challenge, &self.name);
        let failure = loop {
            match self.authorize(state, challenge, endpoint, transport).await {
                Err(failure) if failure.kind == FetchFailureKind::Unauthorized => {
                    if !state.advance() {
                        break failure;
                    }
                }
                Err(failure) => break failure,
                Ok(()) => return Ok(()),
            }
        };
        if state.anonymous == AnonymousAccess::NotTried {
            state.header = None;
            state.set_aside(Some(failure));
            return Ok(());
        }
        Err(state.deny(failure))
    }

    /// Answers a challenge with the current credential.
    pub(crate) async fn authorize(
        &self,
        state: &mut AuthState,
        challenge: &Challenge,
        endpoint: &Endpoint,
        transport: &Transport,
    ) -> Result<(), FetchFailure> {
        let candidate = state.candidate();
        let credential = candidate.map(|candidate| Arc::clone(&candidate.credential));
        state.expires = None;
        let header = match (challenge, credential.as_deref()) {
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                state.sent = state.sent.max(Some(state.at));
                header::basic(user, password)
            }
            (Challenge::Basic, _) => {
                return Err(self.label.unauthorized(state.tried()));
            }
            (Challenge::Bearer { .. }, Some(Credential::RegistryToken(token))) => {
                state.sent = state.sent.max(Some(state.at));
                header::bearer(token.expose_secret().as_bytes())
            }
            (Challenge::Bearer { realm, service, .. }, credential) => {
                if credential.is_some() {
                    state.sent = state.sent.max(Some(state.at));
                }
                let request = TokenRequest {
                    label: &self.label,
                    endpoint,
                    realm,
                    service: service.as_deref(),
                    scope: &state.scope.to_parameter(&self.name),
                    credential,
                    tried: &state.tried(),
                };
                let token = request.send(transport).await?;
                state.expires = token.lifetime.map(|lifetime| Instant::now() + lifetime);
                header::bearer(token.value.expose_secret().as_bytes())
            }
        };
        let Some(header) = header else {
            return Err(self.label.unauthorized(format_args!(
                "{}, whose token contains a character that is not allowed in a header, such as a line break",
                state.tried()
            )));
        };
        // Anonymous access proves nothing about this header.
        state.proven &= state.header.is_some();
        state.header = Some(header);
        state.held = None;
        state.refusal = None;
        state.obtained = Some(Instant::now());
        state.round += 1;
        Ok(())
    }
}
