//! A part of a cache.

use super::worker::Worker;

/// A part of the entries, with what chooses it.
pub(crate) struct Shard {
    pub(crate) seed: u64,
    pub(crate) worker: Worker,
}
