//! The version of the data.

/// The `apiVersion` of everything here.
pub const API_VERSION: &str = "imgpolicy.dev/v1alpha1";
