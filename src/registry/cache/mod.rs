//! Metadata that is kept between runs: a store of bytes under hashed keys.
//!
//! ```text
//! Cache            store      which part of the entries a key belongs to
//!   └─ Worker      worker     a thread: entries wait, and are written together
//!        ├─ sqlite            a file, shared by all processes of a user
//!        └─ memcached         a server, shared by many users and machines
//! ```
//!
//! What the bytes mean and how long they are trusted is not known here. What is:
//!
//! - A value comes back whole and under its own key, or not at all
//!   ([`seal`]): a checksum is stored with it.
//! - Nothing fails and nothing blocks: a store that does not work is a miss, and
//!   one warning.
//! - Nothing is created or connected before the first question.

pub(crate) mod checksum;
mod key;
mod maintenance;
mod memcached;
mod option;
mod report;
mod shard;
mod sqlite;
mod store;
mod warnings;
mod worker;

pub use key::EntryKind;
pub use maintenance::clear_cache;
pub use option::{CacheOption, CacheOptionError, Server};
pub use report::{
    CacheReport, ClearError, Cleared, FileReport, KindReport, ServerReport, ServerStatistics,
};
pub use store::{Cache, CacheStatistics};

pub(crate) use key::CacheKey;
