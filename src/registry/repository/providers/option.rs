//! The push-time APIs that are configured.

/// A kind of registry whose own API lists push times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// Harbor, except for its proxy projects.
    Harbor,
}

/// An API that lists the push times of a registry. For tests, and for a registry that
/// is not detected automatically, such as a private Quay.
#[derive(Debug, Clone)]
pub struct PushTimeApi {
    /// The registry, with its port, as in canonical image names.
    pub registry: String,
    /// The kind of API.
    pub provider: Provider,
    /// The base URL of the API, such as `https://quay.example/`.
    pub base: String,
}
