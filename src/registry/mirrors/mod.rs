//! `registries.conf`, version 2 of the format of containers-tools: where images
//! are read from instead of where their names point, and what is blocked.
//!
//! Source: containers-registries.conf(5) and containers-registries.conf.d(5).
//!
//! - Of the `[[registry]]` tables whose `prefix` begins a repository's name, the
//!   one with the longest prefix counts, alone.
//! - A repository is looked for on the table's mirrors in their order, then at
//!   its location: what follows the prefix is put behind each.
//! - A mirror for digests only is never asked: what we ask begins with tags.
//! - Short names, aliases, search registries and helpers are passed over: our
//!   names are complete, and credentials are looked up elsewhere.
//!
//! A file that exists and cannot be read, or that holds a setting of a registry
//! that we do not know, is an error wherever it lies: to pass over it could ask
//! a registry that it blocks.

mod conf;
pub(crate) mod config_files;
mod format;
mod prefix;

pub use self::conf::RegistriesConf;
pub(crate) use self::conf::{PullSource, PullSources, Role};
pub use self::config_files::RegistriesConfError;
