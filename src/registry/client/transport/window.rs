//! How many requests one host gets at a time: more while it keeps up, fewer
//! once it complains or lets them wait in a queue.

use std::time::Duration;

/// What a host gets at first.
const START: usize = 32;
/// How many times as long as the quickest half of the answers may take before
/// the window grows no further.
const SLOW: f64 = 2.0;
/// How many times as long, for two rounds, is taken for a queue.
const QUEUED: f64 = 3.0;
/// A window of half the size that makes answers no quicker than this part of
/// what they took has shown that they did not wait in a queue.
const NO_QUICKER: f64 = 0.75;

/// What was asked. Answers of one kind take about as long, so each is compared
/// with the quickest of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Whether something is there.
    Head,
    /// A manifest, which the host may count as a pull.
    Manifest,
    /// Content that is stored as it is.
    Content,
    /// A list, a token.
    Other,
}

const KINDS: usize = RequestKind::Other as usize + 1;

/// An answer to a request, as far as it tells whether the host keeps up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseTiming {
    pub(crate) kind: RequestKind,
    /// How long it took to begin.
    pub(crate) took: Duration,
    /// Whether as many requests were open as may be. Where they were not, more of
    /// them may or may not be welcome.
    pub(crate) full: bool,
}

/// How the window has grown so far.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Nothing was too much yet: twice as large with each round.
    Doubling,
    /// Something was: larger by one with each round.
    Careful,
    /// It was halved because of a queue, and the next round shows whether there
    /// is one: from this size, where answers took so many times as long.
    Doubting { size: usize, slowness: f64 },
}

/// The number of requests that may be open, and how it changes. Arithmetic
/// alone; [`super::host::Host`] keeps to it.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    most: usize,
    phase: Phase,
    /// How often it was made smaller, or had been so in vain. An answer to a
    /// request that was sent before the last time tells nothing of the window as
    /// it is now.
    age: u32,
    quickest: [Option<Duration>; KINDS],
    /// How many times as long as the quickest the answers take without a queue.
    usual: f64,
    /// Whether the last round was so slow that another one shows a queue.
    was_slow: bool,
    /// Of the answers of this round, how many times as long as the quickest each
    /// took; as many answers as the window is large make a round.
    round: Vec<f64>,
    /// How many of them came while the window was full.
    full: usize,
}

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            size: start(most),
            most,
            phase: Phase::Doubling,
            age: 0,
            quickest: [None; KINDS],
            usual: 1.0,
            was_slow: false,
            round: Vec::new(),
            full: 0,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// To be kept with a request when it is sent.
    pub(crate) fn age(&self) -> u32 {
        self.age
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, age: u32, timing: ResponseTiming) {
        let quickest = &mut self.quickest[timing.kind as usize];
        let least = quickest.map_or(timing.took, |least| least.min(timing.took));
        *quickest = Some(least);
        if age != self.age {
            return;
        }
        // What takes less than a millisecond is no sign of anything.
        let least = least.max(Duration::from_millis(1));
        self.round.push(timing.took.div_duration_f64(least));
        self.full += usize::from(timing.full);
        if self.round.len() >= self.size {
            self.end_round();
        }
    }

    /// The host said that it is asked too much. Only half as many from now on,
    /// and never again as many as were too many: each complaint costs a pause,
    /// and they become longer.
    pub(crate) fn complained(&mut self, age: u32) {
        if age != self.age {
            return;
        }
        self.most = (self.size * 3 / 4).max(1);
        self.phase = Phase::Careful;
        self.resize(self.size / 2);
    }

    fn end_round(&mut self) {
        let middle = self.round.len() / 2;
        let (_, slowness, _) = self.round.select_nth_unstable_by(middle, f64::total_cmp);
        let slowness = *slowness;
        // Otherwise the round says nothing.
        let was_full = 2 * self.full >= self.round.len();
        self.round.clear();
        self.full = 0;
        if !was_full {
            return;
        }
        if let Phase::Doubting {
            size,
            slowness: was,
        } = self.phase
        {
            if slowness > was * NO_QUICKER {
                // It takes as long with half as many: they waited in no queue.
                self.usual = slowness;
                self.phase = Phase::Doubling;
                self.resize(size);
                return;
            }
            self.phase = Phase::Careful;
            self.was_slow = true;
        }
        let slowness = slowness / self.usual;
        let is_slow = slowness > QUEUED;
        if is_slow && self.was_slow && self.size > 1 {
            self.phase = Phase::Doubting {
                size: self.size,
                slowness: slowness * self.usual,
            };
            self.resize(self.size / 2);
            return;
        }
        self.was_slow = is_slow;
        if slowness > SLOW {
            return;
        }
        let larger = match self.phase {
            Phase::Doubling => self.size * 2,
            Phase::Careful | Phase::Doubting { .. } => self.size + 1,
        };
        self.size = larger.min(self.most).max(self.size);
    }

    /// Another size, and a new round; what is on its way does not count for it.
    fn resize(&mut self, size: usize) {
        self.size = size.max(1);
        self.age = self.age.saturating_add(1);
        self.was_slow = false;
        self.round.clear();
        self.full = 0;
    }
}

