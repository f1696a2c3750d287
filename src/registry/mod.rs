//! Image names to metadata: registries over HTTP, and OCI layouts on disk.
//!
//! [`Registries::answer`] takes the facts that the evaluator needs
//! ([`crate::image::Fact`]) and writes each value, or the reason why it is missing,
//! into a [`crate::image::RepositoryMetadata`]. A failure is a value: one bad
//! registry, tag or credential affects only its own facts.
//!
//! # How a request is made
//!
//! ```text
//! Registries::answer            registries  which facts of which version, concurrently
//!   └─ Sources                  repository  the first source that answers, in the order of
//!        │                                  `registries.conf` (mirrors)
//!        └─ images              repository  each manifest and config once per run, or never again
//!             ├─ metadata cache repository  what earlier runs learnt, for whom, how far trusted
//!             │    └─ Cache     cache       a file or servers that store bytes under keys
//!             ├─ push times     repository  an upper bound for many dates in a few requests:
//!             │                             Docker Hub, Quay, Harbor, Artifact Registry
//!             ├─ Layout         repository  a directory on disk, or
//!             └─ Remote         client      one repository of one registry
//!                  ├─ target       redirect    where a registry may redirect a request
//!                  ├─ Authorizer   auth        challenge → credential → token, single flight
//!                  │    └─ Account keychain    the user's credentials, or pull secrets:
//!                  │                           docker config files and credential helpers
//!                  ├─ Endpoint     endpoint    https or plain HTTP, which challenge it sends
//!                  └─ Transport    transport   limits per host, time-outs, retries, size limits,
//!                                              and the rule on addresses
//! ```
//!
//! # Rules for every request
//!
//! - There is no ping: the request itself is sent, and a 401 is answered. After a
//!   host has sent its challenge, requests for other repositories of that host go
//!   straight to the token endpoint.
//! - Credentials go to the registry's own host, and to the token realm of its own
//!   challenge over https (or loopback, or a host declared insecure). They never
//!   follow a redirect to another host.
//! - What a registry names, the target of a redirect or a token endpoint, is
//!   connected to only at an address that is public, private (unless the options
//!   forbid it), or of the registry's own kind; see [`AddressOptions`].
//! - The body of every successful response is counted while it is read and rejected
//!   above its limit; compressed bodies are counted after decompression. Any other
//!   body is truncated.
//! - A host gets a few concurrent requests, more while it keeps up, and half as many
//!   after it complains or queues them.
//! - After a DNS, connect or TLS failure or two time-outs, a host is skipped for the
//!   rest of the run; later requests to it fail at once, with the same reason.
//! - Text from the network is stripped of control characters and truncated before it
//!   appears in a message; no message contains a secret.
//!
//! # Special cases
//!
//! - The registry `docker.io` is served at `registry-1.docker.io`, and its
//!   credentials are stored under `https://index.docker.io/v1/`.
//! - On loopback, and for hosts declared insecure, https is tried once and plain HTTP
//!   is used if no TLS connection can be made; the result is kept for the run.
//! - A [`Registries`] remembers its answers as long as it lives: a tag is resolved
//!   once, or confirmed once if an earlier run resolved it. Create a new one to get
//!   current answers.

mod api_host;
mod cache;
mod client;
mod connection;
mod content;
mod keychain;
mod loopback;
mod mirrors;
mod options;
mod registries;
mod repository;
mod runs;

pub use self::client::transport::{AddressOptions, AnswerCounts, Statistics, Turn};
pub use self::connection::{ConnectionError, ConnectionSettings, ProxyLogin, RegistryConnection};
pub use self::keychain::account::{Account, PullSecret};
pub use self::keychain::credential_id::CredentialId;
pub use self::keychain::{
    DockerConfig, DockerConfigError, StoredCredential, user_credential_files,
};
pub use self::mirrors::{RegistriesConf, RegistriesConfError};
pub use self::registries::Registries;
pub use self::repository::layout::{OciLayout, OciLayoutError};
pub use self::repository::providers::{Provider, PushTimeApi};
pub(crate) use cache::CacheKey;
pub use cache::{
    Cache, CacheBackend, CacheOption, CacheOptionError, CacheReport, CacheStatistics, ClearError,
    Cleared, EntryKind, FileReport, KindReport, Server, ServerReport, ServerStatistics,
    clear_cache, user_cache_folder,
};
pub use options::{RegistryOptions, RegistrySetupError, Trust, install_crypto_provider};

#[cfg(any(test, fuzzing))]
pub(crate) use self::{
    cache::memcached, client::auth::challenge, content::link, mirrors::format as registries_conf,
};
