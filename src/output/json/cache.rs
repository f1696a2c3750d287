//! `cache info`.

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::Time;

/// The output of `cache info`: where metadata is stored and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheInfo {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `CacheInfo`.
    pub kind: String,
    /// The value of `--cache`.
    pub cache: String,
    /// The cache file; null if the cache is not a file.
    pub file: Option<CacheFileItem>,
    /// The memcached servers.
    pub servers: Vec<CacheServerItem>,
}

impl CacheInfo {
    /// The output for this cache.
    #[must_use]
    pub fn new(cache: &str, file: Option<CacheFileItem>, servers: Vec<CacheServerItem>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "CacheInfo".to_owned(),
            cache: cache.to_owned(),
            file,
            servers,
        }
    }
}

/// A cache file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheFileItem {
    /// The path, even if the file does not exist yet.
    pub path: String,
    /// The size on disk, in bytes.
    pub bytes: u64,
    /// The maximum size on disk, in bytes.
    pub limit_bytes: u64,
    /// The entries, by kind.
    pub entries: Vec<CacheEntriesItem>,
    /// When the oldest entry was written; null if there are no entries.
    pub oldest: Option<Time>,
    /// Why the entries cannot be read; null if they can.
    pub problem: Option<String>,
}

/// The entries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheEntriesItem {
    /// `tag-list`, `tag`, `image` or `places`.
    pub kind: String,
    /// The number of entries.
    pub count: u64,
    /// The size of their values, in bytes.
    pub bytes: u64,
}

/// A memcached server. It reports these figures itself, and they include the data of
/// other clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheServerItem {
    /// `HOST:PORT`.
    pub server: String,
    /// The server version; null, like the figures below, if the server does not answer.
    pub version: Option<String>,
    /// The number of items on the server.
    pub count: Option<u64>,
    /// The size of the items, in bytes.
    pub bytes: Option<u64>,
    /// The maximum size of the items, in bytes.
    pub limit_bytes: Option<u64>,
    /// Why the server does not answer; null if it does.
    pub problem: Option<String>,
}
