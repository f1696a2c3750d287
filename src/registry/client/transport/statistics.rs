//! Counts of the requests of a run.

use std::time::Duration;

use crate::registry::cache::CacheStatistics;

/// The requests of a run so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests sent, including those for tokens and retries.
    pub requests: u64,
    /// Bytes of bodies received, after decompression.
    pub bytes: u64,
    /// The lookups in the cache.
    pub cache: CacheStatistics,
    /// The host with the slowest response, and how long it took to begin.
    pub slowest: Option<(String, Duration)>,
    /// The last limits of hosts that count pulls, as text: `registry-1.docker.io
    /// allows 100 pulls in 6h, of which 81 are left`.
    pub quotas: Vec<String>,
}

impl Statistics {
    /// Adds the requests of other clients.
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        let slowest = [self.slowest.take(), other.slowest].into_iter().flatten();
        self.slowest = slowest.max_by_key(|(_, time)| *time);
        self.quotas.extend(other.quotas);
    }
}
