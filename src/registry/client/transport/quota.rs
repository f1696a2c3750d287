//! How many pulls a registry allows, if it reports that.
//!
//! Docker Hub sends `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining:
//! 76;w=21600` with each response about a manifest; a GET is counted, a HEAD is free.
//! Accounts without a limit get no such headers.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;

/// A limit as a host reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u64,
    remaining: u64,
    window: Duration,
}

impl Quota {
    /// Parses the headers of a response; `None` if one is missing or not a number, or
    /// has no window: limits without a window apply for seconds, and waiting after a 429
    /// is enough for them.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let (limit, window) = count_and_window(headers, "ratelimit-limit")?;
        let (remaining, _) = count_and_window(headers, "ratelimit-remaining")?;
        Some(Self {
            limit,
            remaining,
            window: window?,
        })
    }

    /// Whether no pulls are left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining == 0
    }

    /// The length of the window, after which all pulls are available again.
    pub(crate) fn window_text(&self) -> String {
        let window = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        format!("{window:#}")
    }
}

fn count_and_window(headers: &HeaderMap, name: &str) -> Option<(u64, Option<Duration>)> {
    let text = headers.get(name)?.to_str().ok()?;
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
    Some((count, window.map(Duration::from_secs)))
}

/// `100 pulls in 6h, of which 20`.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, window) = (self.limit, self.window_text());
        write!(f, "{limit} pulls in {window}, of which {}", self.remaining)
    }
}

/// Whether a pull may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullAdmission {
    Granted,
    /// Another pull, or another repository, has to end first.
    Wait,
    /// The remaining pulls are kept for others.
    Refused(Quota),
}

/// Whether a host counts pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PullCounting {
    /// Not known. This many pulls have ended without an indication.
    Unknown(u32),
    /// No: a response to a pull had no such headers.
    No,
    Yes(Quota),
}

/// After this many pulls without an indication, for example of manifests that do not
/// exist, the host is assumed not to count pulls.
const MAX_UNCLEAR: u32 = 3;

/// The pulls that a host allows, and those that are in use.
///
/// Exactly the allowed pulls are used: the remaining pulls are never overestimated as
/// long as nobody else pulls, and a waiting pull is refused only when no open one can
/// still turn out not to have been counted.
#[derive(Debug)]
pub(crate) struct PullBudget {
    counts: PullCounting,
    /// How often the known limit has changed.
    changes: u64,
    /// Pulls in progress; the quota already includes some of them.
    open: u64,
    spent: u64,
}

impl Default for PullBudget {
    fn default() -> Self {
        Self {
            counts: PullCounting::Unknown(0),
            changes: 0,
            open: 0,
            spent: 0,
        }
    }
}

impl PullBudget {
    /// The limit that the host reported last.
    pub(crate) fn quota(&self) -> Option<Quota> {
        match self.counts {
            PullCounting::Yes(quota) => Some(quota),
            PullCounting::Unknown(_) | PullCounting::No => None,
        }
    }

