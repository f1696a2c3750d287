//! The API of each registry, and its URL.

use reqwest::Url;

use super::option::{Provider, PushTimeApi};
use super::times::{NoPushTimes, PushTimes};
use super::{docker_hub, harbor, quay};
use crate::registry::client::remote::Remote;
use crate::registry::options::RegistrySetupError;

/// An API and its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Api {
    provider: Provider,
    base: Url,
}

/// The configured APIs of a run. They take precedence over the known ones.
#[derive(Debug)]
pub(crate) struct Apis(Vec<(String, Api)>);

impl Apis {
    /// Checks the configured APIs.
    ///
    /// # Errors
    /// If the URL of an API is not valid.
    pub(crate) fn new(given: &[PushTimeApi]) -> Result<Self, RegistrySetupError> {
        given
            .iter()
            .map(|given| Ok((given.registry.clone(), Api::new(given)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the API for a repository, without sending a request.
    pub(crate) async fn for_repository(&self, remote: &Remote) -> Option<Api> {
        let name = remote.name();
        let given = self.0.iter().find(|(host, _)| host == name.registry());
        if let Some((_, api)) = given {
            return Some(api.clone());
        }
        let (provider, base) = if name.is_docker_hub() {
            (Provider::DockerHub, Url::parse(docker_hub::BASE).ok()?)
        } else if name.registry() == quay::REGISTRY {
            (Provider::Quay, Url::parse(quay::BASE).ok()?)
        } else {
            let challenge = remote.challenge()?;
            let base = remote.base().await?;
            harbor::is_harbor(&challenge, &base).then_some((Provider::Harbor, base))?
        };
        Some(Api { provider, base })
    }
}

impl Api {
    fn new(given: &PushTimeApi) -> Result<Self, RegistrySetupError> {
        let base = Url::parse(&given.base)
            .ok()
            .filter(|base| base.has_host() && base.path().ends_with('/'))
            .ok_or_else(|| RegistrySetupError::PushTimeApi(given.base.clone()))?;
        Ok(Self {
            provider: given.provider,
            base,
        })
    }

    /// Fetches the push times of a repository.
    ///
    /// # Errors
    /// If there are none; see [`NoPushTimes`].
    pub(crate) async fn push_times(&self, remote: &Remote) -> Result<PushTimes, NoPushTimes> {
        match self.provider {
            Provider::DockerHub => docker_hub::push_times(remote, &self.base).await,
            Provider::Quay => quay::push_times(remote, &self.base).await,
            Provider::Harbor => harbor::push_times(remote, &self.base).await,
        }
    }
}
