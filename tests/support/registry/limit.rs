//! A limit on the rate of requests, as a token bucket that starts full.

use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The value of `Retry-After`, in seconds.
const RETRY_AFTER: u64 = 1;
/// A request this soon after a refusal may have been sent before it.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Limit {
    per_second: f64,
    left: f64,
    filled: Instant,
    paused: Option<Instant>,
    pub(super) refused: usize,
    pub(super) impatient: usize,
}

impl Limit {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second.into(),
            left: per_second.into(),
            filled: Instant::now(),
            paused: None,
            refused: 0,
            impatient: 0,
        }
    }

    /// Returns a 429 response if a request now exceeds the limit.
    pub(super) fn refuse(&mut self) -> Option<Response> {
        let now = Instant::now();
        let since = now.duration_since(self.filled).as_secs_f64();
        self.left = (self.left + since * self.per_second).min(self.per_second);
        self.filled = now;
        let pause = Duration::from_secs(RETRY_AFTER);
        let waited = self.paused.map(|began| now - began);
        match waited {
            Some(waited) if waited < pause => {
                self.impatient += usize::from(waited > ON_ITS_WAY);
            }
            Some(_) | None => self.paused = None,
        }
        if self.left >= 1.0 {
            self.left -= 1.0;
            return None;
        }
        self.refused += 1;
        self.paused.get_or_insert(now);
        let retry_after = [(header::RETRY_AFTER, RETRY_AFTER.to_string())];
        Some((StatusCode::TOO_MANY_REQUESTS, retry_after).into_response())
    }
}
