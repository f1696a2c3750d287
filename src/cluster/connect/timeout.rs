//! `--request-timeout`, with kubectl's syntax.

use std::str::FromStr;
use std::time::Duration;

/// How long one request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestTimeout {
    /// The flag was not given: the caller's default applies.
    #[default]
    Unset,
    /// `0`: no limit.
    Never,
    /// At most this long.
    After(Duration),
}

/// The text is not a valid timeout: a user error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid timeout value. Timeout must be a single integer in seconds, or an integer \
     followed by a corresponding time unit (e.g. 1s | 2m | 3h)"
)]
pub struct InvalidTimeout;

impl RequestTimeout {
    /// The limit, or `default` if the flag was not given; `None`: no limit.
    #[must_use]
    pub fn limit(self, default: Duration) -> Option<Duration> {
        match self {
            Self::Unset => Some(default),
            Self::Never => None,
            Self::After(limit) => Some(limit),
        }
    }
}

impl FromStr for RequestTimeout {
    type Err = InvalidTimeout;

    /// Parses whole seconds, or a Go duration such as `1m30s` or `500ms`. Zero and, as in
    /// kubectl, negative values mean no limit.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = match text.parse::<i64>() {
            Ok(seconds) => seconds as f64,
            Err(_) => go_duration(text).ok_or(InvalidTimeout)?,
        };
        if seconds <= 0.0 {
            return Ok(Self::Never);
        }
        Duration::try_from_secs_f64(seconds)
            .map(Self::After)
            .map_err(|_| InvalidTimeout)
    }
}

/// The seconds of a Go duration: numbers with units, after an optional sign.
fn go_duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_the_syntax_of_kubectl() {
        fn millis(millis: u64) -> RequestTimeout {
            RequestTimeout::After(Duration::from_millis(millis))
        }
        for (text, expected) in [
            ("30s", millis(30_000)),
            ("1m", millis(60_000)),
            ("1m30s", millis(90_000)),
            ("1.5h", millis(5_400_000)),
            ("500ms", millis(500)),
            ("7", millis(7_000)),
            ("0", RequestTimeout::Never),
            ("0s", RequestTimeout::Never),
            ("-1s", RequestTimeout::Never),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in [
            "", "s", "1", "abc", "1.5", "1d", "1s 2s", "1.2.3s", "-", "NaN", "inf",
        ] {
            let expected_good = text == "1";
            assert_eq!(
                text.parse::<RequestTimeout>().is_ok(),
                expected_good,
                "{text}"
            );
        }
    }

    #[test]
    fn default_applies_only_without_the_flag() {
        let default = Duration::from_secs(60);
        assert_eq!(RequestTimeout::Unset.limit(default), Some(default));
        assert_eq!(RequestTimeout::Never.limit(default), None);
        let after = Duration::from_secs(1);
        assert_eq!(RequestTimeout::After(after).limit(default), Some(after));
    }
}
