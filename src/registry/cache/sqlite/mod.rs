//! Entries in an SQLite file.

mod database;
mod file;
mod open;
mod owner;
mod place;
mod rows;

use std::path::Path;

pub(crate) use owner::{clear, report};
pub(crate) use place::directory;

use super::store::Shard;
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

#[cfg(all(test, target_os = "linux"))]
mod processes;
#[cfg(test)]
mod tests;
