//! The metadata cache: it keeps bytes under hashed keys between runs.
//!
//! ```text
//! Cache            store      picks the shard that a key belongs to
//!   └─ Worker      worker     a thread that collects entries and writes them in batches
//!        ├─ sqlite            a file, shared by all processes of a user
//!        └─ memcached         a server, shared by many users and machines
//! ```
//!
//! The cache does not know what the bytes mean or how long to trust them. It
//! guarantees the following:
//!
//! - A value comes back complete and under its own key, or not at all: a
//!   [`checksum`] is stored with it.
//! - What another user could have written is not read: [`owner`].
//! - Nothing fails and nothing blocks: a store that does not work causes misses
//!   and one warning.
//! - Nothing is created or connected before the first lookup.

mod backend;
pub(crate) mod checksum;
mod identity_key;
mod key;
mod maintenance;
pub(crate) mod memcached;
mod option;
mod owner;
mod report;
mod shard;
mod sqlite;
mod store;
mod warnings;
mod worker;

pub use self::sqlite::user_cache_folder;
pub use backend::CacheBackend;
pub use key::EntryKind;
pub use maintenance::clear_cache;
pub use option::{CacheOption, CacheOptionError, Server};
pub use report::{
    CacheReport, ClearError, Cleared, FileReport, KindReport, ServerReport, ServerStatistics,
};
pub use store::{Cache, CacheStatistics};

pub(crate) use key::CacheKey;
