//! One part of the entries: a file or a server behind its worker.

use super::worker::Worker;

/// A shard of the cache.
pub(crate) struct Shard {
    /// Together with a key, decides whether the key belongs to this shard.
    pub(crate) seed: u64,
    pub(crate) worker: Worker,
}
