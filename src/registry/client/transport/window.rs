//! How many concurrent requests one host gets: more while it keeps up, fewer after it
//! complains or queues them.

use std::time::Duration;

/// The initial size of the window.
const START: usize = 32;
/// The window stops growing if half of the responses take more than this multiple of
/// the fastest one.
const SLOW: f64 = 2.0;
/// This multiple of the fastest response for two rounds is considered a queue.
const QUEUED: f64 = 3.0;
/// If responses with a window of half the size take more than this fraction of the
/// time before, they did not wait in a queue.
const NO_FASTER: f64 = 0.75;

/// What a request is for. Responses of one kind take about the same time, so each is
/// compared with the fastest of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Whether something exists.
    Head,
    /// A manifest, which the host may count as a pull.
    Manifest,
    /// A blob, which is stored as it is.
    Content,
    /// A list, a token.
    Other,
}

const KINDS: usize = RequestKind::Other as usize + 1;

/// The timing of a response, which shows whether the host keeps up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseTiming {
    pub(crate) kind: RequestKind,
    /// How long the response took to begin.
    pub(crate) took: Duration,
    /// Whether the maximum number of requests was open. If not, the timing does not say
    /// whether the host could handle more.
    pub(crate) is_full: bool,
}

/// How the window grows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The host has never been overloaded: the window doubles with each round.
    Doubling,
    /// The host has been overloaded: the window grows by one with each round.
    Careful,
    /// The window was halved because of a possible queue, and the next round shows
    /// whether there is one: the size before, and the slowness of the responses then.
    Testing { size: usize, slowness: f64 },
}

