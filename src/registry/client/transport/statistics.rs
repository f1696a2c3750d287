//! What a run has asked.

use std::time::Duration;

use crate::registry::cache::CacheStatistics;

/// How much was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests sent, with those for tokens and the repeated ones.
    pub requests: u64,
    /// Bytes of bodies received, after decompression.
    pub bytes: u64,
    /// What the cache was asked.
    pub cache: CacheStatistics,
    /// The host with the slowest answer, and how long that took to begin.
    pub slowest: Option<(String, Duration)>,
    /// What hosts that count pulls said last, as text: `registry-1.docker.io
    /// allows 100 pulls in 6h, of which 81 are left`.
    pub quotas: Vec<String>,
}
