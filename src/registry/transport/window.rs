//! How many requests one host gets at a time: more while it keeps up, fewer
//! once it complains.

/// What a host gets at first.
const START: usize = 16;
/// So many successes in a full window make it one larger, until the host
/// complains for the first time: half as large again with each round.
const SUCCESSES_TO_GROW: usize = 2;

/// The number of requests that may be open, and how it changes. Arithmetic
/// alone; [`super::host::Host`] keeps to it.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    most: usize,
    successes: usize,
    /// How often it was halved. An answer to a request that was sent before the
    /// last time tells nothing of the window as it is now.
    age: u32,
}

impl Window {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            size: start(most),
            most,
            successes: 0,
            age: 0,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// To be kept with a request when it is sent.
    pub(super) fn age(&self) -> u32 {
        self.age
    }

    /// A request was answered while the window was full. One that was not full
    /// says nothing about whether more would be welcome.
    pub(super) fn succeeded(&mut self, age: u32) {
        if age != self.age || self.size >= self.most {
            return;
        }
        self.successes += 1;
        let needed = match self.age {
            0 => SUCCESSES_TO_GROW,
            // A whole round.
            _ => self.size,
        };
        if self.successes >= needed {
            self.size += 1;
            self.successes = 0;
        }
    }

    /// The host said that it is asked too much. Only half as many from now on,
    /// and never again as many as were too many: each complaint costs a pause,
    /// and they become longer.
    pub(super) fn complained(&mut self, age: u32) {
        if age != self.age {
            return;
        }
        self.most = (self.size * 3 / 4).max(1);
        self.size = (self.size / 2).max(1);
        self.successes = 0;
        self.age = self.age.saturating_add(1);
    }
}

/// How many requests a host gets at first, where it may get so many at most.
pub(super) fn start(most: usize) -> usize {
    most.clamp(1, START)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn succeed(window: &mut Window, times: usize) {
        for _ in 0..times {
            window.succeeded(window.age());
        }
    }

    #[test]
    fn it_starts_small_and_within_its_bound() {
        for (most, size) in [(0, 1), (1, 1), (8, 8), (16, 16), (64, 16), (256, 16)] {
            assert_eq!(Window::new(most).size(), size, "{most}");
        }
    }

    #[test]
    fn it_grows_by_half_a_round_up_to_its_bound() {
        let mut window = Window::new(64);
        for size in [24, 36, 54, 64, 64] {
            let round = window.size();
            succeed(&mut window, round);
            assert_eq!(window.size(), size);
        }
        let mut window = Window::new(4);
        succeed(&mut window, 1000);
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn it_halves_once_for_all_that_was_sent_before() {
        let mut window = Window::new(64);
        let sent = window.age();
        for _ in 0..16 {
            window.complained(sent);
            window.succeeded(sent);
        }
        assert_eq!(window.size(), 8);
        window.complained(window.age());
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn after_a_complaint_it_grows_by_one_a_round_and_stays_below_what_was_too_much() {
        let mut window = Window::new(64);
        window.complained(window.age());
        for size in [9, 10, 11, 12, 12, 12] {
            let round = window.size();
            succeed(&mut window, round);
            assert_eq!(window.size(), size);
        }
    }

    #[test]
    fn it_never_closes() {
        let mut window = Window::new(64);
        for _ in 0..100 {
            window.complained(window.age());
            assert!(window.size() >= 1);
        }
        succeed(&mut window, 100);
        assert_eq!(window.size(), 1);
    }
}
