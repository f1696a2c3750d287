//! How many pulls a registry allows, where it tells.
//!
//! Docker Hub sends `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining:
//! 76;w=21600` with each answer about a manifest; only a GET counts, a HEAD is
//! free. Accounts without a limit get no such headers.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;

/// What a host said of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u64,
    remaining: u64,
    window: Duration,
}

impl Quota {
    /// Reads an answer's headers; `None` where one is missing or no number, or
    /// where no window is told: such limits hold for seconds, and are met by
    /// waiting after a 429.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
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

    /// Whether nothing is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining == 0
    }

    /// When it is whole again at the latest.
    pub(crate) fn window_text(&self) -> String {
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

/// Whether a pull may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullAdmission {
    Granted,
    /// Another pull, or another repository, has to end first.
    Wait,
    /// What is left is for others.
    Refused(Quota),
}

/// Whether a host counts pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PullCounting {
    /// It has not told. So many pulls have ended in a way that tells nothing.
    Unknown(u32),
    /// A pull was answered without a word of it.
    No,
    Yes(Quota),
}

/// After so many pulls that told nothing, such as of manifests that are not
/// there, the host is taken for one that does not count.
const MAX_UNCLEAR: u32 = 3;

/// What a host allows, and what is being taken from it.
///
/// Never more is taken than is allowed, nor is less: what is left is never taken
/// for more than it is, as long as nobody else pulls; and a pull that has to wait
/// is refused only when no open one can still turn out not to have counted.
#[derive(Debug)]
pub(crate) struct PullBudget {
    counts: PullCounting,
    /// How often what is known has changed.
    changes: u64,
    /// Pulls that are under way; the quota tells of some of them.
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
    /// What the host told last.
    pub(crate) fn quota(&self) -> Option<Quota> {
        match self.counts {
            PullCounting::Yes(quota) => Some(quota),
            PullCounting::Unknown(_) | PullCounting::No => None,
        }
    }

