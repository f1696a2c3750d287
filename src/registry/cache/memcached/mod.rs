//! Entries on memcached servers.

mod connection;
mod entries;
#[cfg(test)]
mod fake;
mod maintenance;
mod shards;
#[cfg(test)]
mod tests;

pub(crate) use self::maintenance::{clear, report};
pub(crate) use self::shards::shards;
