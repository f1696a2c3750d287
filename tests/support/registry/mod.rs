//! A registry over HTTP in the test's process, on its own port.
//!
//! ```ignore
//! let registry = TestRegistry::start();
//! registry.push("org/app", "1.0.0", Image::built("2024-01-01T00:00:00Z"));
//! registry.fault("/manifests/", Fault::Status(500)).times(1);
//! // … request `registry.image("org/app:1.0.0")` …
//! assert_eq!(registry.paths(), ["GET /v2/org/app/tags/list"]);
//! ```
//!
//! It has its own thread and runtime, so that tests of the binary and benchmarks can
//! also use it. Everything can be changed while it runs.

mod crowd;
mod faults;
mod headers;
mod limit;
pub mod providers;
pub mod proxy;
mod serve;
pub mod server_thread;
pub mod tls;
pub mod token_service;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use tokio::sync::Semaphore;

use self::crowd::{Crowd, CrowdListener};
use self::server_thread::{ServerThread, listen};
use self::tls::{Certificate, TlsListener};
use self::token_service::{Move, TokenService};
use super::content::{Blob, Content, Image};

/// A fault in a response.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Responds with a status.
    Status(u16),
    /// Responds with a status and `Retry-After`, in seconds.
    RetryAfter(u16, u64),
    /// Responds with a status and this text as `Retry-After`.
    RetryWhen(u16, String),
    /// Responds correctly after this delay, or with 429 if more than this number of
    /// requests are open.
    Crowded(usize, Duration),
    /// Responds correctly after this delay.
    Slow(Duration),
    /// Responds with 200 and this text, without a digest.
    Body(&'static str),
    /// Responds with a status and a registry's error body with this code.
    Error(u16, &'static str),
    /// Redirects with this status to this URL.
    Moved(u16, String),
    /// Responds with a status and this `WWW-Authenticate`.
    Challenge(u16, String),
    /// Responds correctly, but with this `Link`.
    Link(String),
    /// Sends zeros until the client disconnects.
    Endless,
    /// Announces a body with this number of bytes, and sends zeros.
    Announced(u64),
    /// Sends this number of zeros, compressed with gzip.
    GzipBomb(usize),
    /// Responds with a status and a page with this number of bytes, which is endless
    /// for `usize::MAX`.
    Page(u16, usize),
    /// Responds with a status and a page that stalls in the middle.
    Stalled(u16),
    /// Resets the connection in the middle of the body.
    Reset,
    /// Redirects to the same path with this base, or to this full URL if it ends with
    /// `!`; with a page.
    Redirect(String),
    /// Responds correctly, but without `Docker-Content-Digest`.
    NoDigest,
    /// Responds with bytes that do not match the digest.
    Tampered,
}

/// The credentials that are required.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// None.
    #[default]
    Open,
    /// `Basic` with this user and password.
    Basic(&'static str, &'static str),
    /// A token, which is issued to everybody.
    Token,
    /// A token, for this user and password.
    TokenFor(&'static str, &'static str),
    /// A token, for this refresh token.
    TokenForIdentity(&'static str),
    /// A token, which is issued to everybody. Its scope depends on the member. A
    /// member without access to the repository gets this status.
    Members(&'static [Member], u16),
    /// A token from this service.
    Service(TokenService),
}

/// A user who has access to the repositories below a path.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub user: &'static str,
    pub password: &'static str,
    pub sees: &'static str,
}

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The whole `Authorization` header.
    pub authorization: Option<String>,
    pub user_agent: String,
    /// Whether it was made with HTTP/2.
    pub http2: bool,
}

#[derive(Debug)]
struct Rule {
    pattern: String,
    left: Option<usize>,
    fault: Fault,
}

#[derive(Debug, Default)]
struct Store {
    tags: BTreeMap<String, BTreeMap<String, Blob>>,
    names: BTreeMap<String, BTreeSet<String>>,
    /// The names of both, until one of them changes.
    sorted: BTreeMap<String, Vec<String>>,
    blobs: BTreeMap<(String, String), Blob>,
    manifests: BTreeMap<(String, String), Blob>,
}

