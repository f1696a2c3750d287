//! What must hold for every input of a parser, whatever a registry, a server or a file
//! contains.
//!
//! Each function takes the bytes that a fuzzer invented, and panics if a property does not
//! hold. The targets in `fuzz/` call them, and so does `cargo test`, with the inputs in
//! `fuzz/corpus`. The module exists only in these two builds.

mod challenge;
mod docker_config;
mod go_regex;
mod link;
mod manifest_edit;
mod manifest_read;
mod marker_edit;
mod memcached;
mod registries_conf;
#[cfg(test)]
mod replay_tests;
mod snapshot;

pub use challenge::challenge;
pub use docker_config::docker_config;
pub use go_regex::go_regex;
pub use link::link;
pub use manifest_edit::manifest_edit;
pub use manifest_read::manifest_read;
pub use marker_edit::marker_edit;
pub use memcached::memcached;
pub use registries_conf::registries_conf;
pub use snapshot::snapshot;
