//! What is known of one host in this run: how busy it is, whether it asked for
//! a pause, whether it was given up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::error::SendError;
use super::line::{Line, Puller};
use super::quota::{Admission, Quota, Ration};
use super::window::Window;

/// After so many time-outs a host is given up.
const MAX_TIMEOUTS: u32 = 2;
/// How many requests to one host may be repeated in a run because of faults.
/// Keeps a broken host with thousands of tags from costing three times as many.
const MAX_RETRIES: u32 = 64;

/// One host of a run.
#[derive(Debug)]
pub(super) struct Host {
    name: String,
    /// As many as the window is large, but for those that are owed.
    permits: Semaphore,
    state: Mutex<State>,
    /// Where pulls wait.
    line: Arc<Line>,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Permits in use that are to be taken back, since the window has shrunk.
    owed: usize,
    given_up: Option<SendError>,
    timeouts: u32,
    retries: u32,
    paused_until: Option<Instant>,
    /// The sum of all pauses.
    paused: Duration,
    pauses: u32,
    ration: Ration,
    /// How long the slowest answer took to begin.
    slowest: Duration,
}

/// A pull that is under way.
#[derive(Debug)]
#[must_use = "it is under way until it is dropped"]
pub(in crate::registry) struct Pull(Arc<Host>);

impl Drop for Pull {
    fn drop(&mut self) {
        self.0.state().ration.end();
        self.0.line.wake();
    }
}

/// What an answer tells beside its body.
#[derive(Debug)]
pub(super) struct Noted<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// It answers what the host may count as a pull.
    pub(super) pull: bool,
    /// What [`Host::sends`] gave for its request.
    pub(super) sent: u64,
    /// How long it took to begin.
    pub(super) after: Duration,
}

/// A request's place among those that are open.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    host: &'a Host,
    /// The window's age when the request was sent.
    age: u32,
    permit: Option<SemaphorePermit<'a>>,
}

impl Seat<'_> {
    /// Takes note of an answer: whether the host keeps up.
    pub(super) fn answered(&self, complaint: bool) {
        let full = self.host.permits.available_permits() == 0;
        let mut state = self.host.state();
        let before = state.window.size();
        if complaint {
            state.window.complained(self.age);
        } else if full {
            state.window.succeeded(self.age);
        }
        let now = state.window.size();
        if let Some(fewer) = before.checked_sub(now) {
            state.owed += fewer - self.host.permits.forget_permits(fewer);
        } else {
            let more = now - before;
            let paid = more.min(state.owed);
            state.owed -= paid;
            self.host.permits.add_permits(more - paid);
        }
    }
}

