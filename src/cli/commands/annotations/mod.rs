//! The commands that edit annotations.

pub(crate) mod automate;
pub(crate) mod deautomate;
pub(crate) mod lock;
pub(crate) mod policy;
pub(crate) mod unlock;
