//! Flux's image objects: which image an ImagePolicy has recorded, how it elects one, from
//! which repository, and which automation applies it.

pub(crate) mod access;
pub(crate) mod fields;
pub(crate) mod image_automation;
pub(crate) mod image_policy;
pub(crate) mod image_repository;
pub(crate) mod objects;
pub(crate) mod policy_image;
pub(crate) mod rule;
