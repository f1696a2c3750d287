//! The cache as the rest of the program sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::key::CacheKey;
use super::memcached;
use super::option::CacheOption;
use super::shard::Shard;
use super::sqlite;
use super::warnings::Warnings;

/// How long the end of a run waits for what is still to be written.
const FLUSH: Duration = Duration::from_secs(2);

/// A store of bytes under keys, or none. Clones are the same cache.
///
/// Nothing here fails. What goes wrong is a miss or an entry that is not kept,
/// and where the user should know, a warning. Nothing is opened, created or
/// connected before the first question.
#[derive(Clone, Default)]
pub struct Cache {
    inner: Arc<CacheInner>,
    /// Others read and write it too.
    is_public: bool,
}

#[derive(Default)]
struct CacheInner {
    /// None where the cache is off, one for a file, one for each server.
    shards: Vec<Shard>,
    warnings: Warnings,
    hits: AtomicU64,
    misses: AtomicU64,
    puts: AtomicU64,
}

/// What the cache was asked in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStatistics {
    /// Keys that had a value.
    pub hits: u64,
    /// Keys that had none.
    pub misses: u64,
    /// Values that were given to be kept.
    pub puts: u64,
}

impl Cache {
    /// A cache that holds nothing and keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// The cache that is meant. It is not touched before it is asked.
    #[must_use]
    pub fn open(option: &CacheOption) -> Self {
        let warnings = Warnings::default();
        let shards = match option {
            CacheOption::Off => Vec::new(),
            CacheOption::Memcached(servers) => memcached::shards(servers, &warnings),
            CacheOption::Auto | CacheOption::Directory(_) => match sqlite::directory(option) {
                Some(directory) => vec![sqlite::shard(&directory, &warnings)],
                None => {
                    warnings.add(NO_DIRECTORY);
                    Vec::new()
                }
            },
        };
        Self {
            is_public: matches!(option, CacheOption::Memcached(_)),
            ..Self::from_shards(shards, warnings)
        }
    }

    pub(crate) fn from_shards(shards: Vec<Shard>, warnings: Warnings) -> Self {
        Self {
            inner: Arc::new(CacheInner {
                shards,
                warnings,
                ..CacheInner::default()
            }),
            is_public: false,
        }
    }

    /// Whether it is this user's alone: a file is, a server is not.
    pub(crate) fn is_private(&self) -> bool {
        !self.is_public
    }

    /// The values under these keys, in the order of the keys.
    pub(crate) async fn get(&self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        let mut values: Vec<Option<Vec<u8>>> = vec![None; keys.len()];
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); self.inner.shards.len()];
        for (place, key) in keys.iter().enumerate() {
            if let Some(shard) = self.shard(key) {
                places[shard].push(place);
            }
        }
        let asked = places.iter().enumerate().filter(|(_, of)| !of.is_empty());
        let answers = asked.map(|(shard, places)| {
            let keys = places.iter().map(|place| keys[*place]).collect();
            let answer = self.inner.shards[shard].worker.get(keys);
            async move { (places, answer.await.unwrap_or_default()) }
        });
        for (places, answer) in join_all(answers).await {
            for (place, value) in places.iter().zip(answer) {
                values[*place] = value;
            }
        }
        let hits = values.iter().flatten().count() as u64;
        self.inner.hits.fetch_add(hits, Ordering::Relaxed);
        let misses = values.len() as u64 - hits;
        self.inner.misses.fetch_add(misses, Ordering::Relaxed);
        values
    }

    /// Keeps the value under this key, if it can. It is written a little later,
    /// on another thread; [`Self::get`] finds it at once.
    pub(crate) fn put(&self, key: CacheKey, value: Vec<u8>) {
        if let Some(shard) = self.shard(&key) {
            self.inner.puts.fetch_add(1, Ordering::Relaxed);
            self.inner.shards[shard].worker.put(key, value);
        }
    }

    /// Waits until what was put is written, for 2 seconds at most. A run calls
    /// it at its end; what was put in the last half second is lost otherwise.
    pub async fn flush(&self) {
        let flushes = self.inner.shards.iter().filter_map(|s| s.worker.flush());
        if tokio::time::timeout(FLUSH, join_all(flushes))
            .await
            .is_err()
        {
            self.inner
                .warnings
                .add("the metadata cache is slow: not all that was learnt was written within 2 s");
        }
    }

    /// What the user should know and has not been given yet; each thing once.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.inner.warnings.take()
    }

    /// What was asked so far.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        CacheStatistics {
            hits: self.inner.hits.load(Ordering::Relaxed),
            misses: self.inner.misses.load(Ordering::Relaxed),
            puts: self.inner.puts.load(Ordering::Relaxed),
        }
    }

    /// Whether there is nothing to ask: off from the beginning, or given up.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.inner.shards.iter().all(|shard| shard.worker.is_over())
    }

    /// Which part of the entries a key belongs to, by rendezvous hashing: where
    /// a server is added or taken away, only its own keys move.
    fn shard(&self, key: &CacheKey) -> Option<usize> {
        let [a, b, c, d, e, f, g, h, ..] = *key.hash();
        let key = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let shards = self.inner.shards.iter().enumerate();
        let (best, _) = shards.max_by_key(|(_, shard)| mix(shard.seed ^ key))?;
        Some(best)
    }
}

const NO_DIRECTORY: &str = "the metadata cache is off: this user has no home directory; \
                            name a directory with --cache";

/// The last step of SplitMix64: every bit of the result hangs on every bit given.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("stores", &self.inner.shards.len())
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
