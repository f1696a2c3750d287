//! The single shard of a cache in a file.

use std::path::Path;

use super::super::owner::Sharing;
use super::super::shard::Shard;
use super::super::warnings::Warnings;
use super::super::worker::Worker;
use super::database::Database;
use super::file::FILE_NAME;

/// The shard that holds all entries, in a file in this directory.
pub(crate) fn shard(directory: &Path, sharing: Sharing, warnings: &Warnings) -> Shard {
    let database = Database::new(directory.join(FILE_NAME), sharing, warnings.clone());
    Shard {
        seed: 0,
        worker: Worker::new(database, warnings.clone()),
    }
}
