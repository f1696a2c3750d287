//! The pauses that hosts have asked for, as a text that the next leader reads. Its program started
//! at another time, so the text has the times of the wall clock.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How many hosts the text may name.
const MAX_HOSTS: usize = 20;

/// The longest pause that is taken over. The clock of the last leader may be wrong.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// The pauses as a text, with the time when each ends; `None`: there are none. Of too many, the
/// longest are kept.
#[must_use]
pub fn pauses_text(pauses: &BTreeMap<String, Duration>, at: Timestamp) -> Option<String> {
    let mut longest: Vec<(&Duration, &String)> =
        pauses.iter().map(|(host, left)| (left, host)).collect();
    longest.sort_by(|a, b| b.cmp(a));
    longest.truncate(MAX_HOSTS);
    let ends = longest.into_iter().filter_map(|(left, host)| {
        let end = at.checked_add(*left).ok()?;
        // Never earlier than the host has asked for.
        let end = end + SignedDuration::from_nanos(999_999_999);
        let end = Timestamp::from_second(end.as_second()).ok()?;
        Some((host, end))
    });
    let ends: BTreeMap<&String, Timestamp> = ends.collect();
    if ends.is_empty() {
        return None;
    }
    serde_json::to_string(&ends).ok()
}

/// The pauses in a text that are not over. A text that cannot be read has none.
#[must_use]
pub fn read_pauses(text: &str, at: Timestamp) -> BTreeMap<String, Duration> {
    let ends: BTreeMap<String, Timestamp> = serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::debug!("the pauses of registries cannot be read: {error}");
        BTreeMap::new()
    });
    let left = ends.into_iter().filter_map(|(host, end)| {
        let left = at.duration_until(end).min(LONGEST);
        (left > SignedDuration::ZERO).then(|| (host, left.unsigned_abs()))
    });
    left.take(MAX_HOSTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn pauses(all: &[(&str, u64)]) -> BTreeMap<String, Duration> {
        let all = all.iter();
        all.map(|(host, left)| ((*host).to_owned(), Duration::from_secs(*left)))
            .collect()
    }

    #[test]
    fn pauses_are_read_as_they_were_written_and_end_at_the_same_time() {
        let at = time("2026-11-21T12:00:00.25Z");
        let text = pauses_text(&pauses(&[("ghcr.io", 90), ("docker.io", 900)]), at);
        let text = text.expect("a text");
        assert_eq!(
            text,
            r#"{"docker.io":"2026-11-21T12:15:01Z","ghcr.io":"2026-11-21T12:01:31Z"}"#
        );
        let later = time("2026-11-21T12:05:01Z");
        assert_eq!(read_pauses(&text, later), pauses(&[("docker.io", 600)]));
        assert_eq!(pauses_text(&BTreeMap::new(), at), None);
    }

    #[test]
    fn pause_is_taken_over_for_an_hour_at_most_and_nonsense_is_none() {
        let at = time("2026-11-21T12:00:00Z");
        let text =
            r#"{"a":"2026-11-21T12:59:00Z","b":"2026-11-23T00:00:00Z","c":"2026-11-21T12:00:00Z"}"#;
        assert_eq!(read_pauses(text, at), pauses(&[("a", 3540), ("b", 3600)]));
        for text in ["", "soon", "[]", r#"{"a":5}"#, r#"{"a":"tomorrow"}"#] {
            assert_eq!(read_pauses(text, at), BTreeMap::new(), "{text}");
        }
    }

    #[test]
    fn only_the_longest_pauses_are_written() {
        let at = time("2026-11-21T12:00:00Z");
        let many: BTreeMap<String, Duration> = (1..=30)
            .map(|n| (format!("host-{n:02}"), Duration::from_secs(n)))
            .collect();
        let text = pauses_text(&many, at).expect("a text");
        let read = read_pauses(&text, at);
        assert_eq!(read.len(), 20);
        assert!(read.values().all(|left| *left > Duration::from_secs(10)));
        // Nor are more read than are written.
        let ends: Vec<String> = many
            .keys()
            .map(|host| format!("\"{host}\":\"2026-11-21T12:30:00Z\""))
            .collect();
        let text = format!("{{{}}}", ends.join(","));
        assert_eq!(read_pauses(&text, at).len(), 20);
    }
}
