//! Entries on memcached servers.

mod connection;
mod entries;
#[cfg(test)]
mod fake;
mod maintenance;
mod shards;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub(crate) use self::connection::{CacheStream, Connection, MAX_VALUE};
pub(crate) use self::maintenance::{clear, report};
pub(crate) use self::shards::shards;
