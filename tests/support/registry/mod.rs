//! A registry over HTTP within the test's process, on a port of its own.
//!
//! ```ignore
//! let registry = TestRegistry::start();
//! registry.push("org/app", "1.0.0", Image::built("2024-01-01T00:00:00Z"));
//! registry.fault("/manifests/", Fault::Status(500)).times(1);
//! // … ask `registry.image("org/app:1.0.0")` …
//! assert_eq!(registry.paths(), ["GET /v2/org/app/tags/list"]);
//! ```
//!
//! It runs on a thread and a runtime of its own, so tests of the binary and
//! benchmarks can use it too. Everything may be changed while it runs.

mod crowd;
mod faults;
mod headers;
mod limit;
pub mod providers;
pub mod proxy;
mod serve;
pub mod server_thread;
pub mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use tokio::sync::Semaphore;

use self::crowd::{Crowd, CrowdListener};
use self::server_thread::{ServerThread, listen};
use self::tls::{Certificate, TlsListener};
use super::content::{Blob, Content, Image};

/// What went wrong, or shall.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with a status.
    Status(u16),
    /// Answers with a status and `Retry-After`, in seconds.
    RetryAfter(u16, u64),
    /// Answers with a status and a `Retry-After` of this text.
    RetryWhen(u16, String),
    /// Answers right, but only then, and 429 where more than so many requests
    /// are open.
    Crowded(usize, Duration),
    /// Answers right, but only then.
    Slow(Duration),
    /// Answers 200 with this text, and no digest.
    Body(&'static str),
    /// Answers right, with this `Link`.
    Link(String),
    /// Sends zeros until nobody listens.
    Endless,
    /// Announces a body of so many bytes, and sends zeros.
    Announced(u64),
    /// Sends so many zeros, compressed to almost nothing.
    GzipBomb(usize),
    /// Answers with a status and a page of so many bytes; `usize::MAX`: without
    /// end.
    Page(u16, usize),
    /// Answers with a status, and with a page that stops in the middle.
    Stalled(u16),
    /// Breaks the connection in the middle of the body.
    Reset,
    /// Redirects to the same path behind this base, or to this full URL if it
    /// ends in `!`; with a page.
    Redirect(String),
    /// Answers right, without `Docker-Content-Digest`.
    NoDigest,
    /// Answers with other bytes than the digest is of.
    Tampered,
}

/// What must be shown.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Nothing.
    #[default]
    Open,
    /// `Basic` with this user and password.
    Basic(&'static str, &'static str),
    /// A token, which anybody gets.
    Token,
    /// A token, for this user and password.
    TokenFor(&'static str, &'static str),
    /// A token, for this refresh token.
    TokenForIdentity(&'static str),
    /// A token, which anybody gets; what it is good for says who asked for it.
    /// Whoever is known and sees something else is answered with this status.
    Members(&'static [Member], u16),
}

/// Who may see the repositories below a path.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub user: &'static str,
    pub password: &'static str,
    pub sees: &'static str,
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The whole `Authorization`.
    pub authorization: Option<String>,
    pub user_agent: String,
    /// It came by HTTP/2.
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
    /// Of both, until one of them changes.
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
    realm: Option<String>,
    expires_in: u64,
    page_size: Option<usize>,
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
    /// TLS connections that came about.
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

/// Says how often a fault happens.
#[derive(Debug)]
pub struct FaultRule<'a> {
    registry: &'a TestRegistry,
    at: usize,
}

impl FaultRule<'_> {
    /// Only for the next so many requests.
    pub fn times(self, times: usize) {
        self.registry.inner().rules[self.at].left = Some(times);
    }
}

impl TestRegistry {
    /// An empty, open registry on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// The same over TLS.
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

    /// Puts an image or an index under a tag; gives back its digest.
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

    /// Puts small images for linux/amd64 under these tags.
    pub fn tag<S: AsRef<str>>(&self, repository: &str, tags: impl IntoIterator<Item = S>) {
        for tag in tags {
            let image = Image::built("2024-01-01T00:00:00Z").label(tag.as_ref());
            self.push(repository, tag.as_ref(), image);
        }
    }

    /// Puts names into the tag list that have no manifest, legal or not.
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

    /// Removes a manifest or a blob, and leaves what points at it.
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

    /// Serves tag lists in pages of at most so many, with an opaque `last`.
    pub fn page_size(&self, size: usize) {
        self.inner().page_size = Some(size);
    }

    /// Asks for credentials.
    pub fn require(&self, access: Access) {
        self.inner().access = access;
    }

    /// Lets everybody read this repository who shows nothing.
    pub fn open(&self, repository: &str) {
        self.inner().open.push(repository.to_owned());
    }

    /// Knows nothing of what it would ask credentials for; its root says which.
    pub fn hide(&self) {
        self.inner().hidden = true;
    }

    /// Redirects who was let in to the same paths behind another base.
    pub fn lead(&self, below: &str, base: &str) {
        self.inner().leads = Some((below.to_owned(), base.to_owned()));
    }

    /// Names another token endpoint than its own.
    pub fn realm(&self, realm: &str) {
        self.inner().realm = Some(realm.to_owned());
    }

    /// Says of its tokens that they live for so many seconds.
    pub fn expires_in(&self, seconds: u64) {
        self.inner().expires_in = seconds;
    }

    /// No longer takes the tokens given out so far.
    pub fn revoke_tokens(&self) {
        let mut inner = self.inner();
        inner.revoked = inner.tokens;
    }

    /// Lets requests fail whose `METHOD PATH?QUERY` contains a text; the first rule
    /// that fits counts.
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

    /// Answers 429 with `Retry-After: 1` to what comes faster, after so many at
    /// once.
    pub fn limit(&self, per_second: u32) {
        self.inner().limit = Some(limit::Limit::new(per_second));
    }

    /// Serves so many requests at a time, each in this time; the others wait in a
    /// queue.
    pub fn workers(&self, count: usize, each: Duration) {
        self.inner().workers = Some((Arc::new(Semaphore::new(count)), each));
    }

    /// Resets new connections while so many are open.
    pub fn crowd(&self, most: usize) {
        self.shared.crowd.allow(most);
    }

    /// How many connections it has reset.
    pub fn resets(&self) -> usize {
        self.shared.crowd.reset()
    }

    /// How many requests that limit has refused, and how many came in spite of
    /// `Retry-After`.
    pub fn refused(&self) -> (usize, usize) {
        let inner = self.inner();
        let limit = inner.limit.as_ref();
        limit.map_or((0, 0), |limit| (limit.refused, limit.impatient))
    }

    /// Works again.
    pub fn heal(&self) {
        self.inner().rules.clear();
    }

    /// What was asked so far, in the order in which it came.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner().log.clone()
    }

    /// The same as `METHOD PATH`.
    pub fn paths(&self) -> Vec<String> {
        let log = &self.inner().log;
        log.iter()
            .map(|r| format!("{} {}", r.method, r.path))
            .collect()
    }

    /// How many requests contain a text in `METHOD PATH`.
    pub fn count(&self, pattern: &str) -> usize {
        self.paths()
            .iter()
            .filter(|path| path.contains(pattern))
            .count()
    }

    /// How many TLS connections came about.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.log.clear();
        inner.peak = 0;
    }

    /// How many requests were open at the same time, at most.
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
