//! Entries in an SQLite file.

mod database;
mod file;
mod open;
mod owner;
mod rows;

use std::path::Path;

pub(crate) use self::cache_dir::directory;
pub(crate) use owner::{clear, report};

use super::shard::Shard;
use super::warnings::Warnings;
use super::worker::Worker;

/// The name of the file in its directory.
const FILE: &str = "metadata.db";

/// The one part of a cache that is a file in this directory.
pub(crate) fn shard(directory: &Path, warnings: &Warnings) -> Shard {
    let database = database::Database::new(directory.join(FILE), warnings.clone());
    Shard {
        seed: 0,
        worker: Worker::new(database, warnings.clone()),
    }
}

pub(crate) mod cache_dir;
#[cfg(all(test, target_os = "linux"))]
pub(crate) mod multi_process_tests;
#[cfg(test)]
mod tests;
