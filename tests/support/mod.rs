//! Helpers that are shared by several tests.

pub mod api_server;
pub mod content;
pub mod git;
pub mod git_server;
pub mod krew_manifest;
pub mod kustomize_cases;
pub mod layout;
pub mod oracle;
pub mod program;
#[cfg(unix)]
pub mod pty;
pub mod registry;
pub mod scenario;
pub mod socks;
