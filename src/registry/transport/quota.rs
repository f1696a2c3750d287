//! How many pulls a registry allows, where it tells.
//!
//! Docker Hub sends `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining:
//! 76;w=21600` with each answer about a manifest; only a GET counts, a HEAD is
//! free. Accounts without a limit get no such headers.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use jiff::SignedDuration;

/// What a host said of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    limit: u64,
    remaining: u64,
    window: Duration,
}

impl Quota {
    /// Reads an answer's headers; `None` where one is missing or no number, or
    /// where no window is told: such limits hold for seconds, and are met by
    /// waiting after a 429.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let field = |name: &str| {
            let text = headers.get(name)?.to_str().ok()?;
            let mut parts = text.split(';').map(str::trim);
            let count: u64 = parts.next()?.parse().ok()?;
            let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
            Some((count, window.map(Duration::from_secs)))
        };
        let (limit, window) = field("ratelimit-limit")?;
        let (remaining, _) = field("ratelimit-remaining")?;
        Some(Self {
            limit,
            remaining,
            window: window?,
        })
    }

    /// When it is whole again at the latest.
    pub(super) fn window_text(&self) -> String {
        let window = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        format!("{window:#}")
    }
}

/// `100 pulls in 6h, of which 20`.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, window) = (self.limit, self.window_text());
        write!(f, "{limit} pulls in {window}, of which {}", self.remaining)
    }
}

/// A quota, and what is being taken from it.
#[derive(Debug, Default)]
pub(super) struct Ration {
    quota: Option<Quota>,
    /// Pulls that are under way, which the quota does not tell of yet.
    open: u64,
    spent: u64,
}

impl Ration {
    pub(super) fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// How many pulls were begun.
    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    pub(super) fn told(&mut self, quota: Quota) {
        self.quota = Some(quota);
    }

    /// Begins a pull, unless it would touch the reserve.
    pub(super) fn begin(&mut self, reserve: u8) -> Result<(), Quota> {
        if let Some(quota) = self.quota {
            let kept = quota.limit.saturating_mul(u64::from(reserve)).div_ceil(100);
            if quota.remaining.saturating_sub(self.open) <= kept {
                return Err(quota);
            }
        }
        self.open += 1;
        self.spent += 1;
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(limit: &str, remaining: &str) -> Option<Quota> {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", limit.parse().expect("a value"));
        headers.insert("ratelimit-remaining", remaining.parse().expect("a value"));
        Quota::read(&headers)
    }

    #[test]
    fn the_headers_of_docker_hub_are_read() {
        let quota = quota("100;w=21600", "76;w=21600").expect("a quota");
        assert_eq!(quota.to_string(), "100 pulls in 6h, of which 76");
        assert_eq!(quota.window_text(), "6h");
    }

    #[test]
    fn what_is_no_number_is_no_quota() {
        assert_eq!(quota("many", "1"), None);
        assert_eq!(quota("100", "-1"), None);
        assert_eq!(Quota::read(&HeaderMap::new()), None);
        assert_eq!(quota("100", "9"), None);
    }

    #[test]
    fn pulls_stop_at_the_reserve_with_those_under_way_counted() {
        let mut ration = Ration::default();
        assert_eq!(ration.begin(20), Ok(()), "nothing is known yet");
        ration.end();
        let told = quota("100;w=21600", "23;w=21600").expect("a quota");
        ration.told(told);
        assert_eq!([0; 3].map(|_| ration.begin(20)), [Ok(()); 3]);
        assert_eq!(ration.begin(20), Err(told));
        ration.end();
        assert_eq!(ration.begin(20), Ok(()), "one did not count in the end");
        assert_eq!(ration.spent(), 5);
        assert_eq!(ration.begin(0), Ok(()));
    }

    #[test]
    fn a_reserve_of_everything_allows_nothing() {
        let mut ration = Ration::default();
        let told = quota("100;w=60", "100;w=60").expect("a quota");
        ration.told(told);
        assert_eq!(ration.begin(100), Err(told));
    }
}
