//! What keeps the values of the cache.

use crate::named_enum::named_enum;

named_enum! {
    /// What keeps the values of the cache, for the label of a metric.
    pub enum CacheBackend {
        /// A file.
        File = "file",
        /// Servers.
        Memcached = "memcached",
    }
}
