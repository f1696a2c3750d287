//! How many updates may start within a minute.

use jiff::{SignedDuration, Timestamp};

use crate::plan::LastUpdate;
use crate::workload::Workload;

/// The length of the window.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// How much later than its record an update may have been written: the record has whole
/// seconds, and was made before the requests of the write.
const RECORD_SLACK: SignedDuration = SignedDuration::from_secs(10);

/// The updates of the last minute. In any 60 seconds, at most `max` are written: an update
/// counts from its start until a minute after its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRate {
    max: usize,
    /// How many have started and not ended.
    open: usize,
    /// When the others ended, at the latest.
    ended: Vec<Timestamp>,
}

impl UpdateRate {
    /// Begins after a restart or a change of leader. `max`: at least 1. `recorded`: when the
    /// workloads were updated by this controller, as their records say.
    #[must_use]
    pub fn after(max: usize, recorded: &[Timestamp]) -> Self {
        let ended = recorded.iter().map(|at| later(*at, RECORD_SLACK));
        Self {
            max: max.max(1),
            open: 0,
            ended: ended.collect(),
        }
    }

    /// Whether another update may start.
    ///
    /// # Errors
    ///
    /// When to ask again, if no other update ends before. Without a time: one of those that
    /// are being written has to end first.
    pub fn may_start(&self, now: Timestamp) -> Result<(), Option<Timestamp>> {
        let mut free_at: Vec<Timestamp> = self.ended.iter().map(|at| later(*at, WINDOW)).collect();
        free_at.retain(|at| *at > now);
        let used = self.open + free_at.len();
        let Some(too_many) = (used + 1).checked_sub(self.max).filter(|n| *n > 0) else {
            return Ok(());
        };
        free_at.sort_unstable();
        Err(free_at.get(too_many - 1).copied())
    }

    /// An update starts: call this before its first request.
    pub fn start(&mut self, now: Timestamp) {
        self.ended.retain(|at| later(*at, WINDOW) > now);
        self.open += 1;
    }

    /// An update that has started ended before its write.
    pub fn cancel(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// The write of an update ended, whatever its result; its rollout need not have.
    pub fn end(&mut self, now: Timestamp) {
        self.open = self.open.saturating_sub(1);
        self.ended.push(now);
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// When workloads were last updated by a writer of this name, after a time. Rollbacks count
/// too.
#[must_use]
pub fn past_updates<'w>(
    workloads: impl IntoIterator<Item = &'w Workload>,
    by: &str,
    after: Timestamp,
) -> Vec<Timestamp> {
    let records = workloads
        .into_iter()
        .filter_map(|workload| LastUpdate::from_annotations(&workload.annotations)?.ok());
    records
        .filter(|last| last.by == by && last.time > after)
        .map(|last| last.time)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).expect("a time")
    }

    #[test]
    fn slot_is_free_a_minute_after_the_end_of_the_write() {
        let mut rate = UpdateRate::after(2, &[]);
        rate.start(at(0));
        rate.end(at(500));
        rate.start(at(1_000));
        assert_eq!(
            rate.may_start(at(30_000)),
            Err(Some(at(60_500))),
            "one is open"
        );
        rate.end(at(2_000));
        assert_eq!(rate.may_start(at(60_499)), Err(Some(at(60_500))));
        assert_eq!(rate.may_start(at(60_500)), Ok(()));
        rate.start(at(60_500));
        assert_eq!(rate.may_start(at(60_501)), Err(Some(at(62_000))));
    }

    #[test]
    fn open_writes_have_to_end_first() {
        let mut rate = UpdateRate::after(1, &[]);
        rate.start(at(0));
        assert_eq!(rate.may_start(at(100_000)), Err(None));
        rate.end(at(100_000));
        assert_eq!(rate.may_start(at(160_000)), Ok(()));
    }

    #[test]
    fn records_of_an_earlier_leader_count_with_slack() {
        let rate = UpdateRate::after(1, &[at(0)]);
        assert_eq!(rate.may_start(at(69_999)), Err(Some(at(70_000))));
        assert_eq!(rate.may_start(at(70_000)), Ok(()));
        assert_eq!(
            UpdateRate::after(0, &[]).may_start(at(0)),
            Ok(()),
            "at least one"
        );
    }

    proptest! {
        /// Writes that take up to 10 s, at random times, with restarts in between, after which
        /// only the records are known.
        #[test]
        fn never_more_than_the_maximum_in_any_minute(
            max in 1..6usize,
            steps in prop::collection::vec((0..8_000i64, 0..9_000i64, 0..12u8), 1..150),
        ) {
            let mut rate = UpdateRate::after(max, &[]);
            let (mut now, mut patched, mut records) = (0, Vec::new(), Vec::new());
            let mut open: Vec<i64> = Vec::new();
            for (pause, length, restart) in steps {
                now += pause;
                open.retain(|end| {
                    if *end <= now {
                        rate.end(at(*end));
                    }
                    *end > now
                });
                // A new leader begins when the writes of the old one have ended.
                if restart == 0 {
                    now = open.drain(..).max().unwrap_or(now).max(now);
                    rate = UpdateRate::after(max, &records);
                }
                if rate.may_start(at(now)).is_ok() {
                    rate.start(at(now));
                    open.push(now + length);
                    // The patch arrives at any time of the write; the record has its start.
                    patched.push(now + length * i64::from(restart) / 12);
                    records.push(at(now / 1_000 * 1_000));
                }
            }
            patched.sort_unstable();
            for window in patched.windows(max + 1) {
                prop_assert!(window[max] - window[0] >= 60_000, "{patched:?}");
            }
        }

        #[test]
        fn time_in_the_answer_is_when_it_may_start(
            max in 1..4usize,
            ends in prop::collection::vec(0..100_000i64, 0..10),
            now in 0..200_000i64,
        ) {
            let mut rate = UpdateRate::after(max, &[]);
            for end in &ends {
                rate.end(at(*end));
            }
            if let Err(until) = rate.may_start(at(now)) {
                let until = until.expect("none is open");
                prop_assert!(until > at(now));
                prop_assert_eq!(rate.may_start(until), Ok(()));
                let before = until - SignedDuration::from_millis(1);
                prop_assert!(rate.may_start(before).is_err());
            }
        }
    }
}