impl Drop for Seat<'_> {
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
    pub(super) fn new(name: String, max_connections: usize, line: Arc<Line>) -> Self {
        let window = Window::new(max_connections);
        Self {
            name,
            line,
            permits: Semaphore::new(window.size()),
            state: Mutex::new(State {
                window,
                owed: 0,
                given_up: None,
                timeouts: 0,
                retries: 0,
                paused_until: None,
                paused: Duration::ZERO,
                pauses: 0,
                ration: Ration::default(),
                slowest: Duration::ZERO,
            }),
        }
    }

    /// How many requests may be open.
    pub(super) fn window(&self) -> usize {
        self.state().window.size()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a free place, and until a pause is over that another request
    /// was told of; fails if the host was given up meanwhile.
    pub(super) async fn enter(&self) -> Result<Seat<'_>, SendError> {
        loop {
            self.check()?;
            let permit = self
                .permits
                .acquire()
                .await
                .map_err(|_| SendError::unreachable(&self.name, "the scan was stopped"))?;
            let seat = Seat {
                host: self,
                age: self.state().window.age(),
                permit: Some(permit),
            };
            self.check()?;
            let Some(until) = self.pause_end() else {
                return Ok(seat);
            };
            drop(seat);
            tokio::time::sleep_until(until).await;
        }
    }

    /// A request is being sent; what is given back comes back with its answer.
    pub(super) fn sends(&self) -> u64 {
        self.state().ration.changes()
    }

    /// Takes note of what an answer tells.
    pub(super) fn note(&self, noted: &Noted<'_>) {
        let mut state = self.state();
        state.slowest = state.slowest.max(noted.after);
        match Quota::read(noted.headers) {
            Some(quota) => state.ration.told(quota, noted.sent),
            None if noted.pull => state.ration.untold(noted.status),
            None => return,
        }
        drop(state);
        self.line.wake();
    }

    /// What the host may have counted as a pull has no answer.
    pub(super) fn lost_pull(&self) {
        self.state().ration.lost();
        self.line.wake();
    }

    /// How long the slowest answer took to begin.
    pub(super) fn slowest(&self) -> Duration {
        self.state().slowest
    }

    /// What the host said last of its limit.
    pub(super) fn quota(&self) -> Option<Quota> {
        self.state().ration.quota()
    }

    /// The same as text, with the host's name.
    pub(super) fn quota_text(&self) -> Option<String> {
        let quota = self.quota()?;
        Some(format!("{} allows {quota} are left", self.name))
    }

    /// Begins what the host may count as a pull, once it is its turn and no open
    /// one may need its place; fails where so few are left that `reserve` percent
    /// of the limit would be touched. `cached` says whether what is read is kept.
    pub(super) async fn pull(
        self: &Arc<Self>,
        puller: Puller<'_>,
        reserve: u8,
        cached: bool,
    ) -> Result<Pull, SendError> {
        loop {
            let woken = self.line.woken();
            self.check()?;
            let first = self.line.is_first(puller);
            let admission = self.state().ration.begin(reserve, first);
            match admission {
                Admission::Granted => return Ok(Pull(Arc::clone(self))),
                Admission::Refused(quota) => return Err(self.reserved(quota, reserve, cached)),
                Admission::Wait => woken.await,
            }
        }
    }

    /// Whether the host counts pulls. Waits until it has told, where another
    /// repository is about to find out.
    pub(super) async fn counts_pulls(&self, puller: Puller<'_>) -> bool {
        loop {
            let woken = self.line.woken();
            let (known, quota, given_up) = {
                let state = self.state();
                let given_up = state.given_up.is_some();
                (state.ration.is_known(), state.ration.quota(), given_up)
            };
            if known || given_up || self.line.is_first(puller) {
                return quota.is_some();
            }
            woken.await;
        }
    }

    fn reserved(&self, quota: Quota, reserve: u8, cached: bool) -> SendError {
        let (kept, instead) = if quota.is_used_up() {
            (String::new(), "")
        } else {
            (
                format!(", which --rate-reserve {reserve} leaves to others"),
                ", or now with a smaller reserve",
            )
        };
        let again = if cached {
            "images that were read are in the cache and are not pulled again"
        } else {
            "with a cache (--cache), images that were read would not be pulled again"
        };
        SendError::Reserved {
            host: self.name.clone(),
            quota: quota.to_string(),
            kept,
            spent: self.state().ration.spent(),
            advice: format!(
                "try again in {} at the latest{instead}; {again}",
                quota.window_text()
            ),
        }
    }

    fn check(&self) -> Result<(), SendError> {
        self.state().given_up.clone().map_or(Ok(()), Err)
    }

    fn pause_end(&self) -> Option<Instant> {
        let until = self.state().paused_until?;
        (until > Instant::now()).then_some(until)
    }

    /// Takes note of a failed request.
    pub(super) fn record(&self, error: &SendError) {
        let mut state = self.state();
        let hopeless = match error {
            SendError::Unreachable { .. } | SendError::Untrusted { .. } => true,
            SendError::TimedOut { .. } => {
                state.timeouts += 1;
                state.timeouts >= MAX_TIMEOUTS
            }
            SendError::RateLimited { .. }
            | SendError::Reserved { .. }
            | SendError::Offline
            | SendError::Broken { .. }
            | SendError::TooLarge { .. } => false,
        };
        if hopeless && state.given_up.is_none() {
            state.given_up = Some(error.clone());
            drop(state);
            self.line.wake();
        }
    }

    /// Whether one more request may be repeated.
    pub(super) fn take_retry(&self) -> bool {
        let mut state = self.state();
        state.retries += 1;
        state.retries <= MAX_RETRIES
    }

    /// The host asked for a pause: all requests to it wait. How long this one
    /// has to, or `None` if the pauses of the run are used up; the host is then
    /// asked no more.
    pub(super) fn pause(
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
            // An answer to a request sent before the pause began.
            return Some(until - now);
        }
        let own = backoff.saturating_mul(2_u32.saturating_pow(state.pauses.min(16)));
        let wait = wanted.map_or(own, |wanted| wanted.max(backoff));
        if state.paused.saturating_add(wait) > max_wait {
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
    async fn the_second_time_out_gives_the_host_up() {
        let host = host();
        host.record(&timed_out());
        assert!(host.enter().await.is_ok());
        host.record(&timed_out());
        assert_eq!(host.enter().await.err(), Some(timed_out()));
    }

    #[tokio::test]
    async fn a_request_that_waits_for_a_place_fails_when_the_host_is_given_up() {
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
    async fn pauses_are_shared_and_their_sum_is_bounded() {
        let host = host();
        let (second, max) = (Duration::from_secs(1), Duration::from_secs(10));
        let pause = |wanted| host.pause(Some(Duration::from_secs(wanted)), second, max);
        assert_eq!(pause(6), Some(Duration::from_secs(6)));
        // The same pause, told to a request sent before: not counted twice.
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
    async fn seats(host: &Host) -> usize {
        let mut seats = Vec::new();
        while host.permits.available_permits() > 0 {
            seats.push(host.enter().await);
        }
        seats.len()
    }

    #[tokio::test]
    async fn seats_follow_the_window() {
        let host = Host::new("registry.example".to_owned(), 64, Arc::default());
        assert_eq!(seats(&host).await, 16);
        // Not full: says nothing.
        host.enter().await.expect("a seat").answered(false);
        assert_eq!(host.window(), 16);
        let mut full = Vec::new();
        for _ in 0..16 {
            full.push(host.enter().await.expect("a seat"));
        }
        for seat in &full[..2] {
            seat.answered(false);
        }
        assert_eq!((host.window(), host.permits.available_permits()), (17, 1));
        // All are complaints about the same crowd.
        for seat in &full {
            seat.answered(true);
        }
        assert_eq!((host.window(), host.permits.available_permits()), (8, 0));
        drop(full);
        assert_eq!(seats(&host).await, 8);
        assert_eq!(host.state().owed, 0);
    }

    #[test]
    fn repeated_requests_are_bounded_per_host() {
        let host = host();
        let granted = (0..1000).filter(|_| host.take_retry()).count();
        assert_eq!(granted, MAX_RETRIES as usize);
    }
}