    /// Whether it is known that the host counts pulls, or that it does not.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.counts, PullCounting::Unknown(_))
    }

    /// How many pulls were begun.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }

    /// How often what is known has changed: to be kept with a request when it is
    /// sent, and given back with its answer.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// An answer told what is left, to a request that was sent at `sent`.
    ///
    /// Answers overtake each other. One to a request that was sent before the
    /// last change may be older than that, so it counts only if less is left.
    pub(crate) fn told(&mut self, quota: Quota, sent: u64) {
        if let PullCounting::Yes(last) = self.counts
            && sent < self.changes
            && quota.remaining >= last.remaining
        {
            return;
        }
        self.change(PullCounting::Yes(quota));
    }

    /// A pull was answered without telling what is left.
    pub(crate) fn untold(&mut self, status: StatusCode) {
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
            self.unclear();
        }
    }

    /// A HEAD of a manifest was answered without telling what is left, after it was
    /// asked to find that out: hosts that count pulls tell with a HEAD, too, which
    /// they do not count.
    pub(crate) fn untold_by_scout(&mut self, status: StatusCode) {
        if status.is_success() && matches!(self.counts, PullCounting::Unknown(_)) {
            self.change(PullCounting::No);
        }
    }

    /// A pull has no answer. The host may have counted it.
    pub(crate) fn lost(&mut self) {
        self.unclear();
        self.take_one();
    }

    /// Begins a pull, unless it would touch the reserve: that many percent of the
    /// limit. As long as nothing is known, one pull goes ahead. `admits` says
    /// whose turn it is, where so many more may begin, or nobody knows; who is
    /// told that it is its turn begins.
    pub(crate) fn begin(
        &mut self,
        reserve: u8,
        admits: impl FnOnce(Option<u64>) -> bool,
    ) -> PullAdmission {
        let may = match self.counts {
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
        if !may {
            return PullAdmission::Wait;
        }
        self.open += 1;
        self.spent += 1;
        PullAdmission::Granted
    }

    pub(crate) fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    fn unclear(&mut self) {
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

    fn hub(remaining: u64) -> Quota {
        quota("100;w=21600", &format!("{remaining};w=21600")).expect("a quota")
    }

    fn told(remaining: u64) -> PullBudget {
        let mut budget = PullBudget::default();
        budget.told(hub(remaining), 0);
        budget
    }

    #[test]
    fn a_pull_waits_for_open_ones_and_is_refused_when_none_can_free_its_place() {
        let mut budget = told(23);
        let begin = |budget: &mut PullBudget| budget.begin(20, |_| true);
        assert_eq!(
            [0; 3].map(|_| begin(&mut budget)),
            [PullAdmission::Granted; 3]
        );
        assert_eq!(begin(&mut budget), PullAdmission::Wait);
        // One did not count in the end.
        budget.end();
        assert_eq!(begin(&mut budget), PullAdmission::Granted);
        assert_eq!(begin(&mut budget), PullAdmission::Wait);
        for remaining in [22, 21, 20] {
            budget.told(hub(remaining), budget.changes());
            assert_eq!(begin(&mut budget), PullAdmission::Wait, "{remaining}");
            budget.end();
        }
        assert_eq!(begin(&mut budget), PullAdmission::Refused(hub(20)));
        assert_eq!(budget.spent(), 4);
        assert_eq!(budget.begin(0, |_| true), PullAdmission::Granted);
    }

    #[test]
    fn one_pull_goes_ahead_until_it_is_known_whether_pulls_count() {
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
            budget.untold(StatusCode::from_u16(status).expect("a status"));
            budget.end();
            assert_eq!(budget.is_known(), tells, "{status}");
            let next = budget.begin(20, |_| false) == PullAdmission::Granted;
            assert_eq!(next, tells, "{status}");
        }
        let mut budget = PullBudget::default();
        for _ in 0..MAX_UNCLEAR {
            assert_eq!(budget.begin(20, |_| true), PullAdmission::Granted);
            budget.untold(StatusCode::NOT_FOUND);
            budget.end();
        }
        assert_eq!(
            [0; 9].map(|_| budget.begin(20, |_| false)),
            [PullAdmission::Granted; 9]
        );
    }

    #[test]
    fn a_scout_that_is_told_nothing_says_that_pulls_do_not_count() {
        for (status, tells) in [(200, true), (401, false), (404, false), (429, false)] {
            let mut budget = PullBudget::default();
            budget.untold_by_scout(StatusCode::from_u16(status).expect("a status"));
            assert_eq!(budget.is_known(), tells, "{status}");
        }
        let mut budget = told(23);
        budget.untold_by_scout(StatusCode::OK);
        assert_eq!(budget.quota(), Some(hub(23)));
    }

    #[test]
    fn who_is_not_first_waits_where_pulls_count() {
        let mut budget = told(23);
        assert_eq!(budget.begin(20, |_| false), PullAdmission::Wait);
        assert_eq!(budget.begin(20, |_| true), PullAdmission::Granted);
        assert_eq!(
            told(20).begin(20, |_| false),
            PullAdmission::Refused(hub(20))
        );
    }

    #[test]
    fn answers_that_overtake_each_other_leave_the_least() {
        let mut budget = PullBudget::default();
        let sent = budget.changes();
        for (remaining, left) in [(50, 50), (49, 49), (51, 49), (48, 48), (50, 48)] {
            budget.told(hub(remaining), sent);
            assert_eq!(budget.quota(), Some(hub(left)), "{remaining}");
        }
        // A new window.
        budget.told(hub(100), budget.changes());
        assert_eq!(budget.quota(), Some(hub(100)));
    }

    #[test]
    fn what_may_have_counted_is_taken_for_counted_until_the_host_tells() {
        let mut budget = told(30);
        let sent = budget.changes();
        budget.lost();
        budget.untold(StatusCode::OK);
        budget.untold(StatusCode::NOT_FOUND);
        budget.told(hub(30), sent);
        assert_eq!(budget.quota(), Some(hub(28)));
        budget.told(hub(29), budget.changes());
        assert_eq!(budget.quota(), Some(hub(29)));
    }

    #[test]
    fn a_reserve_of_everything_allows_nothing() {
        let refused = PullAdmission::Refused(hub(100));
        assert_eq!(told(100).begin(100, |_| true), refused);
    }

    /// Pulls that are counted at a time of their own, and answers that come in
    /// any order: always as many as are allowed.
    #[test]
    fn exactly_what_is_allowed_is_taken_however_answers_come() {
        let mut dice: u64 = 1;
        let mut throw = |sides: usize| {
            dice = dice.wrapping_mul(6364136223846793005).wrapping_add(1);
            (dice >> 33) as usize % sides
        };
        for _ in 0..200 {
            let (mut budget, mut left, mut taken) = (PullBudget::default(), 100_u64, 0);
            // When it was sent, and what its answer says once it is counted.
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
                            budget.told(hub(*answer), *sent);
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
