//! The sources of policies: annotations, `imagePolicies`, and Flux's image objects.

pub(crate) mod annotation_keys;
pub(crate) mod annotations;
pub(crate) mod assume;
mod entry_policy;
pub(crate) mod flux;
pub(crate) mod image_policies;
pub(crate) mod other_updaters;
pub(crate) mod records;
pub(crate) mod refinements;
