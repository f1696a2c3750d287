//! One repository of one registry, over HTTP.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, LAST_MODIFIED};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;

use crate::image::{CanonicalName, Digest, FetchFailure, FetchFailureKind, TagOrDigest};

use super::auth::{Authorizer, Challenge, Pass};
use super::endpoint::Endpoint;
use super::failure::RepositoryLabel;
use super::redirect::{self, MAX_REDIRECTS};
use super::scan_budget::ScanBudget;
use super::transport::{
    MAX_BODY, Pull, Puller, Request, Response, SendError, Transport, authority,
};
use crate::registry::content::digest;
use crate::registry::content::manifest::{ACCEPT, Blob, MAX_MANIFEST};
use crate::registry::keychain::account::Account;
use crate::registry::keychain::credential_id::{AcceptedIdentity, CredentialId};
use crate::secrets::quote;

/// The header in which registries name the digest of the content.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest's verified bytes.
#[derive(Debug)]
pub(crate) struct RawManifest {
    pub(crate) digest: Digest,
    pub(crate) content_type: Option<String>,
    /// `Last-Modified` from the registry itself.
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) bytes: Vec<u8>,
}

/// The percentage of a registry's pull limit that is kept for others with the user's
/// credentials.
const RESERVE: u8 = 20;
/// The same with a credential of the cluster, because its nodes also pull with it.
const RESERVE_OF_CLUSTER: u8 = 50;

/// A repository, and the account that accesses it.
#[derive(Debug)]
pub(crate) struct Remote {
    name: CanonicalName,
    label: RepositoryLabel,
    endpoint: Arc<Endpoint>,
    transport: Arc<Transport>,
    authorizer: Authorizer,
    budget: Arc<ScanBudget>,
    /// See [`crate::registry::RegistryOptions::rate_reserve`].
    reserve: u8,
}

impl Remote {
    /// `name` is the repository's name on its registry, `label` its name in messages.
    pub(crate) fn new(
        name: &CanonicalName,
        label: RepositoryLabel,
        endpoint: Arc<Endpoint>,
        transport: Arc<Transport>,
        account: Account,
        reserve: Option<u8>,
    ) -> Self {
        let usual = if account.is_from_cluster() {
            RESERVE_OF_CLUSTER
        } else {
            RESERVE
        };
        Self {
            reserve: reserve.unwrap_or(usual),
            name: name.clone(),
            authorizer: Authorizer::new(name, label.clone(), account),
            budget: Arc::new(ScanBudget::new(transport.scan_timeout())),
            label,
            endpoint,
            transport,
        }
    }

    pub(crate) fn label(&self) -> &RepositoryLabel {
        &self.label
    }

    /// An earlier run needed no credentials. Most likely this one does not either, so
    /// no request has to go first to find out.
    pub(crate) fn mark_public(&self) {
        self.endpoint.mark_contacted();
    }

    /// Whose responses the cache stores now; `None` until the registry has accepted a
    /// request.
    pub(crate) async fn identity(&self) -> Option<AcceptedIdentity> {
        self.authorizer.identity().await
    }

    /// The IDs of the credentials that may be sent; `run_helpers`: also those of
    /// helpers, which have to be run.
    pub(crate) async fn possible_ids(&self, run_helpers: bool) -> Vec<CredentialId> {
        self.authorizer.possible_ids(run_helpers).await
    }

