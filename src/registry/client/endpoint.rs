//! One registry: where it answers, over which scheme, and what it wants to see.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};
use reqwest::Url;
use tokio::sync::{MutexGuard, OnceCell};

use crate::image::CanonicalName;
use crate::registry::loopback::is_loopback;

use super::auth::Challenge;
use super::transport::{AddressKind, Request, Response, SendError, Transport};

/// Where Docker Hub serves its API.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// One registry, shared by its repositories.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Host and port of the API.
    host: String,
    base: OnceCell<Url>,
    /// What the host asked for when a request came without credentials.
    challenge: Mutex<Option<Challenge>>,
    asked: AtomicBool,
    first: tokio::sync::Mutex<()>,
    root_challenge: OnceCell<Option<Challenge>>,
    /// The socket that answered last.
    from: Mutex<Option<SocketAddr>>,
}

impl Endpoint {
    pub(crate) fn new(name: &CanonicalName) -> Self {
        let host = if name.is_docker_hub() {
            DOCKER_HUB_API
        } else {
            name.registry()
        };
        Self {
            host: host.to_owned(),
            base: OnceCell::new(),
            challenge: Mutex::default(),
            asked: AtomicBool::new(false),
            first: tokio::sync::Mutex::default(),
            root_challenge: OnceCell::new(),
            from: Mutex::default(),
        }
    }

    /// The root of the API: `https://HOST/`, or `http://HOST/` for a loopback
    /// or insecure host that has no TLS.
    ///
    /// Such a host is tried with https once (`HEAD /v2/`); only where it does not
    /// speak TLS, plain HTTP is used for the rest of the run. A host with a bad
    /// certificate does speak it, and is refused.
    pub(crate) async fn base(&self, transport: &Transport) -> Result<&Url, String> {
        let https = Url::parse(&format!("https://{}/", self.host))
            .map_err(|error| format!("{} is not a valid host name: {error}", self.host))?;
        let may_be_plain =
            is_loopback(https.host_str().unwrap_or_default()) || transport.is_insecure(&https);
        let find = || async {
            if !may_be_plain {
                return Ok(https);
            }
            let mut probe = Request::get(https.join("v2/").map_err(|e| e.to_string())?);
            probe.method = Method::HEAD;
            match transport.send(&probe).await {
                Err(SendError::Unreachable { .. }) => {
                    Url::parse(&format!("http://{}/", self.host)).map_err(|e| e.to_string())
                }
                Ok(_) | Err(_) => Ok(https),
            }
        };
        self.base.get_or_try_init(find).await
    }

    /// Lets one request go first to a host that was never asked, so that its
    /// challenge is met once and not by every repository of a run. The others
    /// wait as long as the guard lives; who holds it calls [`Self::met`].
    pub(crate) async fn go_first(&self) -> Option<MutexGuard<'_, ()>> {
        if self.asked.load(Ordering::Acquire) {
            return None;
        }
        let guard = self.first.lock().await;
        (!self.asked.load(Ordering::Acquire)).then_some(guard)
    }

    /// The first request is through, with whatever result, or it is known what
    /// it would meet.
    pub(crate) fn met(&self) {
        self.asked.store(true, Ordering::Release);
    }

    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.challenge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the host asks for at its root, `GET /v2/`: asked once a run, and only
    /// where it has shown no challenge. `None`: it wants to see nothing.
    pub(crate) async fn root_challenge(&self, transport: &Transport) -> Option<Challenge> {
        if let Some(challenge) = self.challenge() {
            return Some(challenge);
        }
        let ask = || async {
            let url = self.base(transport).await.ok()?.join("v2/").ok()?;
            let response = transport.send(&Request::get(url)).await.ok()?;
            self.answered(&response);
            let refused = response.status == StatusCode::UNAUTHORIZED;
            refused.then(|| Challenge::choose(&response.headers))?
        };
        self.root_challenge.get_or_init(ask).await.clone()
    }

    /// Takes note of an answer of the host: where it came from.
    pub(crate) fn answered(&self, response: &Response) {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = response.from;
    }

    /// Who names a URL, for the rule on addresses: nobody, where it lies on the
    /// registry's own host, else a registry whose address is of this kind.
    pub(crate) fn names(&self, target: &Url, transport: &Transport) -> Option<AddressKind> {
        let Some(base) = self.base.get() else {
            return Some(AddressKind::Public);
        };
        let from = *self.from.lock().unwrap_or_else(PoisonError::into_inner);
        (base.origin() != target.origin()).then(|| transport.kind_of_registry(base, from))
    }

    pub(crate) fn learn(&self, challenge: &Challenge) {
        *self
            .challenge
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(challenge.clone());
    }
}
