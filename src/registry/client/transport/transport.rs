//! Sends requests: within the limits of their hosts, with retries and a size limit.

use super::address::AddressKind;
use super::error::SendError;
use super::pulls::Pull;
use super::request::authority;
use super::request::{Request, Response, SMALL_BODY};
use super::statistics::{AnswerCounter, Statistics};
use super::waiting_line::{Puller, WaitingLine};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH};
use http::{Method, StatusCode};
use reqwest::Url;
use secrecy::ExposeSecret;

use super::clients::{ClientUnavailable, Clients};
use super::host::{Host, RequestSlot, ResponseSummary};
use crate::registry::cache::CacheStatistics;
use crate::registry::client::scan_budget::OpenRequest;
use crate::registry::options::{RegistryOptions, RegistrySetupError};

/// How much of the body of an error response is read, in bytes.
pub(crate) const MAX_ERROR_BODY: usize = 16 * 1024;
/// How long that may take; the body only explains the status.
pub(crate) const ERROR_BODY_TIME: Duration = Duration::from_secs(2);
/// By how many bytes the buffer of a large body grows.
const GROWTH: usize = 1024 * 1024;
/// The maximum number of attempts per request.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// The time that one exchange may take.
struct TimeLimit<'a> {
    deadline: tokio::time::Instant,
    /// The error if it takes longer.
    error: SendError,
    _open: Option<OpenRequest<'a>>,
}

impl<'a> TimeLimit<'a> {
    /// Starts an exchange.
    ///
    /// # Errors
    /// The time for the whole repository is spent.
    fn new(timeout: Duration, request: &'a Request, host: &str) -> Result<Self, SendError> {
        let mut limit = Self {
            deadline: tokio::time::Instant::now() + timeout,
            error: SendError::TimedOut {
                host: host.to_owned(),
                after: timeout,
            },
            _open: None,
        };
        let Some(budget) = &request.budget else {
            return Ok(limit);
        };
        let left = budget.left();
        if left < timeout {
            limit.deadline = tokio::time::Instant::now() + left;
            limit.error = SendError::BudgetSpent {
                host: host.to_owned(),
                limit: budget.limit(),
            };
        }
        if left.is_zero() {
            return Err(limit.error);
        }
        limit._open = Some(budget.open());
        Ok(limit)
    }

    /// Does not count this time.
    fn extend(&mut self, time: Duration) {
        self.deadline += time;
    }

    async fn limit<T>(
        &self,
        part: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        match tokio::time::timeout_at(self.deadline, part).await {
            Ok(result) => result,
            Err(_) => Err(self.error.clone()),
        }
    }
}

/// Sends the requests of a run to all hosts.
#[derive(Debug)]
pub(crate) struct Transport {
    clients: Clients,
    request_timeout: Duration,
    scan_timeout: Duration,
    max_connections: usize,
    max_wait: Duration,
    backoff: Duration,
    offline: bool,
    cached: bool,
    line: Arc<WaitingLine>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    requests: AtomicU64,
    answers: AnswerCounter,
    bytes: AtomicU64,
}

impl Transport {
    pub(crate) fn new(options: &RegistryOptions) -> Result<Self, RegistrySetupError> {
        Ok(Self {
            clients: Clients::new(options)?,
            request_timeout: options.request_timeout(),
            scan_timeout: options.scan_timeout,
            max_connections: options.max_connections,
            max_wait: options.max_wait,
            backoff: options.backoff,
            offline: options.trust.offline,
            cached: !options.cache.is_off(),
            line: Arc::default(),
            hosts: Mutex::default(),
            requests: AtomicU64::new(0),
            answers: AnswerCounter::default(),
            bytes: AtomicU64::new(0),
        })
    }

    /// Gives every host that was given up another chance, with the whole time for pauses and
    /// retries. A pause that a host has asked for still counts.
    pub(crate) fn begin_run(&self) {
        for host in self.hosts().values() {
            host.begin_run();
        }
    }

    /// How much longer a host wants no requests.
    pub(crate) fn wanted_pause(&self, host: &str) -> Option<Duration> {
        let hosts = self.hosts();
        let of_host = hosts.values().filter(|known| known.name() == host);
        of_host.filter_map(|known| known.wanted_pause()).max()
    }

    /// The requests so far, without those to the cache.
    pub(crate) fn statistics(&self) -> Statistics {
        let hosts = self.hosts();
        let slowest = hosts.values().max_by_key(|host| host.slowest());
        let mut quotas: Vec<String> = hosts
            .values()
            .filter_map(|host| host.quota_text())
            .collect();
        quotas.sort();
        Statistics {
            requests: self.requests.load(Ordering::Relaxed),
            answers: self.answers.counts(),
            bytes: self.bytes.load(Ordering::Relaxed),
            cache: CacheStatistics::default(),
            slowest: slowest.map(|host| (host.name().to_owned(), host.slowest())),
            quotas,
        }
    }

    /// Where repositories wait for their turn to pull.
    pub(crate) fn line(&self) -> &Arc<WaitingLine> {
        &self.line
    }

