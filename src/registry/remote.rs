//! One repository of one registry over HTTP.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use reqwest::Url;

use crate::image::{CanonicalName, Digest, FetchFailure, TagOrDigest};

use super::account::Account;
use super::auth::{Authorizer, Challenge, Pass};
use super::digest;
use super::endpoint::Endpoint;
use super::failure::{Place, clean};
use super::manifest::{ACCEPT, Blob};
use super::memory::Scope;
use super::transport::{Answer, MAX_BODY, Pull, Puller, Question, SendError, Transport, authority};

/// How many redirects one request follows.
const MAX_REDIRECTS: usize = 5;
/// The header in which registries name what they serve.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest's bytes, verified.
#[derive(Debug)]
pub(super) struct RawManifest {
    pub(super) digest: Digest,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// Where a request may be sent on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Within the host, with credentials: what pages are made of.
    SameHost,
    /// Anywhere, without credentials: where content is stored.
    Anywhere,
}

/// The part of a registry's limit that is left to others, in percent, with the
/// user's credentials.
const RESERVE: u8 = 20;
/// The same with a credential of the cluster: its nodes pull with it too.
const RESERVE_OF_CLUSTER: u8 = 50;

/// A repository, and who we are to it.
#[derive(Debug)]
pub(super) struct Remote {
    name: CanonicalName,
    place: Place,
    endpoint: Arc<Endpoint>,
    transport: Arc<Transport>,
    authorizer: Authorizer,
    /// See [`super::RegistryOptions::rate_reserve`].
    reserve: u8,
}

