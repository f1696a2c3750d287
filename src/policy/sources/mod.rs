//! Where policies come from: annotations and `imagePolicies`.

pub(crate) mod annotations;
pub(crate) mod assume;
pub(crate) mod image_policies;
pub(crate) mod keys;
pub(crate) mod other_updaters;
pub(crate) mod records;
pub(crate) mod refinements;
