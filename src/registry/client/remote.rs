//! One repository of one registry over HTTP.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, LAST_MODIFIED};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;

use crate::image::{CanonicalName, Digest, FetchFailure, FetchFailureKind, TagOrDigest};

use super::auth::{Authorizer, Challenge, Pass};
use super::endpoint::Endpoint;
use super::failure::{Place, clean};
use super::redirect::{self, MAX_REDIRECTS};
use super::transport::{Answer, MAX_BODY, Pull, Puller, Question, SendError, Transport, authority};
use crate::registry::content::digest;
use crate::registry::content::manifest::{ACCEPT, Blob, MAX_MANIFEST};
use crate::registry::keychain::account::Account;
use crate::registry::repository::metadata_cache::CredentialScope;

/// The header in which registries name what they serve.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest's bytes, verified.
#[derive(Debug)]
pub(crate) struct RawManifest {
    pub(crate) digest: Digest,
    pub(crate) content_type: Option<String>,
    /// What the registry itself said in `Last-Modified`.
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) bytes: Vec<u8>,
}

/// The part of a registry's limit that is left to others, in percent, with the
/// user's credentials.
const RESERVE: u8 = 20;
/// The same with a credential of the cluster: its nodes pull with it too.
const RESERVE_OF_CLUSTER: u8 = 50;

/// A repository, and who we are to it.
#[derive(Debug)]
pub(crate) struct Remote {
    name: CanonicalName,
    place: Place,
    endpoint: Arc<Endpoint>,
    transport: Arc<Transport>,
    authorizer: Authorizer,
    /// See [`crate::registry::RegistryOptions::rate_reserve`].
    reserve: u8,
}

impl Remote {
    /// `name` is what the repository is called on its registry, `place` what
    /// messages call it.
    pub(crate) fn new(
        name: &CanonicalName,
        place: Place,
        endpoint: Arc<Endpoint>,
        transport: Arc<Transport>,
        account: Account,
        reserve: Option<u8>,
    ) -> Self {
        let usual = if account.is_of_workload() {
            RESERVE_OF_CLUSTER
        } else {
            RESERVE
        };
        Self {
            reserve: reserve.unwrap_or(usual),
            name: name.clone(),
            authorizer: Authorizer::new(name, place.clone(), account),
            place,
            endpoint,
            transport,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// An earlier run was let in without credentials. So it will be now, most
    /// likely, and no request need go ahead to find out.
    pub(crate) fn was_open(&self) {
        self.endpoint.met();
    }

    /// Under which identities the cache may hold what was answered here.
    pub(crate) async fn scopes(&self, private: bool) -> Vec<CredentialScope> {
        self.authorizer.scopes(private).await
    }

    /// Under which of them the cache keeps what is answered now; `None` as long
    /// as the registry has not let anybody in.
    pub(crate) async fn scope(&self, private: bool) -> Option<CredentialScope> {
        self.authorizer.scope(private).await
    }

    /// Whether a GET of a manifest is counted, and a HEAD is not: then a tag's
    /// digest is asked for first.
    pub(crate) async fn counts_pulls(&self) -> bool {
        self.name.is_docker_hub()
            || match self.endpoint.base(&self.transport).await {
                Ok(base) => self.transport.counts_pulls(base, self.puller()).await,
                Err(_) => false,
            }
    }

    fn puller(&self) -> Puller<'_> {
        Puller {
            registry: self.name.registry(),
            repository: self.place.name(),
        }
    }

    pub(crate) fn name(&self) -> &CanonicalName {
        &self.name
    }

    /// What the registry asked for when a request came without credentials;
    /// `None` where it has not been asked yet or lets everybody read.
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.endpoint.challenge()
    }

    /// The root of the registry's host; `None` where it is no host.
    pub(crate) async fn base(&self) -> Option<Url> {
        self.endpoint.base(&self.transport).await.ok().cloned()
    }

    /// The password that the registry has accepted for this repository; see
    /// [`Authorizer::accepted_password`].
    pub(crate) async fn accepted_password(&self) -> Option<HeaderValue> {
        self.authorizer.accepted_password().await
    }

    /// Asks an API that is not the registry's: as the question stands, without
    /// what the registry is shown, and without following redirects.
    pub(crate) async fn ask_aside(&self, mut question: Question) -> Result<Answer, SendError> {
        question.aside = true;
        self.transport.send(&question).await
    }

    /// The URL of `what` below the repository: `tags/list`, `manifests/1.0`.
    pub(crate) async fn url(&self, what: &str) -> Result<Url, FetchFailure> {
        let base = self.endpoint.base(&self.transport).await;
        base.and_then(|base| {
            base.join(&format!("v2/{}/{what}", self.name.repository()))
                .map_err(|error| error.to_string())
        })
        .map_err(|fault| self.place.useless(clean(&fault)))
    }

