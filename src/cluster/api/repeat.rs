//! When a request is sent again, and after how long.
//!
//! The rule for overloaded servers is client-go's (`rest/with_retry.go`): a response 429
//! or 5xx with `Retry-After` is repeated up to ten times, after the time that it
//! requests. A broken connection says nothing about how far the server has come, so only
//! a request that has no effect is repeated after that.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::cause::is_broken_connection;

/// How often a request is repeated at most.
const MAX_REPEATS: usize = 10;

/// How long to wait before each repeat, if an overloaded server does not say.
const WAITS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// How long to wait before a request is repeated on another connection. The wait doubles
/// with each repeat.
const FIRST_RECONNECT: Duration = Duration::from_millis(50);
const LONGEST_RECONNECT: Duration = Duration::from_secs(1);

/// The shortest wait for a server that requests one, even if it requests zero seconds.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// The longest delay that is waited for. If the server requests more, nothing is
/// repeated.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a second copy of a request does, if the first took effect although the server
/// responded with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondCopy {
    /// Nothing, and neither does the first: both only read, or are dry runs.
    Read,
    /// The server refuses it, because the request has a version or a name that it accepts
    /// only once.
    Refused,
    /// It overwrites changes that others made in between.
    Harmful,
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: kube::Error,
    /// The delay that the response's header requests.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the response is a page in HTML, so that it is not from an API server.
    pub(crate) is_html: bool,
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        Self {
            error,
            retry_after: None,
            is_html: false,
        }
    }
}

impl Failure {
    /// The status code of an error response.
    pub(crate) fn code(&self) -> Option<u16> {
        match &self.error {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        }
    }

    /// The delay that the server requests, in the header or in the body.
    pub(crate) fn requested_delay(&self) -> Option<Duration> {
        let kube::Error::Api(status) = &self.error else {
            return None;
        };
        let details = status.details.as_ref();
        let seconds = details.map_or(0, |details| details.retry_after_seconds);
        let in_body = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        self.retry_after.or(in_body)
    }

    /// The delay that the server requests, if it is too long to wait for.
    pub(crate) fn unacceptable_delay(&self) -> Option<Duration> {
        self.requested_delay().filter(|wait| *wait > LONGEST_WAIT)
    }
}

/// The header `Retry-After` in seconds; like client-go, dates are ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The repeats of one request.
#[derive(Debug)]
pub(crate) struct Repeats {
    second_copy: SecondCopy,
    so_far: usize,
    /// How many of them the server did not request.
    unrequested: usize,
}

impl Repeats {
    pub(crate) fn new(second_copy: SecondCopy) -> Self {
        Self {
            second_copy,
            so_far: 0,
            unrequested: 0,
        }
    }

    /// How long to wait before the request is sent again after this failure; `None`: it is
    /// not sent again.
    pub(crate) fn next(&mut self, failure: &Failure) -> Option<Duration> {
        if self.so_far == MAX_REPEATS {
            return None;
        }
        let wait = if is_broken_connection(&failure.error) {
            self.reconnect()?
        } else {
            self.wait_for_server(failure)?
        };
        self.so_far += 1;
        Some(wait)
    }

    fn reconnect(&self) -> Option<Duration> {
        let doublings = u32::try_from(self.so_far).unwrap_or(u32::MAX);
        let wait = FIRST_RECONNECT.saturating_mul(2_u32.saturating_pow(doublings));
        (self.second_copy == SecondCopy::Read).then(|| wait.min(LONGEST_RECONNECT))
    }

    /// The server sends a 429 before the request takes effect; a 5xx can come after it
    /// has.
    fn wait_for_server(&mut self, failure: &Failure) -> Option<Duration> {
        let code = failure.code()?;
        let is_overload = code == StatusCode::TOO_MANY_REQUESTS;
        if !is_overload && self.second_copy == SecondCopy::Harmful {
            return None;
        }
        match failure.requested_delay() {
            Some(wait) if is_overload || code >= 500 => {
                (wait <= LONGEST_WAIT).then(|| wait.max(SHORTEST_WAIT))
            }
            None if is_overload || matches!(code, 503 | 504) => {
                let wait = WAITS.get(self.unrequested).copied();
                self.unrequested += 1;
                wait
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn response(code: u16, seconds: Option<u64>) -> Failure {
        let status = Status::failure("m", "r").with_code(code);
        Failure {
            error: kube::Error::Api(status.boxed()),
            retry_after: seconds.map(Duration::from_secs),
            is_html: false,
        }
    }

    fn reset() -> Failure {
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        kube::Error::Service(Box::new(error)).into()
    }

    /// The waits in milliseconds, if the request always fails in this way.
    fn waits(second_copy: SecondCopy, failure: &Failure) -> Vec<u128> {
        let mut repeats = Repeats::new(second_copy);
        std::iter::from_fn(|| repeats.next(failure))
            .map(|wait| wait.as_millis())
            .collect()
    }

    #[test]
    fn overloaded_server_gets_the_time_that_it_requests_up_to_ten_times() {
        use SecondCopy::{Harmful, Read, Refused};
        let default = [500, 1000, 2000];
        for (second_copy, failure, expected) in [
            (Read, response(429, Some(2)), vec![2000; 10]),
            (Refused, response(429, Some(2)), vec![2000; 10]),
            (Harmful, response(429, Some(2)), vec![2000; 10]),
            (Read, response(500, Some(1)), vec![1000; 10]),
            (Read, response(503, Some(0)), vec![100; 10]),
            (Refused, response(502, Some(1)), vec![1000; 10]),
            (Harmful, response(500, Some(1)), vec![]),
            (Read, response(429, None), default.to_vec()),
            (Harmful, response(429, None), default.to_vec()),
            (Refused, response(503, None), default.to_vec()),
            (Harmful, response(503, None), vec![]),
            (Read, response(500, None), vec![]),
            (Read, response(403, Some(1)), vec![]),
            // Nobody waits for an hour.
            (Read, response(429, Some(3600)), vec![]),
        ] {
            assert_eq!(waits(second_copy, &failure), expected, "{failure:?}");
        }
    }

    #[test]
    fn only_reads_are_repeated_after_a_broken_connection() {
        let expected = [50, 100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000];
        assert_eq!(waits(SecondCopy::Read, &reset()), expected);
        for second_copy in [SecondCopy::Refused, SecondCopy::Harmful] {
            assert!(waits(second_copy, &reset()).is_empty());
        }
    }

    #[test]
    fn different_failures_share_the_limit() {
        let mut repeats = Repeats::new(SecondCopy::Read);
        for failure in [reset(), response(429, Some(1)), response(503, None)] {
            assert!(repeats.next(&failure).is_some());
        }
        assert_eq!(
            std::iter::from_fn(|| repeats.next(&reset())).count(),
            MAX_REPEATS - 3
        );
    }

    #[test]
    fn retry_after_is_a_number_of_seconds() {
        for (text, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("-1", None),
            ("soon", None),
            ("Sat, 21 Nov 2026 12:00:00 GMT", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a value"));
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
