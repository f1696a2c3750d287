//! The formats that registries serve: manifests, configs, digests and links.

pub(crate) mod config;
pub(crate) mod digest;
pub(crate) mod go_json;
pub(crate) mod lenient;
pub(crate) mod link;
pub(crate) mod manifest;
mod manifest_json;
