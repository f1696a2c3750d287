//! Images in the values of HelmReleases.

mod find;
pub(crate) mod image;
pub(crate) mod mapping;
pub(crate) mod name;
pub(crate) mod path;
pub(crate) mod scalar;
pub(crate) mod values;
