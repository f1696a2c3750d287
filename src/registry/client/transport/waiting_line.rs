//! Whose turn it is where pulls are counted: repositories come to the head of the
//! line by their names. Where the pulls do not suffice for all, the same ones are
//! decided in each run, and few are left half read for the sake of others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::image::CanonicalName;

/// How many of the pulls that are left there must be for each repository that
/// pulls beside others.
const ROOM: u64 = 16;

/// The repositories of a scan, until each is read.
#[derive(Debug, Default)]
pub(crate) struct WaitingLine {
    /// By the registry that may be asked for them.
    queues: Mutex<BTreeMap<String, PullQueue>>,
    moved: Notify,
}

/// The repositories that one registry may be asked for.
///
/// Those at the head pull side by side: so many that half of what was left when
/// they came to the head gives each a share. Who needs more than its share waits
/// until all before it are read, and leaves the others theirs. When all of them
/// are read, the next ones come to the head. So the outcome does not depend on who
/// is quick, and where few pulls are left, one repository pulls after the other.
#[derive(Debug, Default)]
struct PullQueue {
    /// All that have joined, those that are read too, until nobody is left.
    all: BTreeSet<CanonicalName>,
    /// Those that are not read, by how often each has joined.
    waiting: BTreeMap<CanonicalName, usize>,
    /// The last one at the head.
    head_end: Option<CanonicalName>,
    /// How many pulls each at the head may make before its turn.
    share: u64,
    /// How many each of them has made.
    made: BTreeMap<CanonicalName, u64>,
}

impl PullQueue {
    fn is_first(&self, repository: &CanonicalName) -> bool {
        self.waiting.keys().next() == Some(repository)
    }

    /// Whether the repository may pull, where so many more pulls are free.
    fn admits(&mut self, repository: &CanonicalName, free: u64) -> bool {
        self.advance(free);
        if Some(repository) > self.head_end.as_ref() {
            return false;
        }
        let made = |of: &CanonicalName| self.made.get(of).copied().unwrap_or_default();
        if made(repository) < self.share {
            return true;
        }
        let others = self.waiting.keys().filter(|name| *name != repository);
        let others = others.take_while(|name| Some(*name) <= self.head_end.as_ref());
        let kept: u64 = others
            .map(|other| self.share.saturating_sub(made(other)))
            .sum();
        self.is_first(repository) && free > kept
    }

    /// Brings the next ones to the head when all there are read.
    fn advance(&mut self, free: u64) {
        let is_read = |end: &CanonicalName| self.waiting.keys().next().is_none_or(|n| n > end);
        while self.head_end.as_ref().is_none_or(is_read) && !self.waiting.is_empty() {
            let after = self.head_end.as_ref().map_or(Unbounded, Excluded);
            let rest = || self.all.range((after, Unbounded));
            let rest_count = u64::try_from(rest().count()).unwrap_or(u64::MAX);
            let head = (free / ROOM).clamp(1, rest_count.max(1));
            self.share = free / (2 * head);
            let last = usize::try_from(head - 1).unwrap_or(usize::MAX);
            let end = rest().nth(last).cloned();
            let Some(end) = end else {
                return;
            };
            self.head_end = Some(end);
            self.made.clear();
        }
    }

    fn leave(&mut self, repository: &CanonicalName) {
        if let Some(times) = self.waiting.get_mut(repository) {
            *times -= 1;
            if *times == 0 {
                self.waiting.remove(repository);
            }
        }
        if self.waiting.is_empty() {
            *self = Self::default();
        }
    }
}

/// Whose pull it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Puller<'a> {
    /// The registry that is asked, which may be a mirror.
    pub(crate) registry: &'a str,
    /// The repository as the workload names it.
    pub(crate) repository: &'a CanonicalName,
}

/// A repository's place in line, until it is dropped.
#[derive(Debug)]
#[must_use = "who drops it leaves the line"]
pub struct Turn {
    line: Arc<WaitingLine>,
    registries: Vec<String>,
    repository: CanonicalName,
}

impl WaitingLine {
    /// Puts a repository in line, at each registry that may be asked for it.
    pub(crate) fn join(
        self: &Arc<Self>,
        repository: &CanonicalName,
        registries: Vec<String>,
    ) -> Turn {
        let mut queues = self.queues();
        for registry in &registries {
            let queue = queues.entry(registry.clone()).or_default();
            queue.all.insert(repository.clone());
            *queue.waiting.entry(repository.clone()).or_default() += 1;
        }
        drop(queues);
        Turn {
            line: Arc::clone(self),
            registries,
            repository: repository.clone(),
        }
    }

    /// Whether nobody comes before. Who is not in line waits for nobody.
    pub(crate) fn is_first(&self, puller: Puller<'_>) -> bool {
        let queues = self.queues();
        let queue = queues.get(puller.registry);
        let queue = queue.filter(|queue| queue.waiting.contains_key(puller.repository));
        queue.is_none_or(|queue| queue.is_first(puller.repository))
    }

    /// Whether a pull may begin, where so many more are free; `None`: nobody
    /// knows. If so, it has begun.
    pub(crate) fn admits(&self, puller: Puller<'_>, free: Option<u64>) -> bool {
        let Some(free) = free else {
            return self.is_first(puller);
        };
        let mut queues = self.queues();
        let queue = queues.get_mut(puller.registry);
        let Some(queue) = queue.filter(|queue| queue.waiting.contains_key(puller.repository))
        else {
            return true;
        };
        let admits = queue.admits(puller.repository, free);
        if admits {
            *queue.made.entry(puller.repository.clone()).or_default() += 1;
        }
        admits
    }

