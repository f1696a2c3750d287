//! `cache info`.

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::Time;

/// The answer of `cache info`: where metadata is kept and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheInfo {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `CacheInfo`.
    pub kind: String,
    /// The value of `--cache`.
    pub cache: String,
    /// The file; null where the cache is none.
    pub file: Option<CacheFileItem>,
    /// The memcached servers.
    pub servers: Vec<CacheServerItem>,
}

impl CacheInfo {
    /// What is known of this cache.
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

/// The file of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheFileItem {
    /// Where it is, or would be.
    pub path: String,
    /// What it takes on disk, in bytes.
    pub bytes: u64,
    /// What it may take, in bytes.
    pub limit_bytes: u64,
    /// Its entries, by kind.
    pub entries: Vec<CacheEntriesItem>,
    /// When the oldest entry was written; null where there is none.
    pub oldest: Option<Time>,
    /// Why its entries cannot be read; null where they can.
    pub problem: Option<String>,
}

/// The entries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheEntriesItem {
    /// `tag-list`, `tag` or `image`.
    pub kind: String,
    /// How many there are.
    pub count: u64,
    /// Their values, in bytes.
    pub bytes: u64,
}

/// A memcached server. The figures are its own and count what others keep there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheServerItem {
    /// `HOST:PORT`.
    pub server: String,
    /// Its version; null where it does not answer, as all that follows.
    pub version: Option<String>,
    /// How many items it holds.
    pub count: Option<u64>,
    /// What they take, in bytes.
    pub bytes: Option<u64>,
    /// What they may take, in bytes.
    pub limit_bytes: Option<u64>,
    /// Why it does not answer; null where it does.
    pub problem: Option<String>,
}
