//! Entries in memcached servers.

mod connection;
mod entries;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use connection::{Connection, Trouble};

use super::option::Server;
use super::report::ServerStatistics;
use super::shard::Shard;
use super::warnings::Warnings;
use super::worker::Worker;
use crate::secrets::quote as clean;

/// One part of the cache for each server.
pub(crate) fn shards(servers: &[Server], warnings: &Warnings) -> Vec<Shard> {
    servers
        .iter()
        .map(|server| {
            let entries = entries::Entries::new(server.clone(), warnings.clone());
            Shard {
                seed: seed(server),
                worker: Worker::new(entries, warnings.clone()),
            }
        })
        .collect()
}

/// What tells a server from the others, the same wherever it is used.
fn seed(server: &Server) -> u64 {
    let hash: [u8; 32] = Sha256::digest(server.to_string()).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What a server tells of itself.
pub(crate) fn statistics(server: &Server) -> Result<ServerStatistics, Trouble> {
    let told = Connection::open(server)?.statistics()?;
    let text = |name: &str| told.get(name).ok_or(Trouble::Nonsense);
    let number = |name| text(name)?.parse().map_err(|_| Trouble::Nonsense);
    Ok(ServerStatistics {
        version: text("version")?.clone(),
        items: number("curr_items")?,
        bytes: number("bytes")?,
        limit: number("limit_maxbytes")?,
    })
}

/// Takes everything away from a server.
pub(crate) fn clear(server: &Server) -> Result<(), Trouble> {
    Connection::open(server)?.flush_all()
}
