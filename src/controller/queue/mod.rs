//! When each repository is asked next. Pure: the time is passed in, as the time since the
//! program's start.
//!
//! One entry per repository, however many workloads use it. Two kinds of failures slow it down:
//! the repository's own answers (404, 401, nonsense), which say nothing about others, and those
//! of its host (no connection, 5xx, 429), which hold for every repository there. A host that is
//! down gets a single request at a time, until one is answered.

mod entry;
mod host;
mod pauses;
mod scan_queue;
#[cfg(test)]
mod tests;

pub use entry::{ScanClass, ScanOutcome, ScanResult};
pub use pauses::{pauses_text, read_pauses};
pub use scan_queue::{QueueTimes, ScanQueue};
