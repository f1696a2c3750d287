//! Times and numbers for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long ago something was, in kubectl's words: `42s`, `5m30s`, `3h`, `5d`,
/// `2y40d`. A time in the future is `0s` within a second, else `<invalid>`.
///
/// The steps are those of `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> String {
    human(now.as_second() - then.as_second())
}

/// How long it takes until something happens, in the same words; `0s` where it
/// has happened.
#[must_use]
pub fn until(then: Timestamp, now: Timestamp) -> String {
    human((then.as_second() - now.as_second()).max(0))
}

fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    // The second part is shown only where it is not zero.
    let pair = |large: i64, unit: char, small: i64, part: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{part}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        _ if seconds < 60 * 2 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, 'm', seconds % 60, 's'),
        _ if minutes < 60 * 3 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => pair(days, 'd', hours % 24, 'h'),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

/// `2026-11-21T12:00:00Z`: RFC 3339 in UTC with whole seconds.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    formatted(time, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-21 12:00`, in UTC, for a column.
#[must_use]
pub(crate) fn minute(time: Timestamp) -> String {
    formatted(time, "%Y-%m-%d %H:%M")
}

fn formatted(time: Timestamp, format: &str) -> String {
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// A number with its thousands apart: `1,204`.
#[must_use]
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its noun: `1 tag`, `1,204 tags`.
#[must_use]
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_in_kubectl() {
        const H: i64 = 3600;
        const D: i64 = 24 * H;
        for (seconds, expected) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (330, "5m30s"),
            (600, "10m"),
            (3 * H - 1, "179m"),
            (3 * H, "3h"),
            (3 * H + 60, "3h1m"),
            (8 * H + 60, "8h"),
            (48 * H - 1, "47h"),
            (48 * H, "2d"),
            (49 * H, "2d1h"),
            (8 * D + H, "8d"),
            (2 * 365 * D - 1, "729d"),
            (2 * 365 * D, "2y"),
            ((2 * 365 + 40) * D, "2y40d"),
            ((8 * 365 + 40) * D, "8y"),
        ] {
            assert_eq!(human(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn times_have_whole_seconds() {
        let time: Timestamp = "2026-11-21T13:00:00.987+01:00".parse().expect("a time");
        assert_eq!(rfc3339(time), "2026-11-21T12:00:00Z");
        assert_eq!(minute(time), "2026-11-21 12:00");
    }

    #[test]
    fn thousands_are_apart() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1204, "1,204"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(thousands(number), expected);
        }
        assert_eq!(count(1, "tag"), "1 tag");
        assert_eq!(count(0, "tag"), "0 tags");
    }
}
