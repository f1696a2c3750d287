//! Images in the values of HelmReleases.

pub(crate) mod scalar;
pub(crate) mod values;
