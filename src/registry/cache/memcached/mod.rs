//! Entries in memcached servers.

mod connection;
mod entries;

use sha2::{Digest, Sha256};

pub(super) use connection::{Connection, Trouble};

use super::option::Server;
use super::store::Shard;
use super::warnings::Warnings;
use super::worker::Worker;
use crate::registry::failure::clean;

/// One part of the cache for each server.
pub(super) fn shards(servers: &[Server], warnings: &Warnings) -> Vec<Shard> {
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
