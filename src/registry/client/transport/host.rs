//! The state of one host in this run: how busy it is, whether it asked for a pause,
//! whether it was given up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::error::SendError;
use super::quota::{PullBudget, Quota};
use super::waiting_line::WaitingLine;
use super::window::{RequestKind, ResponseTiming, Window};

/// After this many time-outs a host is given up.
pub(crate) const MAX_TIMEOUTS: u32 = 2;
/// How many requests to one host may be repeated in a run because of errors. It keeps a
/// broken host with thousands of tags from tripling the requests; all requests that are
/// open during one failure may be repeated.
pub(crate) const MAX_RETRIES: u32 = 128;
/// How many large bodies of one host are read at a time. They are parsed at once, so
/// more would take memory without saving time.
const MAX_LARGE_BODIES: usize = 4;

/// One host of a run.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// As many as the size of the window, plus the permits that are owed.
    pub(crate) permits: Semaphore,
    /// The large bodies that may be in memory.
    pub(crate) large_bodies: Arc<Semaphore>,
    pub(crate) state: Mutex<HostState>,
    /// Where repositories wait for their turn to pull.
    pub(crate) line: Arc<WaitingLine>,
}

#[derive(Debug)]
pub(crate) struct HostState {
    pub(crate) window: Window,
    /// How many permits in use must be returned, because the window has shrunk.
    pub(crate) owed: usize,
    pub(crate) given_up: Option<SendError>,
    pub(crate) timeouts: u32,
    pub(crate) retries: u32,
    pub(crate) paused_until: Option<Instant>,
    /// The sum of all pauses.
    pub(crate) paused: Duration,
    pub(crate) pauses: u32,
    /// Until when the host wants no requests, although the run did not wait so long.
    pub(crate) wanted_until: Option<Instant>,
    pub(crate) budget: PullBudget,
    /// When a HEAD was last sent ahead to find out whether pulls are counted.
    pub(crate) scouted: Option<Instant>,
    pub(crate) has_answered: bool,
    /// How long the slowest response took to begin.
    pub(crate) slowest: Duration,
}

/// A response without its body.
#[derive(Debug)]
pub(crate) struct ResponseSummary<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) kind: RequestKind,
    /// What [`Host::sends`] returned for its request.
    pub(crate) sent: u64,
    /// How long it took to begin.
    pub(crate) after: Duration,
}

/// One of the requests that may be open.
#[derive(Debug)]
pub(crate) struct RequestSlot<'a> {
    pub(crate) host: &'a Host,
    /// The window's age when the request was sent.
    pub(crate) age: u32,
    pub(crate) permit: Option<SemaphorePermit<'a>>,
}

impl RequestSlot<'_> {
    pub(crate) fn host(&self) -> &Host {
        self.host
    }

    /// Records a response, and whether the host keeps up.
    pub(crate) fn record(&self, response: &ResponseSummary<'_>) {
        let host = self.host;
        host.record_response(response);
        if is_complaint(response.status) {
            return self.record_complaint();
        }
        let timing = ResponseTiming {
            kind: response.kind,
            took: response.after,
            is_full: host.permits.available_permits() == 0,
        };
        host.adjust(|window| window.record(self.age, timing));
    }

    /// The host is overloaded.
    pub(crate) fn record_complaint(&self) {
        self.host.adjust(|window| window.record_complaint(self.age));
    }
}