/// How many requests a host gets at first, where it may get so many at most.
pub(crate) fn start(most: usize) -> usize {
    most.clamp(1, START)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn heard(milliseconds: u64) -> ResponseTiming {
        ResponseTiming {
            kind: RequestKind::Manifest,
            took: Duration::from_millis(milliseconds),
            full: true,
        }
    }

    /// As many answers as the window is large, each after so long.
    fn round(window: &mut Window, milliseconds: u64) {
        for _ in 0..window.size() {
            window.answered(window.age(), heard(milliseconds));
        }
    }

    /// A host that serves so many requests at a time, each in 50 ms, and lets the
    /// others wait, is asked so often; the sizes of the window at each answer, and
    /// how long all took, in milliseconds.
    fn queue(window: &mut Window, workers: usize, answers: usize) -> (Vec<usize>, u64) {
        let mut busy_until = vec![0_u64; workers];
        let mut open: VecDeque<(u32, u64)> = VecDeque::new();
        let mut sizes = Vec::new();
        let mut now = 0;
        for _ in 0..answers {
            while open.len() < window.size() {
                open.push_back((window.age(), now));
            }
            let full = open.len() == window.size();
            let (age, sent) = open.pop_front().expect("the window is never closed");
            let worker = busy_until.iter_mut().min().expect("workers");
            *worker = sent.max(*worker) + 50;
            now = *worker;
            let milliseconds = now - sent;
            window.answered(
                age,
                ResponseTiming {
                    full,
                    ..heard(milliseconds)
                },
            );
            sizes.push(window.size());
        }
        (sizes, now)
    }

    #[test]
    fn it_starts_within_its_bound() {
        for (most, size) in [(0, 1), (1, 1), (8, 8), (32, 32), (128, 32), (256, 32)] {
            assert_eq!(Window::new(most).size(), size, "{most}");
        }
    }

    #[test]
    fn it_doubles_with_each_round_up_to_its_bound() {
        let mut window = Window::new(128);
        for size in [64, 128, 128] {
            round(&mut window, 50);
            assert_eq!(window.size(), size);
        }
        let mut window = Window::new(100);
        for size in [64, 100, 100] {
            round(&mut window, 50);
            assert_eq!(window.size(), size);
        }
        let mut window = Window::new(4);
        round(&mut window, 50);
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn a_round_that_was_mostly_not_full_says_nothing() {
        let mut window = Window::new(128);
        for full in [16, 15] {
            let mut window = Window::new(128);
            for at in 0..32 {
                let full = at < full;
                window.answered(0, ResponseTiming { full, ..heard(50) });
            }
            assert_eq!(window.size(), if full == 16 { 64 } else { 32 });
        }
        for _ in 0..1000 {
            let full = false;
            window.answered(0, ResponseTiming { full, ..heard(500) });
        }
        assert_eq!((window.size(), window.age()), (32, 0));
    }

    #[test]
    fn it_does_not_grow_while_half_of_the_answers_take_more_than_twice_the_least() {
        for (slow, size) in [(15, 64), (16, 32), (17, 32)] {
            let mut window = Window::new(128);
            for at in 0..32 {
                let time = if at < 32 - slow { 50 } else { 101 };
                window.answered(0, heard(time));
            }
            assert_eq!(window.size(), size, "{slow} of 32");
        }
        let mut window = Window::new(128);
        round(&mut window, 50);
        for _ in 0..10 {
            round(&mut window, 120);
        }
        assert_eq!(window.size(), 64);
        round(&mut window, 100);
        assert_eq!(window.size(), 128);
    }

    #[test]
    fn each_kind_of_answer_has_its_own_least() {
        let mut window = Window::new(128);
        let kinds = [
            (RequestKind::Head, 10),
            (RequestKind::Manifest, 50),
            (RequestKind::Content, 150),
            (RequestKind::Other, 400),
        ];
        for _ in 0..8 {
            for (kind, milliseconds) in kinds {
                let answer = heard(milliseconds);
                window.answered(0, ResponseTiming { kind, ..answer });
            }
        }
        assert_eq!(window.size(), 64);
    }

    #[test]
    fn times_below_a_millisecond_are_all_alike() {
        let mut window = Window::new(128);
        for at in 0..32 {
            let took = Duration::from_micros(if at == 0 { 10 } else { 900 });
            window.answered(0, ResponseTiming { took, ..heard(0) });
        }
        assert_eq!(window.size(), 64);
    }

    #[test]
    fn where_requests_wait_in_a_queue_it_settles_low_and_no_worker_is_idle() {
        for workers in [1, 2, 3, 4, 8, 12, 16, 30] {
            let mut window = Window::new(128);
            let (sizes, took) = queue(&mut window, workers, 4000);
            let most = sizes.iter().max().expect("answers");
            assert!(*most <= 64.max(5 * workers), "{workers}: {most}");
            let settled = &sizes[2000..];
            let (least, most) = (settled.iter().min(), settled.iter().max());
            let (least, most) = least.zip(most).expect("answers");
            assert!(*least >= workers, "{workers}: {least}");
            assert!(*most <= 4 * workers, "{workers}: {most}");
            let ideal = 4000 * 50 / workers as u64;
            assert!(
                took <= ideal * 21 / 20,
                "{workers}: {took} ms of {ideal} ms"
            );
        }
    }

    #[test]
    fn a_host_that_has_recovered_from_a_queue_gets_more_again_one_by_one() {
        let mut window = Window::new(128);
        queue(&mut window, 8, 1000);
        let settled = window.size();
        round(&mut window, 50);
        for more in 1..=4 {
            assert_eq!(window.size(), settled + more);
            round(&mut window, 50);
        }
    }

    #[test]
    fn answers_that_are_slow_without_a_queue_do_not_keep_it_small() {
        // One quick answer, from a cache on the way.
        let mut window = Window::new(128);
        window.answered(0, heard(5));
        let mut sizes = Vec::new();
        for _ in 0..8 {
            sizes.push(window.size());
            round(&mut window, 50);
        }
        assert_eq!(sizes, [32, 32, 16, 32, 64, 128, 128, 128]);
    }

    #[test]
    fn new_connections_that_take_longer_are_no_queue() {
        let mut window = Window::new(128);
        let mut sizes = Vec::new();
        // The first answer over each connection takes four times as long.
        for open in [1, 32, 32, 64, 64, 128] {
            sizes.push(window.size());
            let size = window.size();
            for at in 0..size {
                window.answered(window.age(), heard(if at < open { 50 } else { 200 }));
            }
        }
        assert_eq!(sizes, [32, 32, 64, 64, 128, 128]);
    }

    #[test]
    fn it_halves_once_for_all_that_was_sent_before() {
        let mut window = Window::new(128);
        let sent = window.age();
        for _ in 0..32 {
            window.complained(sent);
            window.answered(sent, heard(50));
        }
        assert_eq!(window.size(), 16);
        window.complained(window.age());
        assert_eq!(window.size(), 8);
    }

    #[test]
    fn after_a_complaint_it_grows_by_one_a_round_and_stays_below_what_was_too_much() {
        let mut window = Window::new(128);
        window.complained(window.age());
        for size in [17, 18, 19, 20, 21, 22, 23, 24, 24, 24] {
            round(&mut window, 50);
            assert_eq!(window.size(), size);
        }
    }

    #[test]
    fn it_never_closes() {
        let mut window = Window::new(128);
        for _ in 0..100 {
            window.complained(window.age());
            assert!(window.size() >= 1);
        }
        for milliseconds in (50..10_000).step_by(50) {
            round(&mut window, milliseconds);
            assert_eq!(window.size(), 1);
        }
    }
}
