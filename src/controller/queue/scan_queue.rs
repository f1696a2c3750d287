//! The queue of all repositories.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use super::entry::{Entry, ScanClass, ScanOutcome};
use super::host::Outage;
use crate::image::CanonicalName;

/// How much later repositories are scanned that no automated workload uses.
const OTHER_FACTOR: u32 = 4;

/// The first scans are spread so that there is about one in this time, but over at most one
/// interval: few repositories need not wait long.
const FIRST_SPACING: Duration = Duration::from_secs(1);

/// After an outage, the repositories of the host are spread over this time.
const RECOVERY: Duration = Duration::from_secs(30);

/// When repositories are scanned.
#[derive(Debug, Clone, Copy)]
pub struct QueueTimes {
    /// The time between two scans of a repository that automated workloads use.
    interval: Duration,
    /// The time between the first scans of two repositories.
    first_spacing: Duration,
}

/// When each repository is scanned next.
#[derive(Debug)]
pub struct ScanQueue<S> {
    times: QueueTimes,
    /// Spreads the scans; the same names always get the same places.
    chance: S,
    entries: BTreeMap<CanonicalName, Entry>,
    outages: BTreeMap<String, Outage>,
}

impl<S: BuildHasher> ScanQueue<S> {
    /// An empty queue. `chance`: a hasher with random keys, so that two programs do not ask at
    /// the same moments.
    pub fn new(times: QueueTimes, chance: S) -> Self {
        Self {
            times,
            chance,
            entries: BTreeMap::new(),
            outages: BTreeMap::new(),
        }
    }

    /// Sets which repositories are scanned. New ones are spread, so that they are not all asked
    /// at once.
    pub fn keep(&mut self, wanted: &BTreeMap<CanonicalName, ScanClass>, now: Duration) {
        self.entries
            .retain(|name, entry| wanted.contains_key(name) || entry.is_running);
        let new = wanted
            .keys()
            .filter(|name| !self.entries.contains_key(*name));
        let new = u32::try_from(new.count()).unwrap_or(u32::MAX);
        for (name, class) in wanted {
            match self.entries.get_mut(name) {
                Some(entry) => {
                    let sooner = now + self.times.of(*class);
                    if *class < entry.class {
                        entry.due = entry.due.min(sooner);
                    }
                    entry.class = *class;
                }
                None => {
                    let spread = self
                        .times
                        .first_spacing
                        .saturating_mul(new.saturating_sub(1));
                    let spread = spread.min(self.times.of(*class));
                    let due = now + spread.mul_f64(self.chance_of(name, 0));
                    self.entries.insert(name.clone(), Entry::new(*class, due));
                }
            }
        }
    }

