//! `registries.conf`, version 2 of the containers-tools format: mirrors and other
//! locations that images are read from, and what is blocked.
//!
//! Source: containers-registries.conf(5) and containers-registries.conf.d(5).
//!
//! - Only one `[[registry]]` table applies to a repository: the one whose `prefix` is
//!   the longest that its name begins with.
//! - A repository is looked up on the table's mirrors in order, then at its location:
//!   the part of its name after the prefix is appended to each.
//! - A mirror for digests only is never used, because lookups start with tags.
//! - Short names, aliases, search registries and helpers are ignored: image names are
//!   complete here, and credentials come from elsewhere.
//!
//! A file that exists but cannot be read, or that contains an unknown setting of a
//! registry, is an error wherever it is: ignoring it could contact a registry that it
//! blocks.

mod conf;
pub(crate) mod config_files;
pub(crate) mod format;
pub(crate) mod prefix;

pub use self::conf::RegistriesConf;
pub(crate) use self::conf::{PullSource, PullSources, Role};
pub use self::config_files::RegistriesConfError;
