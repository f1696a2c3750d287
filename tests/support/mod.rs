//! What several tests share.

pub mod content;
pub mod krew_manifest;
pub mod layout;
pub mod oracle;
pub mod program;
pub mod registry;
pub mod scenario;