    /// Makes a repository due now, ahead of all others.
    pub fn request(&mut self, name: &CanonicalName, now: Duration) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.is_requested_again |= entry.is_running;
            entry.class = ScanClass::Requested;
            entry.due = now;
        }
    }

    /// Takes up to `room` repositories that are due, the most urgent first. Each must be ended
    /// with [`Self::finish`].
    pub fn take_due(&mut self, now: Duration, room: usize) -> Vec<CanonicalName> {
        let mut due: Vec<(ScanClass, Duration, CanonicalName)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.is_running && entry.due <= now)
            .map(|(name, entry)| (entry.class, entry.due, name.clone()))
            .collect();
        due.sort();
        let mut taken = Vec::new();
        for (_, _, name) in due {
            if taken.len() == room {
                break;
            }
            if let Some(outage) = self.outages.get_mut(name.registry()) {
                if outage.is_probing || outage.probe_at > now {
                    continue;
                }
                outage.is_probing = true;
            }
            if let Some(entry) = self.entries.get_mut(&name) {
                entry.is_running = true;
            }
            taken.push(name);
        }
        taken
    }

    /// When [`Self::take_due`] may next have something to take; `None`: only after a change.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        let waiting = self.entries.iter().filter(|(_, entry)| !entry.is_running);
        let times = waiting.filter_map(|(name, entry)| match self.outages.get(name.registry()) {
            Some(outage) if outage.is_probing => None,
            Some(outage) => Some(entry.due.max(outage.probe_at)),
            None => Some(entry.due),
        });
        times.min()
    }

    /// Records what came of a scan.
    pub fn finish(&mut self, name: &CanonicalName, outcome: ScanOutcome, now: Duration) {
        let chance = self.chance_of(name, self.entries.get(name).map_or(0, |entry| entry.scans));
        let host = name.registry();
        let wait = match outcome {
            ScanOutcome::Answered | ScanOutcome::Refused => {
                // A scan that had begun before says nothing about the pause.
                if let Some(outage) = self.outages.get(host)
                    && !outage.is_wanted(now)
                {
                    self.outages.remove(host);
                    self.recover(host, now);
                }
                None
            }
            ScanOutcome::Unreachable => Some(None),
            ScanOutcome::RateLimited(wanted) => Some(wanted),
        };
        if let Some(wanted) = wait {
            let longest = self.times.interval;
            match self.outages.get_mut(host) {
                Some(outage) => outage.fail(now, wanted, longest),
                None => {
                    let outage = Outage::new(now, wanted);
                    self.outages.insert(host.to_owned(), outage);
                }
            }
        }
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        entry.is_running = false;
        entry.scans += 1;
        let again = std::mem::take(&mut entry.is_requested_again);
        match outcome {
            ScanOutcome::Answered => entry.refusals = 0,
            ScanOutcome::Refused => entry.refusals = entry.refusals.saturating_add(1),
            // It stays due, and waits for its host.
            ScanOutcome::Unreachable | ScanOutcome::RateLimited(_) => return,
        }
        if again {
            entry.due = now;
            return;
        }
        if entry.class == ScanClass::Requested {
            entry.class = ScanClass::Automated;
        }
        let interval = self.times.of(entry.class);
        let pause = if entry.refusals == 0 {
            interval.mul_f64(0.9 + 0.2 * chance)
        } else {
            entry.pause()
        };
        entry.due = now + pause;
    }

    /// How much longer hosts want no requests.
    #[must_use]
    pub fn pauses(&self, now: Duration) -> BTreeMap<String, Duration> {
        let paused = self.outages.iter().filter_map(|(host, outage)| {
            let left = outage.wanted_until?.checked_sub(now)?;
            (!left.is_zero()).then(|| (host.clone(), left))
        });
        paused.collect()
    }

    /// Sends no request to a host for this time, because another replica was asked for that.
    pub fn pause(&mut self, host: &str, left: Duration, now: Duration) {
        let end = now + left;
        match self.outages.get_mut(host) {
            Some(outage) => outage.extend(end),
            None => {
                self.outages.insert(host.to_owned(), Outage::until(end));
            }
        }
    }

    /// The repositories that are being scanned.
    pub fn running(&self) -> impl Iterator<Item = &CanonicalName> {
        let running = self.entries.iter().filter(|(_, entry)| entry.is_running);
        running.map(|(name, _)| name)
    }

    /// How many repositories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Spreads the overdue repositories of a host that answers again.
    fn recover(&mut self, host: &str, now: Duration) {
        let chance = &self.chance;
        let overdue = self
            .entries
            .iter_mut()
            .filter(|(name, entry)| name.registry() == host && entry.due <= now);
        for (name, entry) in overdue {
            entry.due = now + RECOVERY.mul_f64(fraction(chance, name, entry.scans));
        }
    }

    fn chance_of(&self, name: &CanonicalName, scan: u64) -> f64 {
        fraction(&self.chance, name, scan)
    }
}

/// A number from 0 to 1 that differs from name to name and from scan to scan.
fn fraction(chance: &impl BuildHasher, name: impl Hash, scan: u64) -> f64 {
    const STEPS: u64 = 1 << 20;
    (chance.hash_one((name, scan)) % STEPS) as f64 / STEPS as f64
}

impl QueueTimes {
    /// Scans that are spread from the first one on.
    #[must_use]
    pub fn spread(interval: Duration) -> Self {
        Self {
            interval,
            first_spacing: FIRST_SPACING,
        }
    }

    /// The first scans of all repositories are due at once.
    #[must_use]
    pub fn at_once(interval: Duration) -> Self {
        Self {
            interval,
            first_spacing: Duration::ZERO,
        }
    }

    /// The time between two scans.
    fn of(&self, class: ScanClass) -> Duration {
        match class {
            ScanClass::Requested | ScanClass::Automated => self.interval,
            ScanClass::Other => self.interval.saturating_mul(OTHER_FACTOR),
        }
    }
}
