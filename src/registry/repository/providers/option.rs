//! The APIs that the user names.

/// A kind of registry whose own API tells when tags were pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// Harbor, where the projects are no caches of other registries.
    Harbor,
}

/// That a registry's push times are told by an API, and where. For tests, and
/// for a registry that is not known by itself: a Quay of one's own.
#[derive(Debug, Clone)]
pub struct PushTimeApi {
    /// The registry, with its port, as in canonical image names.
    pub registry: String,
    /// The kind of API.
    pub provider: Provider,
    /// The URL below which the API lies: `https://quay.example/`.
    pub base: String,
}
