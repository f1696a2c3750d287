//! Where registries serve their API.

use crate::image::CanonicalName;

/// Where Docker Hub serves its API.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// The host and port of the API of a repository's registry.
pub(crate) fn api_host(name: &CanonicalName) -> &str {
    if name.is_docker_hub() {
        DOCKER_HUB_API
    } else {
        name.registry()
    }
}
