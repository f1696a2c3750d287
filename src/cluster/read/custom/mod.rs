//! Kinds that not every cluster has.

pub(crate) mod helm;
pub(crate) mod image_objects;