    /// What a tag serves, or whether a digest is there: a HEAD, and a GET where
    /// the answer names no digest or is a refusal that a HEAD alone may meet.
    pub(crate) async fn digest(&self, version: &TagOrDigest) -> Result<Digest, FetchFailure> {
        let mut question = self.manifest_question(version).await?;
        question.method = Method::HEAD;
        let answer = self.ask(question).await?;
        if answer.status.is_success() {
            if let TagOrDigest::Digest(digest) = version {
                return Ok(digest.clone());
            }
            let named = answer.header(CONTENT_DIGEST).and_then(|d| d.parse().ok());
            if let Some(digest) = named {
                return Ok(digest);
            }
        } else if holds_for_get(answer.status) {
            return Err(self.refusal(&manifest_of(version), &answer).await);
        }
        Ok(self.manifest(version, None).await?.digest)
    }

    /// A manifest or an index, verified against the digest that was asked for,
    /// else against the one that the answer names.
    pub(crate) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Result<RawManifest, FetchFailure> {
        let mut question = self.manifest_question(version).await?;
        question.pull_reserve = Some(self.reserve);
        let own = question.url.origin();
        let answer = self.ask_for(question, size, MAX_MANIFEST).await?;
        let what = manifest_of(version);
        if !answer.status.is_success() {
            return Err(self.refusal(&what, &answer).await);
        }
        let named = match version {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => answer.header(CONTENT_DIGEST).and_then(|d| d.parse().ok()),
        };
        let digest = match named {
            Some(digest) if !digest::matches(&digest, &answer.body) => {
                return Err(self.mismatch(&what, &digest));
            }
            Some(digest) => digest,
            None => digest::sha256(&answer.body)
                .ok_or_else(|| self.place.useless("the manifest has no digest"))?,
        };
        let content_type = answer
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(RawManifest {
            digest,
            content_type,
            // Where it is stored it may have been copied to at any time.
            last_modified: last_modified(&answer).filter(|_| answer.url.origin() == own),
            bytes: answer.body,
        })
    }

