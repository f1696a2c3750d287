//! One part of the entries: a file or a server behind its worker.

use super::worker::Worker;

/// A shard, and the seed by which keys choose it.
pub(crate) struct Shard {
    pub(crate) seed: u64,
    pub(crate) worker: Worker,
}