    /// Wakes all who wait for their turn, or for a host to tell.
    pub(crate) fn wake(&self) {
        self.moved.notify_waiters();
    }

    /// Completes at the next [`Self::wake`] after this call.
    pub(crate) fn woken(&self) -> Notified<'_> {
        self.moved.notified()
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, PullQueue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queues = self.line.queues();
        for registry in &self.registries {
            if let Some(queue) = queues.get_mut(registry) {
                queue.leave(&self.repository);
            }
        }
        drop(queues);
        self.line.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_take_turns_by_their_names_at_each_registry() {
        let name = |text: &str| -> CanonicalName { text.parse().expect(text) };
        let (a, b, c) = (
            name("r.example/a"),
            name("r.example/b"),
            name("r.example/c"),
        );
        let line = Arc::new(WaitingLine::default());
        let first = |registry: &str, repository: &CanonicalName| {
            line.is_first(Puller {
                registry,
                repository,
            })
        };
        let (here, mirror) = ("r.example".to_owned(), "mirror.example".to_owned());
        let of_b = line.join(&b, vec![here.clone(), mirror.clone()]);
        let of_a = line.join(&a, vec![here.clone()]);
        let again = line.join(&a, vec![here]);
        assert!(first("r.example", &a));
        assert!(!first("r.example", &b));
        assert!(first("mirror.example", &b), "a is not read from there");
        assert!(first("r.example", &c), "who is not in line does not wait");
        drop(of_a);
        assert!(!first("r.example", &b), "a is in line twice");
        drop(again);
        assert!(first("r.example", &b));
        drop(of_b);
        assert!(first("r.example", &b));
    }

    /// Repositories that need so many pulls each, of which so many are free, in
    /// an order that the dice give; which of them got all they needed.
    fn served(needs: &[u64], mut free: u64, dice: &mut u64) -> Vec<usize> {
        let line = Arc::new(WaitingLine::default());
        let names: Vec<CanonicalName> = (0..needs.len())
            .map(|at| format!("r.example/app-{at:03}").parse().expect("a name"))
            .collect();
        let registry = "r.example";
        let mut turns: Vec<Option<Turn>> = names
            .iter()
            .map(|name| Some(line.join(name, vec![registry.to_owned()])))
            .collect();
        let mut got = vec![0; needs.len()];
        let mut served = Vec::new();
        let mut idle = 0;
        while free > 0 && idle < 100 * needs.len() {
            *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(*dice >> 33).expect("a number") % needs.len();
            idle += 1;
            if turns[at].is_none() {
                continue;
            }
            let repository = &names[at];
            let puller = Puller {
                registry,
                repository,
            };
            if got[at] == needs[at] {
                turns[at] = None;
                served.push(at);
                idle = 0;
            } else if line.admits(puller, Some(free)) {
                got[at] += 1;
                free -= 1;
                idle = 0;
            }
        }
        let rest = (0..needs.len()).filter(|at| turns[*at].is_some() && got[*at] == needs[*at]);
        served.extend(rest);
        served.sort_unstable();
        served
    }

    #[test]
    fn the_same_repositories_are_served_whoever_is_quick() {
        let mut dice = 1;
        for (needs, free, expected) in [
            // All of them.
            (vec![1; 50], 50, 50),
            (vec![3; 20], 100, 20),
            (vec![0; 20], 1, 20),
            // One after the other, as far as it goes.
            (vec![1; 200], 80, 80),
            (vec![3; 200], 80, 26),
            // 40 of them, and of the rest those that need none.
            ([0, 1, 5, 2].repeat(50), 80, 40 + 40),
            // Who needs more than a share is served before the next ones come.
            (vec![10; 50], 80, 8),
            (vec![20; 50], 80, 3),
            (vec![100; 50], 80, 0),
            ([40, 1].repeat(20), 80, 3),
            // Enough for all, side by side.
            ([1, 100].repeat(20), 2020, 40),
        ] {
            let first = served(&needs, free, &mut dice);
            assert_eq!(first.len(), expected, "{first:?}");
            for _ in 0..5 {
                assert_eq!(served(&needs, free, &mut dice), first, "{needs:?}");
            }
        }
    }

    #[test]
    fn where_many_pulls_are_left_many_repositories_pull_side_by_side() {
        let names: Vec<CanonicalName> = (0..100)
            .map(|at| format!("r.example/app-{at:03}").parse().expect("a name"))
            .collect();
        for (free, side_by_side) in [(5, 1), (31, 1), (32, 2), (80, 5), (10_000, 100)] {
            let line = Arc::new(WaitingLine::default());
            let turns = names
                .iter()
                .map(|n| line.join(n, vec!["r.example".to_owned()]));
            let turns: Vec<Turn> = turns.collect();
            let admitted = names.iter().filter(|repository| {
                let registry = "r.example";
                line.admits(
                    Puller {
                        registry,
                        repository,
                    },
                    Some(free),
                )
            });
            assert_eq!(admitted.count(), side_by_side, "{free}");
            drop(turns);
        }
    }
}
