//! What the loop and the server share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::figures::RunFigures;
use super::health::{health, readiness};
use super::text::{MetricsFacts, metrics_text};
use crate::controller::lease::Leadership;
use crate::registry::{Registries, Statistics};

/// How old the figures may get. Counting takes a few milliseconds with thousands of workloads.
const FIGURES_EVERY: Duration = Duration::from_secs(2);

/// What is known about the workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchState {
    /// Each collection was listed.
    pub is_synced: bool,
    /// The last try to read one has failed.
    pub is_failing: bool,
}

/// The metrics of a run. Clones are the same.
#[derive(Debug, Clone)]
pub struct ControllerMetrics {
    shared: Arc<MetricsSources>,
}

/// Where the metrics come from.
#[derive(Debug)]
struct MetricsSources {
    leadership: Option<Leadership>,
    registries: Vec<Registries>,
    last_turn: Mutex<LastTurn>,
}

/// What the loop has said last.
#[derive(Debug)]
struct LastTurn {
    at: Instant,
    watches: WatchState,
    /// Each collection has been listed at least once.
    was_synced: bool,
    figures: RunFigures,
    figures_at: Option<Instant>,
}

impl ControllerMetrics {
    /// Nothing has happened yet. `leadership`: whether this replica leads; `None`: there is no
    /// other. `registries`: those whose requests count; of the caches, that of the first counts.
    #[must_use]
    pub fn new(leadership: Option<Leadership>, registries: Vec<Registries>) -> Self {
        Self {
            shared: Arc::new(MetricsSources {
                leadership,
                registries,
                last_turn: Mutex::new(LastTurn {
                    at: Instant::now(),
                    watches: WatchState::default(),
                    was_synced: false,
                    figures: RunFigures::default(),
                    figures_at: None,
                }),
            }),
        }
    }

    /// The loop turns.
    pub fn turn(&self) {
        self.last_turn().at = Instant::now();
    }

    /// The loop turns, and says what it knows. `figures` is called if the last ones are old.
    pub fn turn_with(&self, watches: WatchState, figures: impl FnOnce() -> RunFigures) {
        let now = Instant::now();
        let mut last = self.last_turn();
        last.at = now;
        last.watches = watches;
        last.was_synced |= watches.is_synced;
        let due = last.figures_at.is_none_or(|at| now >= at + FIGURES_EVERY);
        if due {
            last.figures_at = Some(now);
            last.figures = figures();
        }
    }

    /// Whether the loop turns.
    ///
    /// # Errors
    ///
    /// Why it is not healthy.
    pub(super) fn health(&self) -> Result<(), String> {
        health(self.last_turn().at.elapsed())
    }

    /// Whether the workloads were listed.
    ///
    /// # Errors
    ///
    /// Why the loop is not ready.
    pub(super) fn readiness(&self) -> Result<(), String> {
        readiness(self.last_turn().was_synced)
    }

    /// All metrics, as OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut requests = Statistics::default();
        let mut cache = None;
        for registries in &self.shared.registries {
            let statistics = registries.statistics();
            cache.get_or_insert(statistics.cache);
            requests.add(statistics);
        }
        let leadership = self.shared.leadership.as_ref();
        let last = self.last_turn();
        let facts = MetricsFacts {
            // Last, so that it is never true for longer than the Lease allows.
            is_leader: leadership.is_none_or(Leadership::is_leader),
            is_synced: last.watches.is_synced && !last.watches.is_failing,
            figures: last.figures.clone(),
            answers: requests.answers,
            cache: cache.unwrap_or_default(),
        };
        drop(last);
        metrics_text(facts)
    }

    fn last_turn(&self) -> MutexGuard<'_, LastTurn> {
        let last = self.shared.last_turn.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }
}