    /// Whether the host counts pulls. Waits if another repository is about to find
    /// out.
    pub(crate) async fn counts_pulls(&self, url: &Url, puller: Puller<'_>) -> bool {
        let host = self.host(&Request::get(url.clone()));
        host.counts_pulls(puller).await
    }

    /// Waits until a request that the host may count as a pull may be sent; `None` for
    /// other requests. Must be called before holding anything that others wait for; the
    /// result must be held until the response has arrived.
    pub(crate) async fn pull(
        &self,
        request: &Request,
        puller: Puller<'_>,
    ) -> Result<Option<Pull>, SendError> {
        match request.pull_reserve {
            Some(reserve) if !self.offline => {
                let host = self.host(request);
                host.pull(puller, reserve, self.cached).await.map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Where a registry is whose response came from this socket.
    pub(crate) fn kind_of_registry(&self, url: &Url, from: Option<SocketAddr>) -> AddressKind {
        self.clients.kind_of_registry(url, from)
    }

    /// Whether the host may use plain HTTP.
    pub(crate) fn may_be_plain(&self, url: &Url) -> bool {
        self.clients.may_be_plain(url)
    }

    /// The time that the requests for one repository may take in total.
    pub(crate) fn scan_timeout(&self) -> Duration {
        self.scan_timeout
    }

    /// Sends a request until there is a response or a final error. Any status is a
    /// response; only GET and HEAD are repeated.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, SendError> {
        if self.offline {
            return Err(SendError::Offline);
        }
        let host = self.host(request);
        let repeatable = matches!(request.method, Method::GET | Method::HEAD);
        let mut attempt = 0;
        loop {
            let result = {
                let slot = host.enter().await?;
                let result = self.exchange(&slot, request).await;
                if let Err(error) = &result {
                    host.record(error);
                    if matches!(error, SendError::Broken { reset: true, .. }) {
                        slot.record_complaint();
                    }
                    if request.pull_reserve.is_some() {
                        host.record_lost_pull();
                    }
                }
                result
            };
            attempt += 1;
            let wait = match &result {
                Ok(response) if repeatable => self.wait_after(&host, response, attempt),
                Err(SendError::Broken { .. }) if repeatable => self.retry(&host, attempt),
                Ok(_) | Err(_) => None,
            };
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return result,
            }
        }
    }

    /// How long to wait before a request is repeated; `None` if its response counts.
    pub(crate) fn wait_after(
        &self,
        host: &Host,
        response: &Response,
        attempt: u32,
    ) -> Option<Duration> {
        let wanted = super::retry_after::requested_delay(&response.headers);
        match response.status {
            StatusCode::TOO_MANY_REQUESTS => host.pause(wanted, self.backoff, self.max_wait),
            StatusCode::SERVICE_UNAVAILABLE if wanted.is_some() && attempt < MAX_ATTEMPTS => {
                host.pause(wanted, self.backoff, self.max_wait)
            }
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => self.retry(host, attempt),
            _ => None,
        }
    }

    /// The pause before the next attempt, if one is left.
    pub(crate) fn retry(&self, host: &Host, attempt: u32) -> Option<Duration> {
        (attempt < MAX_ATTEMPTS && host.take_retry())
            .then(|| self.backoff * 2_u32.saturating_pow(attempt - 1))
    }

    /// The largest number of requests that any host may have open.
    pub(crate) fn widest(&self) -> usize {
        let widest = self.hosts().values().map(|host| host.window()).max();
        widest.unwrap_or_else(|| super::window::initial_size(self.max_connections))
    }

    pub(crate) fn hosts(&self) -> MutexGuard<'_, HashMap<String, Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn host(&self, request: &Request) -> Arc<Host> {
        let url = &request.url;
        let mut key = url.origin().ascii_serialization();
        if request.is_other_api {
            key.push_str(" other-api");
        }
        if request.named_by.is_some() {
            key.push_str(" named");
        }
        let mut hosts = self.hosts();
        let host = hosts
            .entry(key)
            .or_insert_with(|| Arc::new(self.new_host(url)));
        Arc::clone(host)
    }

    pub(crate) fn new_host(&self, url: &Url) -> Host {
        let line = Arc::clone(&self.line);
        Host::new(authority(url), self.max_connections, line)
    }

    /// Sends a request once and reads the body, within the time limit.
    pub(crate) async fn exchange(
        &self,
        slot: &RequestSlot<'_>,
        request: &Request,
    ) -> Result<Response, SendError> {
        let host = slot.host();
        // Outside of the time limit, because the first one reads the system's
        // certificates.
        let client = match request.named_by {
            None => self.clients.for_url(&request.url),
            Some(registry) => self.clients.for_named(&request.url, registry),
        };
        let client = client.map_err(|fault| match fault {
            ClientUnavailable::Broken(reason) => SendError::unreachable(host.name(), reason),
            ClientUnavailable::ForbiddenAddress(forbidden) => SendError::ForbiddenAddress {
                host: host.name().to_owned(),
                reason: forbidden.to_string(),
            },
        })?;
        let time = TimeLimit::new(self.request_timeout, request, host.name())?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let started = tokio::time::Instant::now();
        let result = self.exchange_all(client, slot, request, time).await;
        let is_named = request.named_by.is_some() && !self.is_known(&request.url);
        let own = (!is_named).then(|| host.name());
        let status = result.as_ref().ok().map(|response| response.status);
        self.answers.add(own, status);
        // Without the query, because redirects have signatures there.
        tracing::debug!(
            method = %request.method,
            host = host.name(),
            path = request.url.path(),
            status = result.as_ref().map_or(0, |response| response.status.as_u16()),
            elapsed = ?started.elapsed(),
            "request"
        );
        result
    }

