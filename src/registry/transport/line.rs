//! Whose turn it is where pulls are counted: one repository after the other, by
//! their names. Where the pulls do not suffice for all, the same ones are decided
//! in each run, and none is left half read for the sake of another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::image::CanonicalName;

/// The repositories of a scan, until each is read.
#[derive(Debug, Default)]
pub(in crate::registry) struct Line {
    /// By the registry that may be asked for them, and how often each stands in
    /// line.
    waiting: Mutex<BTreeMap<String, BTreeMap<CanonicalName, usize>>>,
    moved: Notify,
}

/// Whose pull it is.
#[derive(Debug, Clone, Copy)]
pub(in crate::registry) struct Puller<'a> {
    /// The registry that is asked, which may be a mirror.
    pub(in crate::registry) registry: &'a str,
    /// The repository as the workload names it.
    pub(in crate::registry) repository: &'a CanonicalName,
}

/// A repository's place in line, until it is dropped.
#[derive(Debug)]
#[must_use = "who drops it leaves the line"]
pub struct Turn {
    line: Arc<Line>,
    registries: Vec<String>,
    repository: CanonicalName,
}

impl Line {
    /// Puts a repository in line, at each registry that may be asked for it.
    pub(in crate::registry) fn join(
        self: &Arc<Self>,
        repository: &CanonicalName,
        registries: Vec<String>,
    ) -> Turn {
        let mut waiting = self.waiting();
        for registry in &registries {
            let line = waiting.entry(registry.clone()).or_default();
            *line.entry(repository.clone()).or_default() += 1;
        }
        Turn {
            line: Arc::clone(self),
            registries,
            repository: repository.clone(),
        }
    }

    /// Whether nobody comes before. Who is not in line waits for nobody.
    pub(super) fn is_first(&self, puller: Puller<'_>) -> bool {
        let waiting = self.waiting();
        let Some(line) = waiting.get(puller.registry) else {
            return true;
        };
        let is_next = || line.keys().next() == Some(puller.repository);
        !line.contains_key(puller.repository) || is_next()
    }

    /// Wakes all who wait for their turn, or for a host to tell.
    pub(super) fn wake(&self) {
        self.moved.notify_waiters();
    }

    /// Completes at the next [`Self::wake`] after this call.
    pub(super) fn woken(&self) -> Notified<'_> {
        self.moved.notified()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<CanonicalName, usize>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.line.waiting();
        for registry in &self.registries {
            let Some(line) = waiting.get_mut(registry) else {
                continue;
            };
            if let Some(times) = line.get_mut(&self.repository) {
                *times -= 1;
                if *times == 0 {
                    line.remove(&self.repository);
                }
            }
        }
        drop(waiting);
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
        let line = Arc::new(Line::default());
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
}