    /// Whether it is known if the host counts pulls.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.counts, PullCounting::Unknown(_))
    }

    /// How many pulls have begun.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }

    /// How often the known limit has changed: to be stored when a request is sent, and
    /// passed with its response.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Records the limit in a response to a request that was sent at `sent`.
    ///
    /// Responses may overtake each other. One to a request from before the last change
    /// may be older than that change, so it counts only if fewer pulls are left.
    pub(crate) fn record(&mut self, quota: Quota, sent: u64) {
        if let PullCounting::Yes(last) = self.counts
            && sent < self.changes
            && quota.remaining >= last.remaining
        {
            return;
        }
        self.change(PullCounting::Yes(quota));
    }

    /// Records a response to a pull without a limit.
    pub(crate) fn record_without_quota(&mut self, status: StatusCode) {
        if status.is_success() || status.is_redirection() {
            match self.counts {
                PullCounting::Unknown(_) => self.change(PullCounting::No),
                PullCounting::No => {}
                PullCounting::Yes(_) => self.take_one(),
            }
        } else if !matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
        ) {
            self.record_unclear();
        }
    }

    /// Records a response without a limit to a HEAD that was sent to find out the limit:
    /// hosts that count pulls also report their limit for a HEAD, which they do not
    /// count.
    pub(crate) fn record_scout_without_quota(&mut self, status: StatusCode) {
        if status.is_success() && matches!(self.counts, PullCounting::Unknown(_)) {
            self.change(PullCounting::No);
        }
    }

    /// Records a pull without a response. The host may have counted it.
    pub(crate) fn record_lost(&mut self) {
        self.record_unclear();
        self.take_one();
    }

    /// Begins a pull, unless it would use the reserve, a percentage of the limit. As
    /// long as the limit is not known, a single pull goes ahead. `admits` says whether it
    /// is this pull's turn, given how many more may begin (`None`: not known); if so, the
    /// pull begins.
    pub(crate) fn begin(
        &mut self,
        reserve: u8,
        admits: impl FnOnce(Option<u64>) -> bool,
    ) -> PullAdmission {
        let may_begin = match self.counts {
            PullCounting::No => true,
            PullCounting::Unknown(_) => self.open == 0 && admits(None),
            PullCounting::Yes(quota) => {
                let kept = quota.limit.saturating_mul(u64::from(reserve)).div_ceil(100);
                let left = quota.remaining.saturating_sub(kept);
                if left == 0 && self.open == 0 {
                    return PullAdmission::Refused(quota);
                }
                let free = left.saturating_sub(self.open);
                free > 0 && admits(Some(free))
            }
        };
        if !may_begin {
            return PullAdmission::Wait;
        }
        self.open += 1;
        self.spent += 1;
        PullAdmission::Granted
    }

    pub(crate) fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    fn record_unclear(&mut self) {
        if let PullCounting::Unknown(pulls) = self.counts {
            self.change(if pulls + 1 < MAX_UNCLEAR {
                PullCounting::Unknown(pulls + 1)
            } else {
                PullCounting::No
            });
        }
    }

    fn take_one(&mut self) {
        if let PullCounting::Yes(quota) = self.counts {
            self.change(PullCounting::Yes(Quota {
                remaining: quota.remaining.saturating_sub(1),
                ..quota
            }));
        }
    }

    fn change(&mut self, counts: PullCounting) {
        self.counts = counts;
        self.changes += 1;
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
    fn docker_hubs_headers_are_parsed() {
        let quota = quota("100;w=21600", "76;w=21600").expect("a quota");
        assert_eq!(quota.to_string(), "100 pulls in 6h, of which 76");
        assert_eq!(quota.window_text(), "6h");
    }

    #[test]
    fn headers_without_numbers_or_a_window_are_not_a_quota() {
        assert_eq!(quota("many", "1"), None);
        assert_eq!(quota("100", "-1"), None);
        assert_eq!(Quota::read(&HeaderMap::new()), None);
        assert_eq!(quota("100", "9"), None);
    }

    fn hub(remaining: u64) -> Quota {
        quota("100;w=21600", &format!("{remaining};w=21600")).expect("a quota")
    }

    fn known(remaining: u64) -> PullBudget {
        let mut budget = PullBudget::default();
        budget.record(hub(remaining), 0);
        budget
    }

    #[test]
    fn a_pull_waits_for_open_ones_and_is_refused_when_none_are_open() {
        let mut budget = known(23);
        let begin = |budget: &mut PullBudget| budget.begin(20, |_| true);
        assert_eq!(
            [0; 3].map(|_| begin(&mut budget)),
            [PullAdmission::Granted; 3]
        );
        assert_eq!(begin(&mut budget), PullAdmission::Wait);
        // One was not counted.
        budget.end();
        assert_eq!(begin(&mut budget), PullAdmission::Granted);
        assert_eq!(begin(&mut budget), PullAdmission::Wait);
        for remaining in [22, 21, 20] {
            budget.record(hub(remaining), budget.changes());
            assert_eq!(begin(&mut budget), PullAdmission::Wait, "{remaining}");
            budget.end();
        }
        assert_eq!(begin(&mut budget), PullAdmission::Refused(hub(20)));
        assert_eq!(budget.spent(), 4);
        assert_eq!(budget.begin(0, |_| true), PullAdmission::Granted);
    }

    #[test]
    fn one_pull_goes_ahead_until_it_is_known_whether_pulls_are_counted() {
        let statuses = [
            (200, true),
            (307, true),
            (401, false),
            (429, false),
            (404, false),
            (500, false),
        ];
        for (status, tells) in statuses {
            let mut budget = PullBudget::default();
            assert_eq!(
                budget.begin(20, |_| false),
                PullAdmission::Wait,
                "not its turn"
            );
            assert_eq!(budget.begin(20, |_| true), PullAdmission::Granted);
            assert_eq!(budget.begin(20, |_| true), PullAdmission::Wait);
            budget.record_without_quota(StatusCode::from_u16(status).expect("a status"));
            budget.end();
            assert_eq!(budget.is_known(), tells, "{status}");
            let next = budget.begin(20, |_| false) == PullAdmission::Granted;
            assert_eq!(next, tells, "{status}");
        }
        let mut budget = PullBudget::default();
        for _ in 0..MAX_UNCLEAR {
            assert_eq!(budget.begin(20, |_| true), PullAdmission::Granted);
            budget.record_without_quota(StatusCode::NOT_FOUND);
            budget.end();
        }
        assert_eq!(
            [0; 9].map(|_| budget.begin(20, |_| false)),
            [PullAdmission::Granted; 9]
        );
    }

    #[test]
    fn a_head_without_a_limit_means_that_pulls_are_not_counted() {
        for (status, tells) in [(200, true), (401, false), (404, false), (429, false)] {
            let mut budget = PullBudget::default();
            budget.record_scout_without_quota(StatusCode::from_u16(status).expect("a status"));
            assert_eq!(budget.is_known(), tells, "{status}");
        }
        let mut budget = known(23);
        budget.record_scout_without_quota(StatusCode::OK);
        assert_eq!(budget.quota(), Some(hub(23)));
    }

    #[test]
    fn a_pull_waits_for_its_turn_if_pulls_are_counted() {
        let mut budget = known(23);
        assert_eq!(budget.begin(20, |_| false), PullAdmission::Wait);
        assert_eq!(budget.begin(20, |_| true), PullAdmission::Granted);
        assert_eq!(
            known(20).begin(20, |_| false),
            PullAdmission::Refused(hub(20))
        );
    }

    #[test]
    fn the_lowest_limit_counts_if_responses_overtake_each_other() {
        let mut budget = PullBudget::default();
        let sent = budget.changes();
        for (remaining, left) in [(50, 50), (49, 49), (51, 49), (48, 48), (50, 48)] {
            budget.record(hub(remaining), sent);
            assert_eq!(budget.quota(), Some(hub(left)), "{remaining}");
        }
        // A new window.
        budget.record(hub(100), budget.changes());
        assert_eq!(budget.quota(), Some(hub(100)));
    }

    #[test]
    fn a_pull_that_may_have_been_counted_is_subtracted_until_the_host_reports() {
        let mut budget = known(30);
        let sent = budget.changes();
        budget.record_lost();
        budget.record_without_quota(StatusCode::OK);
        budget.record_without_quota(StatusCode::NOT_FOUND);
        budget.record(hub(30), sent);
        assert_eq!(budget.quota(), Some(hub(28)));
        budget.record(hub(29), budget.changes());
        assert_eq!(budget.quota(), Some(hub(29)));
    }

    #[test]
    fn a_reserve_of_everything_allows_nothing() {
        let refused = PullAdmission::Refused(hub(100));
        assert_eq!(known(100).begin(100, |_| true), refused);
    }

    /// The host counts pulls at any time, and responses come in any order: always
    /// exactly the allowed number is used.
    #[test]
    fn exactly_the_allowed_pulls_are_used_in_any_order_of_responses() {
        let mut dice: u64 = 1;
        let mut throw = |sides: usize| {
            dice = dice.wrapping_mul(6364136223846793005).wrapping_add(1);
            (dice >> 33) as usize % sides
        };
        for _ in 0..200 {
            let (mut budget, mut left, mut taken) = (PullBudget::default(), 100_u64, 0);
            // When it was sent, and the limit in its response once it is counted.
            let mut open: Vec<(u64, Option<u64>)> = Vec::new();
            loop {
                let admission = budget.begin(20, |_| true);
                match admission {
                    PullAdmission::Granted => {
                        taken += 1;
                        open.push((budget.changes(), None));
                        if throw(3) > 0 {
                            continue;
                        }
                    }
                    PullAdmission::Wait => {}
                    PullAdmission::Refused(_) => break,
                }
                for _ in 0..=throw(4) {
                    let at = throw(open.len().max(1));
                    match open.get_mut(at) {
                        Some((_, answer @ None)) => {
                            left -= 1;
                            *answer = Some(left);
                        }
                        Some((sent, Some(answer))) => {
                            budget.record(hub(*answer), *sent);
                            budget.end();
                            open.swap_remove(at);
                        }
                        None => {}
                    }
                }
            }
            assert_eq!((taken, left), (80, 20));
        }
    }
}
