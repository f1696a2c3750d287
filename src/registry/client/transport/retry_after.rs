//! When a host wants to be asked again.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// The `Retry-After` of an answer: a number of seconds, or a time. A time is
/// compared with the answer's own `Date`, so that a clock that is wrong here
/// does not matter; one that is over, or that is none, is no wish at all.
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
    reason = "how long to wait for a time is a question to the clock"
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
    fn a_time_counts_from_the_time_of_the_answer() {
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
    fn without_its_time_our_own_counts() {
        assert_eq!(delay_seconds("Sat, 21 Nov 2020 12:00:00 GMT", None), None);
        let later = now() + Duration::from_secs(100);
        let wait = delay_seconds(&httpdate::fmt_http_date(later), Some("noon"));
        assert!(matches!(wait, Some(98..=100)), "{wait:?}");
    }

    #[test]
    fn what_is_neither_is_no_wish() {
        for after in ["", "soon", "-1", "1.5", "2026-11-21T12:00:00Z"] {
            assert_eq!(delay_seconds(after, Some(NOW)), None, "{after}");
        }
    }
}