/// Whether a status says that the host, or a proxy in front of it, is overloaded.
pub(crate) fn is_complaint(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

impl Drop for RequestSlot<'_> {
    fn drop(&mut self) {
        let mut state = self.host.state();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

impl Host {
    pub(crate) fn new(name: String, max_connections: usize, line: Arc<WaitingLine>) -> Self {
        let window = Window::new(max_connections);
        Self {
            name,
            line,
            permits: Semaphore::new(window.size()),
            large_bodies: Arc::new(Semaphore::new(MAX_LARGE_BODIES)),
            state: Mutex::new(HostState {
                window,
                owed: 0,
                given_up: None,
                timeouts: 0,
                retries: 0,
                paused_until: None,
                paused: Duration::ZERO,
                pauses: 0,
                wanted_until: None,
                budget: PullBudget::default(),
                scouted: None,
                has_answered: false,
                slowest: Duration::ZERO,
            }),
        }
    }

    /// Forgets the failures of earlier runs.
    pub(crate) fn begin_run(&self) {
        let mut state = self.state();
        state.given_up = None;
        state.timeouts = 0;
        state.retries = 0;
        state.paused = Duration::ZERO;
        state.pauses = 0;
    }

    /// How many requests may be open.
    pub(crate) fn window(&self) -> usize {
        self.state().window.size()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a free slot and for the end of a pause that another request was asked
    /// for; fails if the host was given up in the meantime.
    pub(crate) async fn enter(&self) -> Result<RequestSlot<'_>, SendError> {
        loop {
            self.check()?;
            let permit = self
                .permits
                .acquire()
                .await
                .map_err(|_| SendError::unreachable(&self.name, "the scan was stopped"))?;
            let slot = RequestSlot {
                host: self,
                age: self.state().window.age(),
                permit: Some(permit),
            };
            self.check()?;
            let Some(until) = self.pause_end() else {
                return Ok(slot);
            };
            drop(slot);
            tokio::time::sleep_until(until).await;
        }
    }

    /// To be called when a request is sent; the result belongs in the
    /// [`ResponseSummary`] of its response.
    pub(crate) fn sends(&self) -> u64 {
        self.state().budget.changes()
    }

    /// Changes the window, and the number of permits with it.
    pub(crate) fn adjust(&self, change: impl FnOnce(&mut Window)) {
        let mut state = self.state();
        let before = state.window.size();
        change(&mut state.window);
        let now = state.window.size();
        if let Some(fewer) = before.checked_sub(now) {
            state.owed += fewer - self.permits.forget_permits(fewer);
        } else {
            let more = now - before;
            let settled = more.min(state.owed);
            state.owed -= settled;
            self.permits.add_permits(more - settled);
        }
    }

    /// Whether it has responded to any request.
    pub(crate) fn has_answered(&self) -> bool {
        self.state().has_answered
    }

    /// Records a response.
    pub(crate) fn record_response(&self, response: &ResponseSummary<'_>) {
        let mut state = self.state();
        state.has_answered = true;
        state.slowest = state.slowest.max(response.after);
        match Quota::read(response.headers) {
            Some(quota) => state.budget.record(quota, response.sent),
            None if response.kind == RequestKind::Manifest => {
                state.budget.record_without_quota(response.status)
            }
            None if response.kind == RequestKind::Head && state.scouted.is_some() => {
                state.budget.record_scout_without_quota(response.status);
            }
            None => return,
        }
        drop(state);
        self.line.wake();
    }

    /// How long the slowest response took to begin.
    pub(crate) fn slowest(&self) -> Duration {
        self.state().slowest
    }

    pub(crate) fn check(&self) -> Result<(), SendError> {
        self.state().given_up.clone().map_or(Ok(()), Err)
    }

    /// How much longer the host wants no requests, whether the run waits so long or not.
    pub(crate) fn wanted_pause(&self) -> Option<Duration> {
        let state = self.state();
        let until = state.wanted_until.max(state.paused_until)?;
        until.checked_duration_since(Instant::now())
    }

    pub(crate) fn pause_end(&self) -> Option<Instant> {
        let until = self.state().paused_until?;
        (until > Instant::now()).then_some(until)
    }

    /// Records a failed request.
    pub(crate) fn record(&self, error: &SendError) {
        let mut state = self.state();
        let is_final = match error {
            SendError::Unreachable { .. } | SendError::Untrusted { .. } => true,
            SendError::TimedOut { .. } => {
                state.timeouts += 1;
                state.timeouts >= MAX_TIMEOUTS
            }
            SendError::RateLimited { .. }
            | SendError::Reserved { .. }
            | SendError::Offline
            | SendError::BudgetSpent { .. }
            | SendError::ForbiddenAddress { .. }
            | SendError::Broken { .. }
            | SendError::TooLarge { .. } => false,
        };
        if is_final && state.given_up.is_none() {
            state.given_up = Some(error.clone());
            drop(state);
            self.line.wake();
        }
    }

    /// Whether one more request may be repeated.
    pub(crate) fn take_retry(&self) -> bool {
        let mut state = self.state();
        state.retries += 1;
        state.retries <= MAX_RETRIES
    }

    /// The host asked for a pause: all requests to it wait. Returns how long this one
    /// waits, or `None` if the maximum wait of the run is exceeded; then the host is given
    /// up.
    pub(crate) fn pause(
        &self,
        wanted: Option<Duration>,
        backoff: Duration,
        max_wait: Duration,
    ) -> Option<Duration> {
        let mut state = self.state();
        if state.given_up.is_some() {
            return None;
        }
        let now = Instant::now();
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            // The request was sent before the pause began.
            return Some(until - now);
        }
        let own = backoff.saturating_mul(2_u32.saturating_pow(state.pauses.min(16)));
        let wait = wanted.map_or(own, |wanted| wanted.max(backoff));
        if state.paused.saturating_add(wait) > max_wait {
            state.wanted_until = wanted.map(|wanted| now + wanted);
            let advice = wanted.map_or_else(
                || "try again later, or log in for a higher limit".to_owned(),
                |wanted| format!("try again in {} s", wanted.as_secs()),
            );
            state.given_up = Some(SendError::RateLimited {
                host: self.name.clone(),
                advice,
            });
            drop(state);
            self.line.wake();
            return None;
        }
        state.pauses += 1;
        state.paused += wait;
        state.paused_until = Some(now + wait);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host::new("registry.example".to_owned(), 2, Arc::default())
    }

    fn timed_out() -> SendError {
        SendError::TimedOut {
            host: "registry.example".to_owned(),
            after: Duration::from_secs(30),
        }
    }

    #[tokio::test]
    async fn a_host_is_given_up_after_two_time_outs() {
        let host = host();
        host.record(&timed_out());
        assert!(host.enter().await.is_ok());
        host.record(&timed_out());
        assert_eq!(host.enter().await.err(), Some(timed_out()));
    }

    #[tokio::test]
    async fn a_request_that_waits_for_a_slot_fails_when_the_host_is_given_up() {
        let host = host();
        let (first, second) = (host.enter().await, host.enter().await);
        let refused = SendError::unreachable("registry.example", "refused");
        let (waiting, ()) = tokio::join!(host.enter(), async {
            host.record(&refused);
            drop((first, second));
        });
        assert_eq!(waiting.err(), Some(refused));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_shared_and_their_sum_is_limited() {
        let host = host();
        let (second, max) = (Duration::from_secs(1), Duration::from_secs(10));
        let pause = |wanted| host.pause(Some(Duration::from_secs(wanted)), second, max);
        assert_eq!(pause(6), Some(Duration::from_secs(6)));
        // The same pause for an earlier request is not counted twice.
        assert_eq!(pause(6), Some(Duration::from_secs(6)));
        let before = Instant::now();
        assert!(host.enter().await.is_ok());
        assert!(before.elapsed() >= Duration::from_secs(6));
        assert_eq!(pause(6), None);
        assert!(matches!(
            host.enter().await.err(),
            Some(SendError::RateLimited { advice, .. }) if advice == "try again in 6 s"
        ));
    }

    /// How many requests may be open now.
    async fn open_slots(host: &Host) -> usize {
        let mut open_slots = Vec::new();
        while host.permits.available_permits() > 0 {
            open_slots.push(host.enter().await);
        }
        open_slots.len()
    }

    #[tokio::test]
    async fn the_slots_follow_the_window() {
        let host = Host::new("registry.example".to_owned(), 128, Arc::default());
        assert_eq!(open_slots(&host).await, 32);
        let headers = HeaderMap::new();
        let mut full = Vec::new();
        for _ in 0..32 {
            full.push(host.enter().await.expect("a slot"));
        }
        let response = |status| ResponseSummary {
            status,
            headers: &headers,
            kind: RequestKind::Other,
            sent: 0,
            after: Duration::from_millis(50),
        };
        for slot in &full {
            assert_eq!(host.window(), 32);
            slot.record(&response(StatusCode::OK));
        }
        assert_eq!((host.window(), host.permits.available_permits()), (64, 32));
        // These complaints are about the same requests, so they count once.
        for slot in &full {
            slot.record(&response(StatusCode::TOO_MANY_REQUESTS));
            slot.record_complaint();
        }
        assert_eq!((host.window(), host.permits.available_permits()), (32, 0));
        drop(full);
        assert_eq!(open_slots(&host).await, 32);
        assert_eq!(host.state().owed, 0);
    }

    #[test]
    fn repeated_requests_are_limited_per_host() {
        let host = host();
        let granted = (0..1000).filter(|_| host.take_retry()).count();
        assert_eq!(granted, MAX_RETRIES as usize);
    }
}