#[derive(Debug, Default)]
struct Inner {
    content: Store,
    provided: providers::Provided,
    access: Access,
    open: Vec<String>,
    hidden: bool,
    leads: Option<(String, String)>,
    moves: Vec<Move>,
    /// The status of `GET /v2/` without credentials.
    root: Option<StatusCode>,
    realm: Option<String>,
    expires_in: u64,
    page_size: Option<usize>,
    /// What links begin with.
    link_base: &'static str,
    rules: Vec<Rule>,
    limit: Option<limit::Limit>,
    workers: Option<(Arc<Semaphore>, Duration)>,
    log: Vec<Logged>,
    running: usize,
    peak: usize,
    tokens: usize,
    revoked: usize,
    headers: headers::Headers,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    /// The number of TLS connections that were established.
    connections: AtomicUsize,
    crowd: Arc<Crowd>,
    inner: Mutex<Inner>,
}

/// A registry that runs until it is dropped.
#[derive(Debug)]
pub struct TestRegistry {
    shared: Arc<Shared>,
    _server: ServerThread,
}

/// A fault rule, to set how often it applies.
#[derive(Debug)]
pub struct FaultRule<'a> {
    registry: &'a TestRegistry,
    at: usize,
}

impl FaultRule<'_> {
    /// Applies only to the next requests, this number of times.
    pub fn times(self, times: usize) {
        self.registry.inner().rules[self.at].left = Some(times);
    }
}

impl TestRegistry {
    /// An empty, open registry on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// An empty, open registry over TLS.
    pub fn start_tls(certificate: &Certificate) -> Self {
        Self::start_as(Some(certificate))
    }

