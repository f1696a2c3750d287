//! The credentials for a registry: from docker config files, the credential helpers
//! that they name, the helpers of cloud registries, and pull secrets.

pub(crate) mod account;
pub(crate) mod cloud;
pub(crate) mod credential_id;
pub(crate) mod docker_config;
mod entry;
pub(crate) mod key;
mod keychain;
pub(crate) mod program;

pub use docker_config::{DockerConfig, DockerConfigError};
pub use entry::StoredCredential;
pub(crate) use entry::StoredCredential as Credential;
pub use keychain::user_credential_files;
pub(crate) use keychain::{CredentialCandidate, FoundCredentials};
