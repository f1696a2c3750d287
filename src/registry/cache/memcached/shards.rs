//! The shards of a cache in memcached: one per server.

use sha2::{Digest, Sha256};

use super::super::option::Server;
use super::super::shard::Shard;
use super::super::warnings::Warnings;
use super::super::worker::Worker;
use super::entries::Entries;

/// One shard per server.
pub(crate) fn shards(servers: &[Server], warnings: &Warnings) -> Vec<Shard> {
    servers
        .iter()
        .map(|server| {
            let entries = Entries::new(server.clone(), warnings.clone());
            Shard {
                seed: seed(server),
                worker: Worker::new(entries, warnings.clone()),
            }
        })
        .collect()
}

/// Identifies a server; every process that uses it computes the same seed.
fn seed(server: &Server) -> u64 {
    let hash: [u8; 32] = Sha256::digest(server.to_string()).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
