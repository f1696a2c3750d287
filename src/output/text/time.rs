//! Times in human-readable form.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time since `then`, in kubectl's format: `42s`, `5m30s`, `3h`, `5d`, `2y40d`.
/// A time in the future is `0s` if it is at most a second away, otherwise
/// `<invalid>`.
///
/// The thresholds are those of `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> String {
    format_duration(now.as_second() - then.as_second())
}

/// The time until `then`, in the same format; `0s` if it has passed.
#[must_use]
pub fn until(then: Timestamp, now: Timestamp) -> String {
    format_duration((then.as_second() - now.as_second()).max(0))
}

fn format_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        _ if seconds < 60 * 2 => format!("{seconds}s"),
        _ if minutes < 10 => format_units((minutes, 'm'), (seconds % 60, 's')),
        _ if minutes < 60 * 3 => format!("{minutes}m"),
        _ if hours < 8 => format_units((hours, 'h'), (minutes % 60, 'm')),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => format_units((days, 'd'), (hours % 24, 'h')),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => format_units((days / 365, 'y'), (days % 365, 'd')),
        _ => format!("{}y", days / 365),
    }
}

/// Formats two units; the smaller one is left out if it is zero.
fn format_units(large: (i64, char), small: (i64, char)) -> String {
    if small.0 == 0 {
        format!("{}{}", large.0, large.1)
    } else {
        format!("{}{}{}{}", large.0, large.1, small.0, small.1)
    }
}

/// `2026-11-21T12:00:00Z`: RFC 3339 in UTC with whole seconds.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    format_time(time, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-21 12:00`, in UTC, for a table column.
#[must_use]
pub(crate) fn minute(time: Timestamp) -> String {
    format_time(time, "%Y-%m-%d %H:%M")
}

fn format_time(time: Timestamp, format: &str) -> String {
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_look_as_in_kubectl() {
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
            assert_eq!(format_duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn times_have_whole_seconds() {
        let time: Timestamp = "2026-11-21T13:00:00.987+01:00".parse().expect("a time");
        assert_eq!(rfc3339(time), "2026-11-21T12:00:00Z");
        assert_eq!(minute(time), "2026-11-21 12:00");
    }
}