    /// A config, verified.
    pub(crate) async fn config(&self, blob: &Blob) -> Result<Vec<u8>, FetchFailure> {
        let url = self.url(&format!("blobs/{}", blob.digest)).await?;
        let mut question = Question::get(url);
        question.compressed = false;
        let what = format!("config {}", blob.digest.short());
        let answer = self.ask_for(question, blob.size, MAX_BODY).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&what, &answer).await);
        }
        if !digest::matches(&blob.digest, &answer.body) {
            return Err(self.mismatch(&what, &blob.digest));
        }
        Ok(answer.body)
    }

    /// Asks for content of which a descriptor may have told the size. What is longer
    /// than that is not this content, and no image that is too large.
    async fn ask_for(
        &self,
        mut question: Question,
        size: Option<u64>,
        most: u64,
    ) -> Result<Answer, FetchFailure> {
        question.limit = size.map_or(most, |size| size.min(most));
        question.is_unbounded_image = question.limit == most;
        self.ask(question).await
    }

    async fn manifest_question(&self, version: &TagOrDigest) -> Result<Question, FetchFailure> {
        let url = self.url(&format!("manifests/{version}")).await?;
        let mut question = Question::get(url);
        question.accept = Some(ACCEPT);
        question.compressed = false;
        Ok(question)
    }

    fn mismatch(&self, what: &str, digest: &Digest) -> FetchFailure {
        self.place.useless(format_args!(
            "what the registry sent for {what} does not have the digest {}; a proxy or the registry's storage is broken",
            digest.short()
        ))
    }

    /// Words an answer that is no success.
    pub(crate) async fn refusal(&self, what: &str, answer: &Answer) -> FetchFailure {
        if answer.status.is_redirection() {
            return self.place.useless(format_args!(
                "the registry redirects without saying where (HTTP {})",
                answer.status.as_u16()
            ));
        }
        if self.is_home(&answer.url).await {
            let tried = self.authorizer.tried().await;
            return self.place.refused(what, answer, &tried);
        }
        let host = clean(&authority(&answer.url));
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.place.failure(
                FetchFailureKind::Unauthorized,
                format_args!(
                    "{host}, to which the registry redirects, denies access to {what} (HTTP {}); no credentials are sent there",
                    answer.status.as_u16()
                ),
            ),
            _ => {
                let what = format!("{what} (redirected to {host})");
                self.place.refused(&what, answer, "anonymously")
            }
        }
    }

    /// Whether a URL lies on the registry's own host.
    async fn is_home(&self, url: &Url) -> bool {
        let base = self.endpoint.base(&self.transport).await;
        base.is_ok_and(|base| base.origin() == url.origin())
    }

    /// Sends a question and follows redirects, without credentials. Any status
    /// but a redirect with a target is an answer; of one that lies elsewhere the
    /// body counts only where it is what was asked for.
    ///
    /// The registry's own host is asked with authorization. A redirect within it
    /// is, too, where it is refused without.
    pub(crate) async fn ask(&self, mut question: Question) -> Result<Answer, FetchFailure> {
        // Before it goes first to the host, or anything else that others wait for.
        let mut pull = self.pull(&question).await?;
        let mut is_home = self.is_home(&question.url).await;
        let mut answer = if is_home {
            self.ask_authorized(&mut question).await?
        } else {
            self.lead_elsewhere(&mut question);
            self.ask_elsewhere(&question).await?
        };
        for followed in 0.. {
            let target = redirect::target(&answer).map_err(|bad| self.place.useless(bad))?;
            let Some(target) = target else {
                break;
            };
            if followed == MAX_REDIRECTS {
                return Err(self.place.useless(format_args!(
                    "more than {MAX_REDIRECTS} redirects, the last to {}",
                    clean(&authority(&target))
                )));
            }
            is_home = is_home && target.origin() == question.url.origin();
            question.url = target;
            drop(pull);
            self.lead_elsewhere(&mut question);
            pull = self.pull(&question).await?;
            answer = self.ask_elsewhere(&question).await?;
            if is_home && answer.status == StatusCode::UNAUTHORIZED {
                answer = self.ask_authorized(&mut question).await?;
            }
        }
        drop(pull);
        if !is_home && !answer.status.is_success() {
            // Who it is that answered, nobody but the registry has said.
            answer.body.clear();
        }
        Ok(answer)
    }

    async fn pull(&self, question: &Question) -> Result<Option<Pull>, FetchFailure> {
        let pull = self.transport.pull(question, self.puller()).await;
        pull.map_err(|error| self.place.unanswered(&error))
    }

    /// Makes a question one without credentials, to where the registry has led.
    fn lead_elsewhere(&self, question: &mut Question) {
        question.authorization = None;
        question.named_by = self.endpoint.names(&question.url, &self.transport);
    }

    /// No answer to a question. Too large is the image's own fault where it is its
    /// manifest or its config, and the registry's anywhere else.
    fn failed(&self, question: &Question, error: &SendError) -> FetchFailure {
        let mut failure = self.place.unanswered(error);
        if question.is_unbounded_image && matches!(error, SendError::TooLarge { .. }) {
            failure.kind = FetchFailureKind::TooLarge;
        }
        failure
    }

    async fn ask_elsewhere(&self, question: &Question) -> Result<Answer, FetchFailure> {
        let sent = self.transport.send(question).await;
        sent.map_err(|error| self.failed(question, &error))
    }

    /// What to show instead to a registry that forbids what was asked, or hides
    /// it; `None`: its answer counts.
    async fn another(
        &self,
        sent: &Result<Answer, SendError>,
        shown: &Pass,
    ) -> Result<Option<Pass>, FetchFailure> {
        match sent {
            // What is not sent since it is known, and what lies elsewhere, is for
            // who was let in, too.
            Ok(Answer { status, .. }) if status.is_success() || status.is_redirection() => {
                self.authorizer.accepted(shown).await;
                Ok(None)
            }
            Ok(Answer {
                status: StatusCode::FORBIDDEN | StatusCode::NOT_FOUND,
                ..
            }) => {
                self.authorizer
                    .other(shown, &self.endpoint, &self.transport)
                    .await
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    async fn ask_authorized(&self, question: &mut Question) -> Result<Answer, FetchFailure> {
        let mut first = self.endpoint.go_first().await;
        let mut pass = self
            .authorizer
            .pass(&self.endpoint, &self.transport)
            .await?;
        // Once as it is, once for the challenge, once for a token that has
        // expired, once for a challenge with a further scope; and once for each
        // further credential.
        for _ in 0..MAX_PASSES {
            question.authorization.clone_from(&pass.header);
            let sent = self.transport.send(question).await;
            if let Ok(answer) = &sent {
                self.endpoint.answered(answer);
            }
            let challenge = match &sent {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                    Some(Challenge::choose(&answer.headers))
                }
                Ok(_) | Err(_) => None,
            };
            if let Some(Some(challenge)) = &challenge {
                self.endpoint.learn(challenge);
            }
            if let Some(first) = first.take() {
                self.endpoint.met();
                drop(first);
            }
            let Some(challenge) = challenge else {
                match self.another(&sent, &pass).await? {
                    Some(other) => pass = other,
                    None => return sent.map_err(|error| self.failed(question, &error)),
                }
                continue;
            };
            pass = self
                .authorizer
                .renew(&pass, challenge, &self.endpoint, &self.transport)
                .await?;
        }
        question.authorization = pass.header;
        let sent = self.transport.send(question).await;
        sent.map_err(|error| self.failed(question, &error))
    }
}

/// How often one request is sent with another authorization at most.
const MAX_PASSES: usize = 12;

/// Whether the refusal of a HEAD would be that of a GET, too.
///
/// Nexus and old Artifactories answer a HEAD with 404 or 400 for manifests that
/// they serve, proxies forbid the method, and no HEAD says why. So a GET decides,
/// unless it would be one request more for somebody who wants fewer, or who wants
/// to know first who asks.
fn holds_for_get(status: StatusCode) -> bool {
    status.is_redirection()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        )
}

/// When the registry says that it got what it serves.
fn last_modified(answer: &Answer) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(answer.header(LAST_MODIFIED.as_str())?).ok()?;
    Timestamp::try_from(at).ok()
}

/// A manifest as messages name it.
fn manifest_of(version: &TagOrDigest) -> String {
    match version {
        TagOrDigest::Tag(tag) => format!("tag {tag}"),
        TagOrDigest::Digest(digest) => format!("digest {digest}"),
    }
}