/// The number of requests that may be open, and how it changes. Only arithmetic;
/// [`super::host::Host`] applies it.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    most: usize,
    phase: Phase,
    /// How often the size was reduced or restored. A response to a request from before
    /// the last change says nothing about the current size.
    age: u32,
    fastest: [Option<Duration>; KINDS],
    /// The slowness of the responses without a queue, as a multiple of the fastest.
    usual: f64,
    /// Whether the last round was so slow that another such round shows a queue.
    was_slow: bool,
    /// The slowness of each response of this round, as a multiple of the fastest; a
    /// round has as many responses as the size of the window.
    round: Vec<f64>,
    /// How many of them arrived while the window was full.
    full: usize,
}

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            size: initial_size(most),
            most,
            phase: Phase::Doubling,
            age: 0,
            fastest: [None; KINDS],
            usual: 1.0,
            was_slow: false,
            round: Vec::new(),
            full: 0,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// To be stored when a request is sent.
    pub(crate) fn age(&self) -> u32 {
        self.age
    }

    /// Records a response.
    pub(crate) fn record(&mut self, age: u32, timing: ResponseTiming) {
        let fastest = &mut self.fastest[timing.kind as usize];
        let least = fastest.map_or(timing.took, |least| least.min(timing.took));
        *fastest = Some(least);
        if age != self.age {
            return;
        }
        // Times below a millisecond are not significant.
        let least = least.max(Duration::from_millis(1));
        self.round.push(timing.took.div_duration_f64(least));
        self.full += usize::from(timing.is_full);
        if self.round.len() >= self.size {
            self.end_round();
        }
    }

    /// Records that the host is overloaded. The window is halved, and never again grows
    /// to the size that was too large, because each complaint causes a pause, and the
    /// pauses become longer.
    pub(crate) fn record_complaint(&mut self, age: u32) {
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
        // A round that was mostly not full is not significant.
        let was_full = 2 * self.full >= self.round.len();
        self.round.clear();
        self.full = 0;
        if !was_full {
            return;
        }
        if let Phase::Testing {
            size,
            slowness: was,
        } = self.phase
        {
            if slowness > was * NO_FASTER {
                // Half as many requests take as long, so there is no queue.
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
            self.phase = Phase::Testing {
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
            Phase::Careful | Phase::Testing { .. } => self.size + 1,
        };
        self.size = larger.min(self.most).max(self.size);
    }

    /// Changes the size and starts a new round; open requests do not count for it.
    fn resize(&mut self, size: usize) {
        self.size = size.max(1);
        self.age = self.age.saturating_add(1);
        self.was_slow = false;
        self.round.clear();
        self.full = 0;
    }
}

/// The initial size of a window with this maximum.
pub(crate) fn initial_size(most: usize) -> usize {
    most.clamp(1, START)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn timing(milliseconds: u64) -> ResponseTiming {
        ResponseTiming {
            kind: RequestKind::Manifest,
            took: Duration::from_millis(milliseconds),
            is_full: true,
        }
    }

    /// One round of responses, each after this time.
    fn round(window: &mut Window, milliseconds: u64) {
        for _ in 0..window.size() {
            window.record(window.age(), timing(milliseconds));
        }
    }

    /// Simulates a host that handles `workers` requests at a time, each in 50 ms, and
    /// queues the others; returns the size of the window at each response and the total
    /// time in milliseconds.
    fn queue(window: &mut Window, workers: usize, answers: usize) -> (Vec<usize>, u64) {
        let mut busy_until = vec![0_u64; workers];
        let mut open: VecDeque<(u32, u64)> = VecDeque::new();
        let mut sizes = Vec::new();
        let mut now = 0;
        for _ in 0..answers {
            while open.len() < window.size() {
                open.push_back((window.age(), now));
            }
            let is_full = open.len() == window.size();
            let (age, sent) = open.pop_front().expect("the window is never closed");
            let worker = busy_until.iter_mut().min().expect("workers");
            *worker = sent.max(*worker) + 50;
            now = *worker;
            let milliseconds = now - sent;
            window.record(
                age,
                ResponseTiming {
                    is_full,
                    ..timing(milliseconds)
                },
            );
            sizes.push(window.size());
        }
        (sizes, now)
    }

    #[test]
    fn the_initial_size_is_within_the_limit() {
        for (most, size) in [(0, 1), (1, 1), (8, 8), (32, 32), (128, 32), (256, 32)] {
            assert_eq!(Window::new(most).size(), size, "{most}");
        }
    }

    #[test]
    fn the_window_doubles_with_each_round_up_to_its_limit() {
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
    fn a_round_that_was_mostly_not_full_changes_nothing() {
        let mut window = Window::new(128);
        for full in [16, 15] {
            let mut window = Window::new(128);
            for at in 0..32 {
                let is_full = at < full;
                window.record(
                    0,
                    ResponseTiming {
                        is_full,
                        ..timing(50)
                    },
                );
            }
            assert_eq!(window.size(), if full == 16 { 64 } else { 32 });
        }
        for _ in 0..1000 {
            let is_full = false;
            window.record(
                0,
                ResponseTiming {
                    is_full,
                    ..timing(500)
                },
            );
        }
        assert_eq!((window.size(), window.age()), (32, 0));
    }

    #[test]
    fn the_window_does_not_grow_while_half_of_the_responses_take_more_than_twice_the_fastest() {
        for (slow, size) in [(15, 64), (16, 32), (17, 32)] {
            let mut window = Window::new(128);
            for at in 0..32 {
                let time = if at < 32 - slow { 50 } else { 101 };
                window.record(0, timing(time));
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
    fn each_kind_of_response_is_compared_with_its_own_fastest() {
        let mut window = Window::new(128);
        let kinds = [
            (RequestKind::Head, 10),
            (RequestKind::Manifest, 50),
            (RequestKind::Content, 150),
            (RequestKind::Other, 400),
        ];
        for _ in 0..8 {
            for (kind, milliseconds) in kinds {
                let answer = timing(milliseconds);
                window.record(0, ResponseTiming { kind, ..answer });
            }
        }
        assert_eq!(window.size(), 64);
    }

    #[test]
    fn times_below_a_millisecond_are_equal() {
        let mut window = Window::new(128);
        for at in 0..32 {
            let took = Duration::from_micros(if at == 0 { 10 } else { 900 });
            window.record(0, ResponseTiming { took, ..timing(0) });
        }
        assert_eq!(window.size(), 64);
    }

    #[test]
    fn with_a_queue_the_window_stays_small_and_no_worker_is_idle() {
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
    fn after_a_queue_the_window_grows_again_one_by_one() {
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
    fn slow_responses_without_a_queue_do_not_keep_the_window_small() {
        // One fast response, from a cache in between.
        let mut window = Window::new(128);
        window.record(0, timing(5));
        let mut sizes = Vec::new();
        for _ in 0..8 {
            sizes.push(window.size());
            round(&mut window, 50);
        }
        assert_eq!(sizes, [32, 32, 16, 32, 64, 128, 128, 128]);
    }

    #[test]
    fn slow_new_connections_are_not_a_queue() {
        let mut window = Window::new(128);
        let mut sizes = Vec::new();
        // The first response over each connection takes four times as long.
        for open in [1, 32, 32, 64, 64, 128] {
            sizes.push(window.size());
            let size = window.size();
            for at in 0..size {
                window.record(window.age(), timing(if at < open { 50 } else { 200 }));
            }
        }
        assert_eq!(sizes, [32, 32, 64, 64, 128, 128]);
    }

    #[test]
    fn complaints_about_the_same_requests_halve_the_window_once() {
        let mut window = Window::new(128);
        let sent = window.age();
        for _ in 0..32 {
            window.record_complaint(sent);
            window.record(sent, timing(50));
        }
        assert_eq!(window.size(), 16);
        window.record_complaint(window.age());
        assert_eq!(window.size(), 8);
    }

    #[test]
    fn after_a_complaint_the_window_grows_by_one_per_round_and_stays_below_the_size_that_was_too_large()
     {
        let mut window = Window::new(128);
        window.record_complaint(window.age());
        for size in [17, 18, 19, 20, 21, 22, 23, 24, 24, 24] {
            round(&mut window, 50);
            assert_eq!(window.size(), size);
        }
    }

    #[test]
    fn the_window_never_closes() {
        let mut window = Window::new(128);
        for _ in 0..100 {
            window.record_complaint(window.age());
            assert!(window.size() >= 1);
        }
        for milliseconds in (50..10_000).step_by(50) {
            round(&mut window, milliseconds);
            assert_eq!(window.size(), 1);
        }
    }
}
