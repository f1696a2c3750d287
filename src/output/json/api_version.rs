//! The version of the data format.

/// The `apiVersion` of all output.
pub const API_VERSION: &str = "imgpolicy.dev/v1alpha1";
