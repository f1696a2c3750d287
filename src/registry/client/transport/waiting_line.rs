//! Whose turn it is if pulls are counted: repositories come to the head of the line in
//! the order of their names. If there are not enough pulls for all, every run decides
//! the same repositories, and few are left half read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::image::CanonicalName;

/// The remaining pulls that are required for each repository that pulls concurrently
/// with others.
const ROOM: u64 = 16;

/// The repositories of a scan that are not read completely.
#[derive(Debug, Default)]
pub(crate) struct WaitingLine {
    /// By the registry that they may be read from.
    queues: Mutex<BTreeMap<String, PullQueue>>,
    moved: Notify,
}

/// The repositories that may be read from one registry.
///
/// Those at the head pull concurrently, each with an equal share of half of the pulls
/// that were left when they came to the head. A repository that needs more than its
/// share waits until all before it are read, and does not use the shares of the others.
/// When all at the head are read, the next ones come to the head. So the outcome does
/// not depend on timing, and if few pulls are left, the repositories pull one after the
/// other.
#[derive(Debug, Default)]
struct PullQueue {
    /// All that have joined, including those that are read, until none are left.
    all: BTreeSet<CanonicalName>,
    /// How often each repository that is not read has joined.
    waiting: BTreeMap<CanonicalName, usize>,
    /// The last repository at the head.
    head_end: Option<CanonicalName>,
    /// The pulls that each repository at the head may make before its turn.
    share: u64,
    /// The pulls that each of them has made.
    made: BTreeMap<CanonicalName, u64>,
}

impl PullQueue {
    fn is_first(&self, repository: &CanonicalName) -> bool {
        self.waiting.keys().next() == Some(repository)
    }

    /// Whether the repository may pull, if this many more pulls are free.
    fn admits(&mut self, repository: &CanonicalName, free: u64) -> bool {
        self.advance(free);
        if Some(repository) > self.head_end.as_ref() {
            return false;
        }
        if self.pulls_of(repository) < self.share {
            return true;
        }
        let others = self.waiting.keys().filter(|name| *name != repository);
        let others = others.take_while(|name| Some(*name) <= self.head_end.as_ref());
        let kept: u64 = others
            .map(|other| self.share.saturating_sub(self.pulls_of(other)))
            .sum();
        self.is_first(repository) && free > kept
    }

    fn pulls_of(&self, repository: &CanonicalName) -> u64 {
        self.made.get(repository).copied().unwrap_or_default()
    }

    /// Whether all repositories at the head are read.
    fn is_head_read(&self) -> bool {
        let next = self.waiting.keys().next();
        match (&self.head_end, next) {
            (Some(end), Some(next)) => next > end,
            (None, _) | (_, None) => true,
        }
    }

    /// Brings the next repositories to the head when all there are read.
    fn advance(&mut self, free: u64) {
        while self.is_head_read() && !self.waiting.is_empty() {
            let after = self.head_end.as_ref().map_or(Unbounded, Excluded);
            let rest: Vec<&CanonicalName> = self.all.range((after, Unbounded)).collect();
            let rest_count = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let head = (free / ROOM).clamp(1, rest_count.max(1));
            self.share = free / (2 * head);
            let last = usize::try_from(head - 1).unwrap_or(usize::MAX);
            let end = rest.get(last).map(|end| (*end).clone());
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

/// Who makes a pull.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Puller<'a> {
    /// The registry that is contacted, which may be a mirror.
    pub(crate) registry: &'a str,
    /// The repository's name in the workload.
    pub(crate) repository: &'a CanonicalName,
}

/// A repository's place in the waiting line, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it leaves the line"]
pub struct Turn {
    line: Arc<WaitingLine>,
    registries: Vec<String>,
    repository: CanonicalName,
}

impl WaitingLine {
    /// Adds a repository to the line of each registry that it may be read from.
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

    /// Whether no repository comes before. A repository that is not in the line does not
    /// wait.
    pub(crate) fn is_first(&self, puller: Puller<'_>) -> bool {
        let queues = self.queues();
        let queue = queues.get(puller.registry);
        let queue = queue.filter(|queue| queue.waiting.contains_key(puller.repository));
        queue.is_none_or(|queue| queue.is_first(puller.repository))
    }

    /// Whether a pull may begin, if this many more are free (`None`: that is not known).
    /// If so, it is counted.
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

    /// Wakes all that wait for their turn, or for a host's limit.
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
    fn repositories_take_turns_in_the_order_of_their_names_at_each_registry() {
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
        assert!(
            first("r.example", &c),
            "a repository that is not in the line does not wait"
        );
        drop(of_a);
        assert!(!first("r.example", &b), "a is in the line twice");
        drop(again);
        assert!(first("r.example", &b));
        drop(of_b);
        assert!(first("r.example", &b));
    }

    /// Simulates repositories with these needs in a random order, with this many free
    /// pulls; returns which of them got all the pulls they need.
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
    fn the_same_repositories_are_served_in_any_timing() {
        let mut dice = 1;
        for (needs, free, expected) in [
            // All of them.
            (vec![1; 50], 50, 50),
            (vec![3; 20], 100, 20),
            (vec![0; 20], 1, 20),
            // One after the other, as long as there are pulls.
            (vec![1; 200], 80, 80),
            (vec![3; 200], 80, 26),
            // 40 of them, and those of the rest that need no pulls.
            ([0, 1, 5, 2].repeat(50), 80, 40 + 40),
            // A repository that needs more than its share is served before the next
            // ones come to the head.
            (vec![10; 50], 80, 8),
            (vec![20; 50], 80, 3),
            (vec![100; 50], 80, 0),
            ([40, 1].repeat(20), 80, 3),
            // Enough for all, concurrently.
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
    fn the_more_pulls_are_left_the_more_repositories_pull_concurrently() {
        let names: Vec<CanonicalName> = (0..100)
            .map(|at| format!("r.example/app-{at:03}").parse().expect("a name"))
            .collect();
        for (free, concurrent) in [(5, 1), (31, 1), (32, 2), (80, 5), (10_000, 100)] {
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
            assert_eq!(admitted.count(), concurrent, "{free}");
            drop(turns);
        }
    }
}
