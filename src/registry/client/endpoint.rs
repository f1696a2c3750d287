//! One registry: its host and scheme, and the challenge it sends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use http::Method;
use reqwest::Url;
use tokio::sync::{MutexGuard, OnceCell};

use crate::image::CanonicalName;
use crate::registry::api_host::api_host;
use crate::registry::loopback::is_loopback;

use super::auth::Challenge;
use super::transport::{AddressKind, Request, Response, SendError, Transport};

/// One registry, shared by its repositories.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Host and port of the API.
    host: String,
    base: OnceCell<Url>,
    /// The challenge of the host for a request without credentials.
    challenge: Mutex<Option<Challenge>>,
    is_contacted: AtomicBool,
    first: tokio::sync::Mutex<()>,
    root_challenge: OnceCell<Option<Challenge>>,
    /// The socket of the last response.
    from: Mutex<Option<SocketAddr>>,
}

impl Endpoint {
    pub(crate) fn new(name: &CanonicalName) -> Self {
        Self {
            host: api_host(name).to_owned(),
            base: OnceCell::new(),
            challenge: Mutex::default(),
            is_contacted: AtomicBool::new(false),
            first: tokio::sync::Mutex::default(),
            root_challenge: OnceCell::new(),
            from: Mutex::default(),
        }
    }

    /// The root of the API: `https://HOST/`, or `http://HOST/` for a loopback or
    /// insecure host without TLS.
    ///
    /// Such a host is tried with https once (`HEAD /v2/`); plain HTTP is used for the
    /// rest of the run only if it does not use TLS. A host with a bad certificate does,
    /// and is rejected.
    pub(crate) async fn base(&self, transport: &Transport) -> Result<&Url, String> {
        let https = Url::parse(&format!("https://{}/", self.host))
            .map_err(|error| format!("{} is not a valid host name: {error}", self.host))?;
        let may_be_plain =
            is_loopback(https.host_str().unwrap_or_default()) || transport.may_be_plain(&https);
        self.base
            .get_or_try_init(|| async {
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
            })
            .await
    }

    /// Lets a single request go first to a host that has not been contacted, so that
    /// its challenge is received once and not for every repository of a run. The other
    /// requests wait as long as the guard lives; its holder calls
    /// [`Self::mark_contacted`].
    pub(crate) async fn go_first(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_contacted.load(Ordering::Acquire) {
            return None;
        }
        let guard = self.first.lock().await;
        (!self.is_contacted.load(Ordering::Acquire)).then_some(guard)
    }

    /// The first request has completed, with any result, or its result is known.
    pub(crate) fn mark_contacted(&self) {
        self.is_contacted.store(true, Ordering::Release);
    }

    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.challenge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The challenge of the host at its root, `GET /v2/`: requested once per run, and
    /// only if no other challenge is known. `None` if it sends none. Where anonymous
    /// requests are allowed, zot sends its challenge with a 200.
    pub(crate) async fn root_challenge(&self, transport: &Transport) -> Option<Challenge> {
        if let Some(challenge) = self.challenge() {
            return Some(challenge);
        }
        self.root_challenge
            .get_or_init(|| async {
                let url = self.base(transport).await.ok()?.join("v2/").ok()?;
                let response = transport.send(&Request::get(url)).await.ok()?;
                self.record_socket(&response);
                Challenge::choose(&response.headers)
            })
            .await
            .clone()
    }

    /// Records the socket from which the host responded.
    pub(crate) fn record_socket(&self, response: &Response) {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = response.from;
    }

    /// Who names a URL, for the rule on addresses: `None` if it is on the registry's
    /// own host, otherwise the kind of the registry's address.
    pub(crate) fn named_by(&self, target: &Url, transport: &Transport) -> Option<AddressKind> {
        let Some(base) = self.base.get() else {
            return Some(AddressKind::Public);
        };
        let from = *self.from.lock().unwrap_or_else(PoisonError::into_inner);
        (base.origin() != target.origin()).then(|| transport.kind_of_registry(base, from))
    }

    pub(crate) fn set_challenge(&self, challenge: &Challenge) {
        *self
            .challenge
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(challenge.clone());
    }
}