impl Remote {
    /// `name` is what the repository is called on its registry, `place` what
    /// messages call it.
    pub(super) fn new(
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

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// An earlier run was let in without credentials. So it will be now, most
    /// likely, and no request need go ahead to find out.
    pub(super) fn was_open(&self) {
        self.endpoint.met();
    }

    /// Under which identities the cache may hold what was answered here.
    pub(super) async fn scopes(&self, private: bool) -> Vec<Scope> {
        self.authorizer.scopes(private).await
    }

    /// Under which of them the cache keeps what is answered now; `None` as long
    /// as the registry has not let anybody in.
    pub(super) async fn scope(&self, private: bool) -> Option<Scope> {
        self.authorizer.scope(private).await
    }

    /// Whether a GET of a manifest is counted, and a HEAD is not: then a tag's
    /// digest is asked for first.
    pub(super) async fn counts_pulls(&self) -> bool {
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

    pub(super) fn name(&self) -> &CanonicalName {
        &self.name
    }

    /// What the registry asked for when a request came without credentials;
    /// `None` where it has not been asked yet or lets everybody read.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.endpoint.challenge()
    }

    /// The root of the registry's host; `None` where it is no host.
    pub(super) async fn base(&self) -> Option<Url> {
        self.endpoint.base(&self.transport).await.ok().cloned()
    }

    /// The password that the registry has accepted for this repository; see
    /// [`Authorizer::accepted_password`].
    pub(super) async fn accepted_password(&self) -> Option<HeaderValue> {
        self.authorizer.accepted_password().await
    }

    /// Asks an API that is not the registry's: as the question stands, without
    /// what the registry is shown, and without following redirects.
    pub(super) async fn ask_aside(&self, mut question: Question) -> Result<Answer, SendError> {
        question.aside = true;
        self.transport.send(&question).await
    }

    /// The URL of `what` below the repository: `tags/list`, `manifests/1.0`.
    pub(super) async fn url(&self, what: &str) -> Result<Url, FetchFailure> {
        let base = self.endpoint.base(&self.transport).await;
        base.and_then(|base| {
            base.join(&format!("v2/{}/{what}", self.name.repository()))
                .map_err(|error| error.to_string())
        })
        .map_err(|fault| self.place.useless(clean(&fault)))
    }

    /// What a tag serves, or whether a digest is there: a HEAD, and a GET where
    /// the answer names no digest.
    pub(super) async fn digest(&self, version: &TagOrDigest) -> Result<Digest, FetchFailure> {
        let mut question = self.manifest_question(version).await?;
        question.method = Method::HEAD;
        let answer = self.ask(question, Redirects::Anywhere).await?;
        match answer.status {
            // Registries that have no HEAD.
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {}
            status if status.is_success() => {
                if let TagOrDigest::Digest(digest) = version {
                    return Ok(digest.clone());
                }
                let named = answer.header(CONTENT_DIGEST).and_then(|d| d.parse().ok());
                if let Some(digest) = named {
                    return Ok(digest);
                }
            }
            _ => return Err(self.refusal(&manifest_of(version), &answer).await),
        }
        Ok(self.manifest(version, None).await?.digest)
    }

    /// A manifest or an index, verified against the digest that was asked for,
    /// else against the one that the answer names.
    pub(super) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Result<RawManifest, FetchFailure> {
        let mut question = self.manifest_question(version).await?;
        question.pull_reserve = Some(self.reserve);
        question.limit = size.map_or(MAX_BODY, |size| size.min(MAX_BODY));
        let answer = self.ask(question, Redirects::Anywhere).await?;
        let what = manifest_of(version);
        if !answer.status.is_success() {
            return Err(self.refusal(&what, &answer).await);
        }
        let named = match version {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => answer.header(CONTENT_DIGEST).and_then(|d| d.parse().ok()),
        };
        let digest = match named {
            Some(digest) if !digest::is_of(&digest, &answer.body) => {
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
            bytes: answer.body,
        })
    }

    /// A config, verified.
    pub(super) async fn config(&self, blob: &Blob) -> Result<Vec<u8>, FetchFailure> {
        let url = self.url(&format!("blobs/{}", blob.digest)).await?;
        let mut question = Question::get(url);
        question.compressed = false;
        question.limit = blob.size.map_or(MAX_BODY, |size| size.min(MAX_BODY));
        let answer = self.ask(question, Redirects::Anywhere).await?;
        let what = format!("config {}", blob.digest.short());
        if !answer.status.is_success() {
            return Err(self.refusal(&what, &answer).await);
        }
        if !digest::is_of(&blob.digest, &answer.body) {
            return Err(self.mismatch(&what, &blob.digest));
        }
        Ok(answer.body)
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
    pub(super) async fn refusal(&self, what: &str, answer: &Answer) -> FetchFailure {
        if answer.status.is_redirection() {
            return self.place.useless(format_args!(
                "the registry redirects without saying where (HTTP {})",
                answer.status.as_u16()
            ));
        }
        let tried = self.authorizer.tried().await;
        self.place.refused(what, answer, &tried)
    }

    /// Sends a question with authorization and follows redirects. Any status
    /// but 401 and a redirect with a target is an answer.
    pub(super) async fn ask(
        &self,
        question: Question,
        redirects: Redirects,
    ) -> Result<Answer, FetchFailure> {
        let mut question = question;
        // Before it goes first to the host, or anything else that others wait for.
        let mut pull = self.pull(&question).await?;
        let mut answer = self.ask_authorized(&mut question).await?;
        for followed in 0.. {
            let target = match answer.header(LOCATION.as_str()) {
                Some(location) if answer.status.is_redirection() => question.url.join(location),
                _ => break,
            };
            let target = target.map_err(|_| self.place.useless("a redirect leads to no URL"))?;
            if followed == MAX_REDIRECTS {
                return Err(self.place.useless(format_args!(
                    "more than {MAX_REDIRECTS} redirects, the last to {}",
                    clean(&authority(&target))
                )));
            }
            self.check_redirect(&question.url, &target, redirects)?;
            question.url = target;
            drop(pull);
            pull = self.pull(&question).await?;
            answer = match redirects {
                Redirects::SameHost => self.ask_authorized(&mut question).await?,
                Redirects::Anywhere => {
                    question.authorization = None;
                    let sent = self.transport.send(&question).await;
                    sent.map_err(|error| self.place.unanswered(&error))?
                }
            };
        }
        drop(pull);
        Ok(answer)
    }

    async fn pull(&self, question: &Question) -> Result<Option<Pull>, FetchFailure> {
        let pull = self.transport.pull(question, self.puller()).await;
        pull.map_err(|error| self.place.unanswered(&error))
    }

    fn check_redirect(
        &self,
        from: &Url,
        to: &Url,
        redirects: Redirects,
    ) -> Result<(), FetchFailure> {
        let allowed = match redirects {
            Redirects::SameHost => from.origin() == to.origin(),
            Redirects::Anywhere => may_follow(from, to),
        };
        if allowed {
            return Ok(());
        }
        Err(self.place.useless(format_args!(
            "a redirect to {}://{} was not followed: {}",
            to.scheme(),
            clean(&authority(to)),
            match redirects {
                Redirects::SameHost => "a tag list must come from the registry's own host",
                Redirects::Anywhere => "from https only https is followed",
            }
        )))
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
                let challenge = self.endpoint.challenge();
                self.authorizer
                    .other(shown, challenge, &self.transport)
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
                    None => return sent.map_err(|error| self.place.unanswered(&error)),
                }
                continue;
            };
            pass = self
                .authorizer
                .renew(&pass, challenge, &self.transport)
                .await?;
        }
        question.authorization = pass.header;
        let sent = self.transport.send(question).await;
        sent.map_err(|error| self.place.unanswered(&error))
    }
}

/// How often one request is sent with another authorization at most.
const MAX_PASSES: usize = 12;

/// Whether content may be fetched from where a redirect leads: over https, or
/// over plain HTTP if the origin was plain already.
fn may_follow(from: &Url, to: &Url) -> bool {
    match to.scheme() {
        "https" => true,
        "http" => from.scheme() == "http",
        _ => false,
    }
}

/// A manifest as messages name it.
fn manifest_of(version: &TagOrDigest) -> String {
    match version {
        TagOrDigest::Tag(tag) => format!("tag {tag}"),
        TagOrDigest::Digest(digest) => format!("digest {digest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_never_followed_from_https_to_plain_http() {
        for (from, to, expected) in [
            ("https://r.example/", "https://cdn.example/", true),
            ("https://r.example/", "http://cdn.example/", false),
            ("http://r.example/", "http://cdn.example/", true),
            ("http://r.example/", "https://cdn.example/", true),
            ("http://r.example/", "file:///etc/passwd", false),
        ] {
            let url = |text: &str| Url::parse(text).expect(text);
            assert_eq!(may_follow(&url(from), &url(to)), expected, "{from} {to}");
        }
    }
}
