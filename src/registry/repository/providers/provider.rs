//! Which registry has which API, and where.

use reqwest::Url;

use super::times::{NoPushTimes, PushTimes};
use super::{docker_hub, harbor, quay};
use crate::registry::client::remote::Remote;
use crate::registry::options::RegistrySetupError;

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

/// An API that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Api {
    provider: Provider,
    base: Url,
}

/// The APIs of a run: those that were given, then those that are known.
#[derive(Debug)]
pub(crate) struct Apis(Vec<(String, Api)>);

impl Apis {
    /// Sets up.
    ///
    /// # Errors
    /// Where an API that was given has no usable URL.
    pub(crate) fn new(given: &[PushTimeApi]) -> Result<Self, RegistrySetupError> {
        let api = |given: &PushTimeApi| {
            let base = Url::parse(&given.base)
                .ok()
                .filter(|base| base.has_host() && base.path().ends_with('/'))
                .ok_or_else(|| RegistrySetupError::PushTimeApi(given.base.clone()))?;
            let provider = given.provider;
            Ok((given.registry.clone(), Api { provider, base }))
        };
        given.iter().map(api).collect::<Result<_, _>>().map(Self)
    }

    /// The API for a repository, found without asking anybody.
    pub(crate) async fn for_repository(&self, remote: &Remote) -> Option<Api> {
        let name = remote.name();
        let given = self.0.iter().find(|(host, _)| host == name.registry());
        if let Some((_, api)) = given {
            return Some(api.clone());
        }
        let known = |provider, base| {
            let base = Url::parse(base).ok()?;
            Some(Api { provider, base })
        };
        if name.is_docker_hub() {
            return known(Provider::DockerHub, docker_hub::BASE);
        }
        if name.registry() == quay::REGISTRY {
            return known(Provider::Quay, quay::BASE);
        }
        let challenge = remote.challenge()?;
        let base = remote.base().await?;
        harbor::is_known_by(&challenge, &base).then_some(Api {
            provider: Provider::Harbor,
            base,
        })
    }
}

impl Api {
    /// The push times that the provider lists for a repository.
    ///
    /// # Errors
    /// Where it lists none; see [`NoPushTimes`].
    pub(crate) async fn push_times(&self, remote: &Remote) -> Result<PushTimes, NoPushTimes> {
        match self.provider {
            Provider::DockerHub => docker_hub::push_times(remote, &self.base).await,
            Provider::Quay => quay::push_times(remote, &self.base).await,
            Provider::Harbor => harbor::push_times(remote, &self.base).await,
        }
    }
}
