//! Counts of the requests of a run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::registry::cache::CacheStatistics;

/// How many requests each host has answered, by the status of the response; `None`: there was
/// none. Hosts that only a registry has named are counted together as `other`.
pub type AnswerCounts = BTreeMap<(String, Option<u16>), u64>;

/// The name of the hosts that a registry has named and that nothing else uses. A registry can
/// name any number of them.
const OTHER_HOSTS: &str = "other";

/// Counts answers. It is shared by all requests.
#[derive(Debug, Default)]
pub(crate) struct AnswerCounter(Mutex<AnswerCounts>);

impl AnswerCounter {
    /// Counts a request. `host`: `None` if only a registry has named it.
    pub(crate) fn add(&self, host: Option<&str>, status: Option<StatusCode>) {
        let host = host.unwrap_or(OTHER_HOSTS).to_owned();
        let key = (host, status.map(|status| status.as_u16()));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> AnswerCounts {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}

/// The requests of a run so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests sent, including those for tokens and retries.
    pub requests: u64,
    /// What became of them, for those that have ended.
    pub answers: AnswerCounts,
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
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
        self.bytes += other.bytes;
        let slowest = [self.slowest.take(), other.slowest].into_iter().flatten();
        self.slowest = slowest.max_by_key(|(_, time)| *time);
        self.quotas.extend(other.quotas);
    }
}
