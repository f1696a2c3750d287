//! Image names to metadata: registries over HTTP, and OCI layouts on disk.
//!
//! [`Registries::answer`] takes the questions the evaluator needs answered
//! ([`crate::image::Fact`]) and writes each answer, or the reason why there is
//! none, into a [`crate::image::RepositoryMetadata`]. A failure is a value: one
//! bad registry, tag or credential spoils its own facts and no others.
//!
//! # The way of a request
//!
//! ```text
//! Registries::answer          scanner     which facts of which version, side by side
//!   └─ Sources                sources     the first place that answers, by registries_conf
//!        └─ Images            images      each manifest and config once a run, or for ever
//!             ├─ Memory       memory      what earlier runs learnt, whose and how far trusted
//!             │    └─ Cache   cache       a file or servers that keep bytes under keys
//!             ├─ Told         push_times  what bounds many dates in a few requests
//!             │    └─ Api     providers   Docker Hub, Quay, Harbor, Artifact Registry
//!             ├─ Layout       layout      a directory on disk, or
//!             └─ Remote       remote      one repository of one registry
//!                  ├─ tags         tags, link  pages, each on the host of the one before
//!                  ├─ target       redirect    where a registry may send a request on to
//!                  ├─ Authorizer   auth        challenge → credential → token, single flight
//!                  │    └─ Account account     whose credentials: the user's, or pull secrets
//!                  │         └─ Keychain  credentials  docker config files and helpers
//!                  ├─ Endpoint     endpoint    https or plain HTTP, what it wants to see
//!                  └─ Transport    transport   bound per host, time-outs, retries, size limits,
//!                                              and the one rule on addresses
//! ```
//!
//! # Rules that hold for every request
//!
//! - There is no ping: the request itself is sent, and a 401 is answered. Once a
//!   host has shown its challenge, other repositories of that host go straight
//!   to the token endpoint.
//! - Credentials go to the registry's own host, and to the token realm of its
//!   own challenge over https (or loopback, or a host named insecure). They
//!   never follow a redirect to another host.
//! - What a registry names, a redirect's target or a token endpoint, is connected
//!   to only at an address that is public, private (unless the options say
//!   otherwise), or of the registry's own kind; see [`AddressOptions`].
//! - Every body of a success is read with a running count and refused beyond its
//!   limit; what is compressed is counted as it expands. Any other body is cut.
//! - A host gets a few requests at a time, more while it keeps up, and half as
//!   many once it complains or lets them wait.
//! - A host is given up for the run after a DNS, connect or TLS failure or two
//!   time-outs; what is asked of it later fails at once, for the same reason.
//! - What comes from the network is stripped of control characters and cut
//!   before it stands in a message; no message holds a secret.
//!
//! # Oddities
//!
//! - The registry `docker.io` is served at `registry-1.docker.io`, and its
//!   credentials are filed under `https://index.docker.io/v1/`.
//! - On loopback, and for hosts named insecure, https is tried once and plain
//!   HTTP used if no TLS connection comes about; the answer holds for the run.
//! - The answers of a [`Registries`] live as long as it does: what a tag serves
//!   is asked once, or confirmed once where an earlier run has seen it. Make a
//!   new one for a new look.

mod cache;
mod client;
mod content;
mod keychain;
mod loopback;
mod mirrors;
mod options;
mod registries;
mod repository;

pub use self::client::transport::{AddressOptions, Statistics, Turn};
pub use self::keychain::account::{Account, PullSecret};
pub use self::keychain::credential_id::CredentialId;
pub use self::keychain::{
    DockerConfig, DockerConfigError, StoredCredential, user_credential_files,
};
pub use self::mirrors::{RegistriesConf, RegistriesConfError};
pub use self::registries::Registries;
pub use self::repository::layout::{OciLayout, OciLayoutError};
pub use self::repository::providers::{Provider, PushTimeApi};
pub use cache::{
    Cache, CacheOption, CacheOptionError, CacheReport, CacheStatistics, ClearError, Cleared,
    EntryKind, FileReport, KindReport, Server, ServerReport, ServerStatistics, clear_cache,
};
pub use options::{RegistryOptions, RegistrySetupError, Trust, install_crypto_provider};
