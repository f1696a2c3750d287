//! The interface of the cache to the rest of the program.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;

use super::backend::CacheBackend;
use super::identity_key::{IdentityKey, KeySource};
use super::key::{CacheKey, EntryKind};
use super::memcached;
use super::option::CacheOption;
use super::shard::Shard;
use super::sqlite;
use super::warnings::Warnings;

/// How long the end of a run waits for pending writes.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The metadata cache: bytes under keys. It may be off. Clones share one cache.
///
/// No method fails. A problem causes a miss or an entry that is not kept, and a
/// warning if the user should know. Nothing is opened, created or connected
/// before the first lookup.
#[derive(Clone, Default)]
pub struct Cache {
    inner: Arc<CacheInner>,
}

#[derive(Default)]
struct CacheInner {
    /// Empty if the cache is off; one for a file; one per server.
    shards: Vec<Shard>,
    backend: Option<CacheBackend>,
    warnings: Warnings,
    key_source: Option<KeySource>,
    key: OnceLock<Option<IdentityKey>>,
    hits: AtomicU64,
    misses: AtomicU64,
    puts: AtomicU64,
}

/// How often the cache was used in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStatistics {
    /// What keeps the values; `None`: the cache is off.
    pub backend: Option<CacheBackend>,
    /// Lookups that found a value.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Values passed to the cache.
    pub puts: u64,
}

impl Cache {
    /// A cache that is off: it is empty and stores nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Creates the cache described by `option`. Nothing is opened before the first
    /// lookup.
    #[must_use]
    pub fn open(option: &CacheOption) -> Self {
        Self::open_with_key(option, None)
    }

    /// Like [`Self::open`], with the file whose content protects the entries that were
    /// read with credentials. Without one, a cache file has its own, and such entries
    /// are not stored in memcached.
    #[must_use]
    pub fn open_with_key(option: &CacheOption, key_file: Option<&Path>) -> Self {
        let warnings = Warnings::default();
        let shards = match option {
            CacheOption::Off => Vec::new(),
            CacheOption::Memcached(servers) => memcached::shards(servers, &warnings),
            CacheOption::Auto | CacheOption::Directory(_) => match sqlite::directory(option) {
                Some(directory) => {
                    vec![sqlite::shard(&directory, option.sharing(), &warnings)]
                }
                None => {
                    warnings.add(NO_DIRECTORY);
                    Vec::new()
                }
            },
        };
        let key_source = match key_file {
            Some(file) => Some(KeySource::Given(file.to_owned())),
            None => sqlite::directory(option).map(KeySource::Beside),
        };
        Self::from_shards(shards, option.backend(), warnings, key_source)
    }

    pub(crate) fn from_shards(
        shards: Vec<Shard>,
        backend: Option<CacheBackend>,
        warnings: Warnings,
        key_source: Option<KeySource>,
    ) -> Self {
        Self {
            inner: Arc::new(CacheInner {
                shards,
                backend,
                warnings,
                key_source,
                ..CacheInner::default()
            }),
        }
    }

    /// The secret of the entries that only their owner may find. `None`: such entries are
    /// neither stored nor read.
    pub(crate) fn identity_key(&self) -> Option<&IdentityKey> {
        let inner = &self.inner;
        let key = inner.key.get_or_init(|| {
            let source = inner.key_source.as_ref().filter(|_| !self.is_off())?;
            match IdentityKey::load(source) {
                Ok(key) => Some(key),
                Err(error) => {
                    inner.warnings.add(format!(
                        "what is read with credentials, and the places of images that kustomize builds, \
                         are not cached: {}: {error}",
                        source.path().display()
                    ));
                    None
                }
            }
        });
        key.as_ref()
    }

    /// The key of an entry whose parts are secret: without the secret of the cache, it does not
    /// help to guess them. `None`: such entries are neither stored nor read.
    pub(crate) fn secret_key(&self, kind: EntryKind, parts: &[&[u8]]) -> Option<CacheKey> {
        let subject = CacheKey::new(kind, parts);
        let owner = self.identity_key()?.owner(subject.hash());
        Some(CacheKey::new(kind, &[&owner]))
    }

    /// Returns the values of these keys, in the same order.
    pub(crate) async fn get(&self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        let mut values: Vec<Option<Vec<u8>>> = vec![None; keys.len()];
        let mut positions: Vec<Vec<usize>> = vec![Vec::new(); self.inner.shards.len()];
        for (position, key) in keys.iter().enumerate() {
            if let Some(shard) = self.shard(key) {
                positions[shard].push(position);
            }
        }
        let used = positions.iter().enumerate();
        let lookups = used.filter(|(_, positions)| !positions.is_empty());
        let lookups = lookups.map(|(shard, positions)| {
            let keys = positions.iter().map(|position| keys[*position]).collect();
            let found = self.inner.shards[shard].worker.get(keys);
            async move { (positions, found.await.unwrap_or_default()) }
        });
        for (positions, found) in join_all(lookups).await {
            for (position, value) in positions.iter().zip(found) {
                values[*position] = value;
            }
        }
        let hits = values.iter().flatten().count() as u64;
        self.inner.hits.fetch_add(hits, Ordering::Relaxed);
        let misses = values.len() as u64 - hits;
        self.inner.misses.fetch_add(misses, Ordering::Relaxed);
        values
    }

    /// Stores a value under a key, if possible. It is written a little later on
    /// another thread; [`Self::get`] finds it immediately.
    pub(crate) fn put(&self, key: CacheKey, value: Vec<u8>) {
        if let Some(shard) = self.shard(&key) {
            self.inner.puts.fetch_add(1, Ordering::Relaxed);
            self.inner.shards[shard].worker.put(key, value);
        }
    }

    /// Waits up to 2 seconds until all values are written. Call this at the end of
    /// a run; otherwise the values of the last half second are lost.
    pub async fn flush(&self) {
        let flushes = self.inner.shards.iter().filter_map(|s| s.worker.flush());
        if tokio::time::timeout(FLUSH_TIMEOUT, join_all(flushes))
            .await
            .is_err()
        {
            self.inner
                .warnings
                .add("the metadata cache is slow: some entries were not written within 2 s");
        }
    }

    /// Returns the warnings that have not been returned before, each once.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.inner.warnings.take()
    }

    /// Returns how often the cache was used so far.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        CacheStatistics {
            backend: self.inner.backend,
            hits: self.inner.hits.load(Ordering::Relaxed),
            misses: self.inner.misses.load(Ordering::Relaxed),
            puts: self.inner.puts.load(Ordering::Relaxed),
        }
    }

    /// Whether the cache is off or all of its shards have been given up.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.inner.shards.iter().all(|shard| shard.worker.is_over())
    }

    /// Returns the shard of a key, by rendezvous hashing: if a server is added or
    /// removed, only its own keys move.
    fn shard(&self, key: &CacheKey) -> Option<usize> {
        let [a, b, c, d, e, f, g, h, ..] = *key.hash();
        let key = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let shards = self.inner.shards.iter().enumerate();
        let (best, _) = shards.max_by_key(|(_, shard)| mix(shard.seed ^ key))?;
        Some(best)
    }
}

const NO_DIRECTORY: &str = "the metadata cache is off: this user has no home directory; \
                            set a directory with --cache";

/// The last step of SplitMix64: every bit of the result depends on every bit of `x`.
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