    /// Whether the host is a registry of this run.
    fn is_known(&self, url: &Url) -> bool {
        self.hosts()
            .contains_key(&url.origin().ascii_serialization())
    }

    /// Sends a request once and reads the body.
    async fn exchange_all(
        &self,
        client: &reqwest::Client,
        slot: &RequestSlot<'_>,
        request: &Request,
        mut time: TimeLimit<'_>,
    ) -> Result<Response, SendError> {
        let exchange = self.exchange_headers(client, slot, request);
        let (mut response, unread) = time.limit(exchange).await?;
        let Some(mut unread) = unread else {
            return Ok(response);
        };
        if !response.status.is_success() {
            response.body = self.error_body(unread).await;
            return Ok(response);
        }
        let host = slot.host();
        let body = &mut response.body;
        let beginning = self.read_body(host, &mut unread, request.limit, SMALL_BODY, body);
        if !time.limit(beginning).await? {
            // Nothing that an open large body waits for may wait here.
            let waiting = tokio::time::Instant::now();
            response.large = Arc::clone(&host.large_bodies).acquire_owned().await.ok();
            time.extend(waiting.elapsed());
            let rest = self.read_body(host, &mut unread, request.limit, usize::MAX, body);
            time.limit(rest).await?;
        }
        Ok(response)
    }

    /// Sends a request once. The body, if there is one to read, is returned unread.
    pub(crate) async fn exchange_headers(
        &self,
        client: &reqwest::Client,
        slot: &RequestSlot<'_>,
        request: &Request,
    ) -> Result<(Response, Option<reqwest::Response>), SendError> {
        let host = slot.host();
        let mut builder = client.request(request.method.clone(), request.url.clone());
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if !request.compressed {
            builder = builder.header(ACCEPT_ENCODING, "identity");
        }
        if let Some(authorization) = &request.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(etag) = &request.if_none_match {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if let Some(form) = &request.form {
            builder = builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned());
        }
        let (sent, started) = (host.sends(), tokio::time::Instant::now());
        let received = builder.send().await.map_err(|error| {
            let has_answered = host.has_answered();
            let proxy = self.clients.shown_proxy(&request.url);
            SendError::for_request(host.name(), proxy, &error, has_answered)
        })?;
        let (status, headers) = (received.status(), received.headers().clone());
        let from = received.remote_addr();
        slot.record(&ResponseSummary {
            status,
            headers: &headers,
            kind: request.kind(),
            sent,
            after: started.elapsed(),
        });
        let response = Response {
            url: request.url.clone(),
            from,
            status,
            headers,
            body: Vec::new(),
            large: None,
        };
        let has_body = request.method != Method::HEAD && !status.is_redirection();
        Ok((response, has_body.then_some(received)))
    }

    /// Reads more of the body of a successful response, up to its limit, until `pause`
    /// bytes are exceeded. Returns whether that was all.
    async fn read_body(
        &self,
        host: &Host,
        response: &mut reqwest::Response,
        limit: u64,
        pause: usize,
        body: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        let too_large = SendError::TooLarge {
            host: host.name().to_owned(),
            limit,
        };
        // The length is known only if the body is not compressed.
        if response.content_length() > Some(limit) {
            return Err(too_large);
        }
        while limit <= SMALL_BODY as u64 || body.len() <= pause {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(true),
                Err(error) => {
                    let proxy = self.clients.shown_proxy(response.url());
                    return Err(SendError::from_reqwest(host.name(), proxy, &error));
                }
            };
            self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_large);
            }
            let size = body.len() + chunk.len();
            if size > SMALL_BODY && size > body.capacity() {
                // Doubling could take twice as much memory as the body.
                body.reserve_exact(chunk.len().max(GROWTH));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(false)
    }

    /// Reads the beginning of any other body. The response counts whether or not that
    /// succeeds.
    pub(crate) async fn error_body(&self, mut response: reqwest::Response) -> Vec<u8> {
        let mut body = Vec::new();
        let read = async {
            while body.len() < MAX_ERROR_BODY
                && let Ok(Some(mut chunk)) = response.chunk().await
            {
                self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                chunk.truncate(MAX_ERROR_BODY - body.len());
                body.extend_from_slice(&chunk);
            }
        };
        let time = ERROR_BODY_TIME.min(self.request_timeout);
        // After a time-out, the part that has arrived is used.
        let _ = tokio::time::timeout(time, read).await;
        body
    }
}