    fn start_as(certificate: Option<&Certificate>) -> Self {
        let tls = certificate.map(Certificate::acceptor);
        let (listener, address) = listen();
        let shared = Arc::new(Shared {
            address,
            connections: AtomicUsize::new(0),
            crowd: Arc::default(),
            inner: Mutex::default(),
        });
        let app = Router::new()
            .fallback(serve::serve)
            .with_state(Arc::clone(&shared));
        let serves = Arc::clone(&shared);
        let server = ServerThread::start(listener, async move |listener| {
            let listener = CrowdListener::new(listener, Arc::clone(&serves.crowd));
            let _ = match tls {
                None => axum::serve(listener, app).await,
                Some(acceptor) => {
                    let listener = TlsListener::new(listener, acceptor, serves);
                    axum::serve(listener, app).await
                }
            };
        });
        Self {
            shared,
            _server: server,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.shared)
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.shared.address.to_string()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// An image of this registry: `127.0.0.1:PORT/REST`.
    pub fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.shared.address)
    }

    /// Pushes an image or an index with a tag, and returns its digest.
    pub fn push(&self, repository: &str, tag: &str, content: impl Into<Content>) -> String {
        let content = content.into();
        let digest = content.manifest.digest.clone();
        let mut inner = self.inner();
        let store = &mut inner.content;
        let key = |blob: &Blob| (repository.to_owned(), blob.digest.clone());
        for blob in content.configs {
            store.blobs.insert(key(&blob), blob);
        }
        for blob in content
            .members
            .into_iter()
            .chain([content.manifest.clone()])
        {
            store.manifests.insert(key(&blob), blob);
        }
        store.sorted.remove(repository);
        let tags = store.tags.entry(repository.to_owned()).or_default();
        tags.insert(tag.to_owned(), content.manifest);
        digest
    }

    /// Pushes small images for linux/amd64 with these tags.
    pub fn tag<S: AsRef<str>>(&self, repository: &str, tags: impl IntoIterator<Item = S>) {
        for tag in tags {
            let image = Image::built("2024-01-01T00:00:00Z").label(tag.as_ref());
            self.push(repository, tag.as_ref(), image);
        }
    }

    /// Adds names without a manifest to the tag list. They may be invalid tags.
    pub fn list<S: Into<String>>(&self, repository: &str, names: impl IntoIterator<Item = S>) {
        let mut inner = self.inner();
        inner.content.sorted.remove(repository);
        let listed = inner
            .content
            .names
            .entry(repository.to_owned())
            .or_default();
        listed.extend(names.into_iter().map(Into::into));
    }

    /// Removes a manifest or a blob, but not the references to it.
    pub fn remove(&self, repository: &str, digest: &str) {
        let key = (repository.to_owned(), digest.to_owned());
        let mut inner = self.inner();
        inner.content.sorted.remove(repository);
        inner.content.blobs.remove(&key);
        inner.content.manifests.remove(&key);
        if let Some(tags) = inner.content.tags.get_mut(repository) {
            tags.retain(|_, blob| blob.digest != digest);
        }
    }

    /// Serves tag lists in pages with this maximum size and an opaque `last`.
    pub fn page_size(&self, size: usize) {
        self.inner().page_size = Some(size);
    }

    /// Makes links to the next page begin with this path or URL.
    pub fn link_below(&self, base: &'static str) {
        self.inner().link_base = base;
    }

    /// Requires credentials.
    pub fn require(&self, access: Access) {
        self.inner().access = access;
    }

    /// Makes this repository readable without credentials.
    pub fn open(&self, repository: &str) {
        self.inner().open.push(repository.to_owned());
    }

    /// Responds with 404 instead of requiring credentials, except at its root.
    pub fn hide(&self) {
        self.inner().hidden = true;
    }

    /// Redirects authorised requests to the same paths with another base.
    pub fn lead(&self, below: &str, base: &str) {
        self.inner().leads = Some((below.to_owned(), base.to_owned()));
    }

    /// Uses another token endpoint than its own.
    pub fn realm(&self, realm: &str) {
        self.inner().realm = Some(realm.to_owned());
    }

    /// Sets the lifetime of its tokens, as reported to clients.
    pub fn expires_in(&self, seconds: u64) {
        self.inner().expires_in = seconds;
    }

    /// Rejects all tokens that were issued so far.
    pub fn revoke_tokens(&self) {
        let mut inner = self.inner();
        inner.revoked = inner.tokens;
    }

    /// Adds a fault for requests whose `METHOD PATH?QUERY` contains a text. The first
    /// matching rule is used.
    pub fn fault(&self, pattern: &str, fault: Fault) -> FaultRule<'_> {
        let mut inner = self.inner();
        inner.rules.push(Rule {
            pattern: pattern.to_owned(),
            left: None,
            fault,
        });
        FaultRule {
            registry: self,
            at: inner.rules.len() - 1,
        }
    }

    /// Limits the rate of requests, after a burst of the same size. Excess requests
    /// get 429 with `Retry-After: 1`.
    pub fn limit(&self, per_second: u32) {
        self.inner().limit = Some(limit::Limit::new(per_second));
    }

    /// Serves this number of requests at a time, each for this time. Other requests
    /// wait in a queue.
    pub fn workers(&self, count: usize, each: Duration) {
        self.inner().workers = Some((Arc::new(Semaphore::new(count)), each));
    }

    /// Resets new connections while this number of connections is open.
    pub fn crowd(&self, most: usize) {
        self.shared.crowd.allow(most);
    }

    /// The number of connections that it has reset.
    pub fn resets(&self) -> usize {
        self.shared.crowd.reset()
    }

    /// The number of requests that the rate limit refused, and the number of requests
    /// that came before the end of `Retry-After`.
    pub fn refused(&self) -> (usize, usize) {
        let inner = self.inner();
        let limit = inner.limit.as_ref();
        limit.map_or((0, 0), |limit| (limit.refused, limit.impatient))
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.inner().rules.clear();
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner().log.clone()
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn paths(&self) -> Vec<String> {
        let log = &self.inner().log;
        log.iter()
            .map(|r| format!("{} {}", r.method, r.path))
            .collect()
    }

    /// The number of requests whose `METHOD PATH` contains a text.
    pub fn count(&self, pattern: &str) -> usize {
        self.paths()
            .iter()
            .filter(|path| path.contains(pattern))
            .count()
    }

    /// The number of TLS connections that were established.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Clears the list of requests.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.log.clear();
        inner.peak = 0;
    }

    /// The maximum number of requests that were open at the same time.
    pub fn peak(&self) -> usize {
        self.inner().peak
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Inner> {
    shared
        .inner
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
