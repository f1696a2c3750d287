//! Entries in an SQLite file.

mod cache_dir;
mod database;
mod file;
mod maintenance;
#[cfg(all(test, target_os = "linux"))]
mod multi_process_tests;
mod open;
mod rows;
mod shard;
#[cfg(test)]
mod tests;

pub(crate) use self::cache_dir::directory;
pub use self::cache_dir::user_cache_folder;
pub(crate) use self::maintenance::{clear, report};
pub(crate) use self::shard::shard;
