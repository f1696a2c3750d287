//! What a cache holds, for its owner.

use std::path::PathBuf;

use jiff::Timestamp;

use super::key::EntryKind;
use super::option::Server;

/// Where a cache is, and what is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheReport {
    /// It is off.
    Off,
    /// The user has no directory for caches.
    NoDirectory,
    /// A file.
    File(FileReport),
    /// memcached servers, as they were named.
    Servers(Vec<ServerReport>),
}

/// A file with entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// The bytes that it takes on disk, with what stands beside it in use.
    pub bytes: u64,
    /// The bytes that it may take, about.
    pub limit: u64,
    /// Its entries, one line for each of [`EntryKind::ALL`].
    pub kinds: Vec<KindReport>,
    /// When the oldest entry was written.
    pub oldest: Option<Timestamp>,
    /// Why nothing is known of its entries.
    pub problem: Option<String>,
}

/// The entries of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindReport {
    /// Which.
    pub kind: EntryKind,
    /// How many.
    pub entries: u64,
    /// The bytes of their values.
    pub bytes: u64,
}

/// One memcached server. The figures count the entries of others too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// Which.
    pub server: Server,
    /// What it says, or why it says nothing.
    pub answer: Result<ServerStatistics, String>,
}

/// What a memcached server tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatistics {
    /// Its version.
    pub version: String,
    /// How many items it holds.
    pub items: u64,
    /// The bytes of its items.
    pub bytes: u64,
    /// The bytes that it may use.
    pub limit: u64,
}

/// What became of `cache clear`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleared {
    /// There was nothing.
    Nothing,
    /// So many entries of this file were removed.
    File {
        /// The file, which is still there.
        path: PathBuf,
        /// How many there were.
        entries: u64,
    },
    /// These servers hold nothing any more.
    Servers(Vec<Server>),
}

/// Why a cache was not cleared.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// A file that is not ours, is in use, or may not be written.
    #[error("the metadata cache {} was not cleared: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// memcached does not tell which entries are ours.
    #[error(
        "memcached does not tell which of its entries are ours, so nothing was removed; \
         --all removes everything from the servers, what other programs keep there too"
    )]
    NotAll,
    /// Some servers did not do it.
    #[error("not cleared: {}", .0.iter().map(|(server, why)| format!("{server}: {why}")).collect::<Vec<_>>().join("; "))]
    Servers(Vec<(Server, String)>),
}