    /// Whether the registry counts a GET of a manifest, but not a HEAD: then a tag's
    /// digest is requested first.
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
            repository: self.label.name(),
        }
    }

    pub(crate) fn name(&self) -> &CanonicalName {
        &self.name
    }

    /// The registry's challenge for a request without credentials; `None` if it has
    /// not been contacted yet or is public.
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.endpoint.challenge()
    }

    /// The root of the registry's host; `None` if it is not a valid host.
    pub(crate) async fn base(&self) -> Option<Url> {
        self.endpoint.base(&self.transport).await.ok().cloned()
    }

    /// The password that the registry has accepted for this repository; see
    /// [`Authorizer::accepted_password`].
    pub(crate) async fn accepted_password(&self) -> Option<HeaderValue> {
        self.authorizer.accepted_password().await
    }

    /// Sends a request to an API other than the registry's: unchanged, without the
    /// registry's credentials, and without following redirects.
    pub(crate) async fn send_to_other_api(
        &self,
        mut request: Request,
    ) -> Result<Response, SendError> {
        request.is_other_api = true;
        self.transport.send(&request).await
    }

    /// The URL of a resource of the repository: `tags/list`, `manifests/1.0`.
    pub(crate) async fn url(&self, what: &str) -> Result<Url, FetchFailure> {
        let base = self.endpoint.base(&self.transport).await;
        base.and_then(|base| {
            base.join(&format!("v2/{}/{what}", self.name.repository()))
                .map_err(|error| error.to_string())
        })
        .map_err(|fault| self.label.useless(quote(&fault)))
    }

    /// The digest of a tag, or whether a digest exists: a HEAD, then a GET if the
    /// response names no digest or is an error that only a HEAD may cause.
    pub(crate) async fn digest(&self, version: &TagOrDigest) -> Result<Digest, FetchFailure> {
        let mut request = self.manifest_request(version).await?;
        request.method = Method::HEAD;
        let response = self.send(request).await?;
        if response.status.is_success() {
            if let TagOrDigest::Digest(digest) = version {
                return Ok(digest.clone());
            }
            let named = response.header(CONTENT_DIGEST).and_then(|d| d.parse().ok());
            if let Some(digest) = named {
                return Ok(digest);
            }
        } else if applies_to_get(response.status) {
            return Err(self.refusal(&manifest_of(version), &response).await);
        }
        Ok(self.manifest(version, None).await?.digest)
    }

    /// A manifest or an index, verified against the requested digest, or for a tag
    /// against the digest in the response.
    pub(crate) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Result<RawManifest, FetchFailure> {
        let mut request = self.manifest_request(version).await?;
        request.pull_reserve = Some(self.reserve);
        let own = request.url.origin();
        let response = self.send_with_limit(request, size, MAX_MANIFEST).await?;
        let what = manifest_of(version);
        if !response.status.is_success() {
            return Err(self.refusal(&what, &response).await);
        }
        let named = match version {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => response.header(CONTENT_DIGEST).and_then(|d| d.parse().ok()),
        };
        let digest = match named {
            Some(digest) if !digest::matches(&digest, &response.body) => {
                return Err(self.mismatch(&what, &digest));
            }
            Some(digest) => digest,
            None => digest::sha256(&response.body)
                .ok_or_else(|| self.label.useless("the manifest has no digest"))?,
        };
        let content_type = response
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(RawManifest {
            digest,
            content_type,
            // A storage backend may have received its copy at any time.
            last_modified: last_modified(&response).filter(|_| response.url.origin() == own),
            bytes: response.body,
        })
    }

    /// A verified config.
    pub(crate) async fn config(&self, blob: &Blob) -> Result<Vec<u8>, FetchFailure> {
        let url = self.url(&format!("blobs/{}", blob.digest)).await?;
        let mut request = Request::get(url);
        request.compressed = false;
        let what = format!("config {}", blob.digest.short());
        let response = self.send_with_limit(request, blob.size, MAX_BODY).await?;
        if !response.status.is_success() {
            return Err(self.refusal(&what, &response).await);
        }
        if !digest::matches(&blob.digest, &response.body) {
            return Err(self.mismatch(&what, &blob.digest));
        }
        Ok(response.body)
    }

    /// Requests content whose size may be known from a descriptor. A longer body is not
    /// this content, rather than an image that is too large.
    async fn send_with_limit(
        &self,
        mut request: Request,
        size: Option<u64>,
        most: u64,
    ) -> Result<Response, FetchFailure> {
        request.limit = size.map_or(most, |size| size.min(most));
        request.is_unbounded_image = request.limit == most;
        self.send(request).await
    }

    async fn manifest_request(&self, version: &TagOrDigest) -> Result<Request, FetchFailure> {
        let url = self.url(&format!("manifests/{version}")).await?;
        let mut request = Request::get(url);
        request.accept = Some(ACCEPT);
        request.compressed = false;
        Ok(request)
    }

    fn mismatch(&self, what: &str, digest: &Digest) -> FetchFailure {
        self.label.useless(format_args!(
            "what the registry sent for {what} does not have the digest {}; a proxy or the registry's storage is broken",
            digest.short()
        ))
    }

    /// The failure for a response with an error status.
    pub(crate) async fn refusal(&self, what: &str, response: &Response) -> FetchFailure {
        if response.status.is_redirection() {
            return self.label.useless(format_args!(
                "the registry redirects without naming a target (HTTP {})",
                response.status.as_u16()
            ));
        }
        if self.is_home(&response.url).await {
            let tried = self.authorizer.tried().await;
            return self.label.refused(what, response, &tried);
        }
        let host = quote(&authority(&response.url));
        match response.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.label.failure(
                FetchFailureKind::Unauthorized,
                format_args!(
                    "{host}, to which the registry redirects, denies access to {what} (HTTP {}); no credentials are sent there",
                    response.status.as_u16()
                ),
            ),
            _ => {
                let what = format!("{what} (redirected to {host})");
                self.label.refused(&what, response, "anonymously")
            }
        }
    }

    /// Whether a URL is on the registry's own host.
    async fn is_home(&self, url: &Url) -> bool {
        let base = self.endpoint.base(&self.transport).await;
        base.is_ok_and(|base| base.origin() == url.origin())
    }

    /// Sends a request and follows redirects, without credentials. Any status except a
    /// redirect with a target is a response; the body of a response from another host
    /// counts only if it is a success.
    ///
    /// Requests to the registry's own host are authorized. A redirect within that host
    /// is authorized only if it is refused without credentials.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, FetchFailure> {
        request.budget = Some(Arc::clone(&self.budget));
        // Waits here, before it holds anything that other requests wait for.
        let mut pull = self.pull(&request).await?;
        let mut is_home = self.is_home(&request.url).await;
        let mut response = if is_home {
            self.send_authorized(&mut request).await?
        } else {
            self.prepare_for_other_host(&mut request);
            self.send_elsewhere(&request).await?
        };
        for followed in 0.. {
            let target = redirect::target(&response).map_err(|bad| self.label.useless(bad))?;
            let Some(target) = target else {
                break;
            };
            if followed == MAX_REDIRECTS {
                return Err(self.label.useless(format_args!(
                    "more than {MAX_REDIRECTS} redirects, the last to {}",
                    quote(&authority(&target))
                )));
            }
            is_home = is_home && target.origin() == request.url.origin();
            request.url = target;
            drop(pull);
            self.prepare_for_other_host(&mut request);
            pull = self.pull(&request).await?;
            response = self.send_elsewhere(&request).await?;
            if is_home && response.status == StatusCode::UNAUTHORIZED {
                response = self.send_authorized(&mut request).await?;
            }
        }
        drop(pull);
        if !is_home && !response.status.is_success() {
            // Only the registry vouches for this host, so its text is not shown.
            response.body.clear();
        }
        Ok(response)
    }

    async fn pull(&self, request: &Request) -> Result<Option<Pull>, FetchFailure> {
        let pull = self.transport.pull(request, self.puller()).await;
        pull.map_err(|error| self.label.unanswered(&error))
    }

    /// Removes the credentials from a request to a URL that the registry has named.
    fn prepare_for_other_host(&self, request: &mut Request) {
        request.authorization = None;
        request.named_by = self.endpoint.named_by(&request.url, &self.transport);
    }

    /// The failure of a request without a response. If the body was too large, that is
    /// the image's fault for a manifest or a config, and otherwise the registry's.
    fn failed(&self, request: &Request, error: &SendError) -> FetchFailure {
        let mut failure = self.label.unanswered(error);
        if request.is_unbounded_image && matches!(error, SendError::TooLarge { .. }) {
            failure.kind = FetchFailureKind::TooLarge;
        }
        failure
    }

    async fn send_elsewhere(&self, request: &Request) -> Result<Response, FetchFailure> {
        let sent = self.transport.send(request).await;
        sent.map_err(|error| self.failed(request, &error))
    }

    /// Another authorization to try if the registry forbids or hides the content;
    /// `None` if its response counts.
    async fn other_authorization(
        &self,
        sent: &Result<Response, SendError>,
        shown: &Pass,
    ) -> Result<Option<Pass>, FetchFailure> {
        match sent {
            // A 304 and a redirect also show that access was granted.
            Ok(Response { status, .. }) if status.is_success() || status.is_redirection() => {
                self.authorizer.accepted(shown).await;
                Ok(None)
            }
            Ok(Response {
                status: StatusCode::FORBIDDEN | StatusCode::NOT_FOUND,
                headers,
                ..
            }) => {
                let challenge = Challenge::choose(headers);
                self.authorizer
                    .other(shown, challenge, &self.endpoint, &self.transport)
                    .await
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    async fn send_authorized(&self, request: &mut Request) -> Result<Response, FetchFailure> {
        let mut first = self.endpoint.go_first().await;
        let mut pass = self
            .authorizer
            .pass(&self.endpoint, &self.transport)
            .await?;
        // One attempt as is, one after the challenge, one for an expired token, one for
        // a challenge with another scope, and one for each further credential.
        for _ in 0..MAX_PASSES {
            request.authorization.clone_from(&pass.header);
            let sent = self.transport.send(request).await;
            if let Ok(response) = &sent {
                self.endpoint.record_socket(response);
            }
            let challenge = match &sent {
                Ok(response) if response.status == StatusCode::UNAUTHORIZED => {
                    Some(Challenge::choose(&response.headers))
                }
                Ok(_) | Err(_) => None,
            };
            if let Some(Some(challenge)) = &challenge {
                self.endpoint.set_challenge(challenge);
            }
            if let Some(first) = first.take() {
                self.endpoint.mark_contacted();
                drop(first);
            }
            let Some(challenge) = challenge else {
                match self.other_authorization(&sent, &pass).await? {
                    Some(other) => pass = other,
                    None => return sent.map_err(|error| self.failed(request, &error)),
                }
                continue;
            };
            pass = self
                .authorizer
                .renew(&pass, challenge, &self.endpoint, &self.transport)
                .await?;
        }
        request.authorization = pass.header;
        let sent = self.transport.send(request).await;
        sent.map_err(|error| self.failed(request, &error))
    }
}

/// The maximum number of authorizations that one request is sent with.
const MAX_PASSES: usize = 12;

/// Whether a GET would fail like this HEAD.
///
/// Nexus and old versions of Artifactory answer a HEAD with 404 or 400 for manifests
/// that they serve, proxies forbid the method, and the response to a HEAD does not say
/// why. So a GET decides, unless the host wants fewer requests or authentication.
fn applies_to_get(status: StatusCode) -> bool {
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

/// The time in `Last-Modified`.
fn last_modified(response: &Response) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(response.header(LAST_MODIFIED.as_str())?).ok()?;
    Timestamp::try_from(at).ok()
}

/// The name of a manifest in messages.
fn manifest_of(version: &TagOrDigest) -> String {
    match version {
        TagOrDigest::Tag(tag) => format!("tag {tag}"),
        TagOrDigest::Digest(digest) => format!("digest {digest}"),
    }
}
