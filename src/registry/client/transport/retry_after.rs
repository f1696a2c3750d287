//! When a request may be repeated.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// The `Retry-After` of a response: a number of seconds, or a time. A time is compared
/// with the response's own `Date`, so that a wrong local clock does not matter. `None`
/// if it is missing, malformed or in the past.
pub(crate) fn requested_delay(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = text(headers, &DATE)
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(now);
    until
        .duration_since(now)
        .ok()
        .filter(|wait| !wait.is_zero())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time until a date depends on the clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sat, 21 Nov 2026 12:00:00 GMT";

    fn delay_seconds(after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().expect("value"));
        if let Some(date) = date {
            headers.insert(DATE, date.parse().expect("value"));
        }
        requested_delay(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(delay_seconds(" 7 ", None), Some(7));
        assert_eq!(delay_seconds("0", None), Some(0));
        assert_eq!(requested_delay(&HeaderMap::new()), None);
    }

    #[test]
    fn a_time_is_relative_to_the_date_of_the_response() {
        for (after, wait) in [
            ("Sat, 21 Nov 2026 12:00:09 GMT", Some(9)),
            ("Saturday, 21-Nov-26 12:01:00 GMT", Some(60)),
            ("Sat Nov 21 12:00:01 2026", Some(1)),
            (NOW, None),
            ("Sat, 21 Nov 2026 11:59:59 GMT", None),
        ] {
            assert_eq!(delay_seconds(after, Some(NOW)), wait, "{after}");
        }
    }

    #[test]
    fn without_a_date_the_local_clock_is_used() {
        assert_eq!(delay_seconds("Sat, 21 Nov 2020 12:00:00 GMT", None), None);
        let later = now() + Duration::from_secs(100);
        let wait = delay_seconds(&httpdate::fmt_http_date(later), Some("noon"));
        assert!(matches!(wait, Some(98..=100)), "{wait:?}");
    }

    #[test]
    fn malformed_values_are_ignored() {
        for after in ["", "soon", "-1", "1.5", "2026-11-21T12:00:00Z"] {
            assert_eq!(delay_seconds(after, Some(NOW)), None, "{after}");
        }
    }
}
