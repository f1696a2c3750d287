//! What `cache info` and `cache clear` report.

use std::path::PathBuf;

use jiff::Timestamp;

use super::key::EntryKind;
use super::option::Server;

/// Where a cache is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheReport {
    /// The cache is off.
    Off,
    /// The user has no cache directory.
    NoDirectory,
    /// A cache in a file.
    File(FileReport),
    /// A cache on memcached servers, in the order in which they were given.
    Servers(Vec<ServerReport>),
}

/// A cache file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The path of the file, which may not exist yet.
    pub path: PathBuf,
    /// Its size on disk in bytes, including the files next to it while it is in use.
    pub bytes: u64,
    /// The approximate size limit in bytes.
    pub limit: u64,
    /// Its entries by kind, in the order of [`EntryKind::ALL`].
    pub kinds: Vec<KindReport>,
    /// When the oldest entry was written.
    pub oldest: Option<Timestamp>,
    /// Why the entries could not be read.
    pub problem: Option<String>,
}

/// The entries of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindReport {
    /// The kind.
    pub kind: EntryKind,
    /// The number of entries.
    pub entries: u64,
    /// The total size of their values in bytes.
    pub bytes: u64,
}

/// One memcached server. The figures include the entries of other programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// The server.
    pub server: Server,
    /// Its statistics, or why it did not report any.
    pub answer: Result<ServerStatistics, String>,
}

/// The statistics of a memcached server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatistics {
    /// Its version.
    pub version: String,
    /// The number of items it holds.
    pub items: u64,
    /// The total size of its items in bytes.
    pub bytes: u64,
    /// Its memory limit in bytes.
    pub limit: u64,
}

/// The result of `cache clear`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleared {
    /// There was nothing to remove.
    Nothing,
    /// The entries of this file were removed.
    File {
        /// The file, which still exists.
        path: PathBuf,
        /// The number of entries removed.
        entries: u64,
    },
    /// All items of these servers were removed.
    Servers(Vec<Server>),
}

/// Why a cache was not cleared.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// The file belongs to another program, is in use, or is not writable.
    #[error("the metadata cache {} was not cleared: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// memcached cannot list the entries of one program.
    #[error(
        "memcached cannot list the entries of this cache, so nothing was removed; \
         --all removes everything from the servers, including entries of other programs"
    )]
    NotAll,
    /// Some servers could not be cleared.
    #[error("not cleared: {}", .0.iter().map(|(server, why)| format!("{server}: {why}")).collect::<Vec<_>>().join("; "))]
    Servers(Vec<(Server, String)>),
}
