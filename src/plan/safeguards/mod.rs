//! What keeps a change from being written: owners, missing images, and other reasons.

pub(crate) mod basis_check;
pub(crate) mod field_managers;
pub(crate) mod held_back;
pub(crate) mod image_presence;
pub(crate) mod overrides;
pub(crate) mod owners;
pub(crate) mod prevention;
pub(crate) mod reverting;
