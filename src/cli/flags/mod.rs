//! Flags that several commands share.

pub(crate) mod client;
pub(crate) mod decisions;
pub(crate) mod elected;
pub(crate) mod git;
pub(crate) mod git_place;
pub(crate) mod given;
pub(crate) mod lease;
pub(crate) mod output;
pub(crate) mod overrides;
pub(crate) mod policy_texts;
pub(crate) mod pull_secrets;
pub(crate) mod registry;
pub(crate) mod scope;
pub(crate) mod target;
