//! The credentials that apply to a repository, most specific first.

use super::docker_config::DockerConfig;
use super::docker_config::StoredCredential as Credential;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::image::CanonicalName;

use super::credential_id::CredentialId;
use super::program::{Helper, HelperError};
use crate::registry::options::RegistryOptions;

/// The key under which docker files what belongs to Docker Hub.
pub(crate) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The files in which a user's registry credentials stand, whether they exist
/// or not, in the order in which they are tried: `$REGISTRY_AUTH_FILE`, docker's
/// (`$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`), podman's
/// (`$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`).
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "where the files lie is in the environment"
)]
pub fn user_credential_files() -> Vec<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = std::env::home_dir();
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let podman = |directory: PathBuf| directory.join("containers").join("auth.json");
    [
        variable("REGISTRY_AUTH_FILE"),
        docker.map(|directory| directory.join("config.json")),
        variable("XDG_RUNTIME_DIR").map(podman),
        config.map(podman),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One credential for a repository.
#[derive(Debug, Clone)]
pub(crate) struct CredentialCandidate {
    pub(crate) credential: Arc<Credential>,
    /// Where it stands.
    pub(crate) origin: String,
    /// The helper that gave it.
    pub(crate) helper: Option<String>,
}

impl CredentialCandidate {
    pub(crate) fn from_helper(helper: &str, credential: Arc<Credential>) -> Self {
        Self {
            credential,
            origin: format!("docker-credential-{helper}"),
            helper: Some(helper.to_owned()),
        }
    }

    /// What sets it apart from others; see [`super::account::Account::ids`].
    pub(crate) fn id(&self, name: &CanonicalName, private: bool) -> Option<CredentialId> {
        match &self.helper {
            Some(helper) if private => Some(CredentialId::for_helper(helper, name)),
            Some(_) | None => CredentialId::from_credentials([&*self.credential]),
        }
    }
}

/// What was found for a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundCredentials {
    /// In the order in which they are tried.
    pub(crate) candidates: Vec<CredentialCandidate>,
    after_user: bool,
    /// What went wrong on the way.
    notes: Vec<String>,
}

impl FoundCredentials {
    /// Those of pull secrets; `after_user`: the user's own were refused before.
    pub(crate) fn new(candidates: Vec<CredentialCandidate>, after_user: bool) -> Self {
        Self {
            candidates,
            after_user,
            notes: Vec::new(),
        }
    }

    /// With which credentials a registry was asked that was shown the first
    /// ones up to `at`, for messages.
    pub(crate) fn tried(&self, at: usize) -> String {
        let shown: Vec<&str> = self
            .candidates
            .iter()
            .take(at + 1)
            .map(|c| c.origin.as_str())
            .collect();
        let mut tried = if shown.is_empty() {
            "anonymously, no credentials were found".to_owned()
        } else {
            let first = if self.after_user { "as you, then " } else { "" };
            let shown = shown.join(", then of ");
            format!("{first}with the credentials of {shown}")
        };
        for note in &self.notes {
            tried.push_str("; ");
            tried.push_str(note);
        }
        tried
    }
}

/// The user's credentials, read when the first registry asks for any.
#[derive(Debug)]
pub(crate) struct Keychain {
    files: Vec<PathBuf>,
    helper_path: Option<OsString>,
    helper_timeout: Duration,
    configs: OnceCell<Vec<LoadedConfig>>,
    /// What helpers said, by helper and registry: they may be slow, or ask the
    /// user to touch a key.
    helped: Mutex<HashMap<(String, String), HelperCell>>,
}

pub(crate) type HelperCell = Arc<OnceCell<Result<Option<Arc<Credential>>, HelperError>>>;

#[derive(Debug)]
pub(crate) struct LoadedConfig {
    path: PathBuf,
    config: Result<DockerConfig, String>,
}

impl Keychain {
    pub(crate) fn new(options: &RegistryOptions) -> Self {
        Self {
            files: options.credential_files.clone(),
            helper_path: options.helper_path.clone(),
            helper_timeout: options.helper_timeout,
            configs: OnceCell::new(),
            helped: Mutex::default(),
        }
    }

    /// The credential for a repository: in each file the helper first, then
    /// what the file itself holds; the first file that has one wins. Last, the
    /// helper of a cloud.
    pub(crate) async fn find(&self, name: &CanonicalName) -> FoundCredentials {
        let mut notes = Vec::new();
        let candidate = self.candidate(name, &mut notes).await;
        FoundCredentials {
            candidates: candidate.into_iter().collect(),
            notes,
            ..FoundCredentials::default()
        }
    }

    pub(crate) async fn candidate(
        &self,
        name: &CanonicalName,
        notes: &mut Vec<String>,
    ) -> Option<CredentialCandidate> {
        for LoadedConfig { path, config } in self.configs().await {
            let config = match config {
                Ok(config) => config,
                Err(fault) => {
                    notes.push(format!("{} was not used: {fault}", path.display()));
                    continue;
                }
            };
            if let Some(helper) = config.helper(name) {
                match self.help(helper, name).await {
                    Ok(Some(found)) => {
                        return Some(CredentialCandidate::from_helper(helper, found));
                    }
                    Ok(None) => {}
                    Err(fault) => notes.push(fault.to_string()),
                }
            }
            if let Some(credential) = config.credentials(name).next() {
                return Some(CredentialCandidate {
                    credential: Arc::new(credential.clone()),
                    origin: path.display().to_string(),
                    helper: None,
                });
            }
        }
        let helper = super::cloud::helper(name.registry())?;
        match self.help(helper, name).await {
            Ok(found) => Some(CredentialCandidate::from_helper(helper, found?)),
            // Nobody has asked for it.
            Err(HelperError::NotInstalled { .. }) => None,
            Err(fault) => {
                notes.push(fault.to_string());
                None
            }
        }
    }

    /// The identities of the credentials that may be found for a repository,
    /// without running a helper: those of helpers are known only where their
    /// name will do.
    pub(crate) async fn ids(&self, name: &CanonicalName, private: bool) -> Vec<CredentialId> {
        let mut ids = Vec::new();
        let of_helper = |helper: &str| private.then(|| CredentialId::for_helper(helper, name));
        for config in self
            .configs()
            .await
            .iter()
            .filter_map(|l| l.config.as_ref().ok())
        {
            ids.extend(config.helper(name).and_then(of_helper));
            let credential = config.credentials(name).next();
            ids.extend(
                credential.and_then(|credential| CredentialId::from_credentials([credential])),
            );
        }
        ids.extend(super::cloud::helper(name.registry()).and_then(of_helper));
        ids
    }

    pub(crate) async fn configs(&self) -> &[LoadedConfig] {
        self.configs
            .get_or_init(|| async {
                let files = self.files.clone();
                let read = || files.into_iter().filter_map(|path| load(&path)).collect();
                tokio::task::spawn_blocking(read).await.unwrap_or_default()
            })
            .await
    }

    pub(crate) async fn help(
        &self,
        helper: &str,
        name: &CanonicalName,
    ) -> Result<Option<Arc<Credential>>, HelperError> {
        let server = if name.is_docker_hub() {
            DOCKER_HUB_KEY
        } else {
            name.registry()
        };
        let cell = {
            let mut helped = self.helped.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (helper.to_owned(), server.to_owned());
            Arc::clone(helped.entry(key).or_default())
        };
        let ask = || async {
            let helper = Helper {
                name: helper,
                path: self.helper_path.as_deref(),
                timeout: self.helper_timeout,
            };
            helper.get(server).await.map(|found| found.map(Arc::new))
        };
        cell.get_or_init(ask).await.clone()
    }
}

/// Reads a file; one that does not exist is no fault.
pub(crate) fn load(path: &Path) -> Option<LoadedConfig> {
    let config = match std::fs::read(path) {
        Ok(bytes) => DockerConfig::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => Err(error.kind().to_string()),
    };
    Some(LoadedConfig {
        path: path.to_owned(),
        config,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A keychain without files, and with this helper on its path.
    pub(crate) fn keychain(helper: &str, script: &str) -> (tempfile::TempDir, Keychain) {
        let bin = tempfile::tempdir().expect("a folder");
        let program = bin.path().join(format!("docker-credential-{helper}"));
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("a program");
        let options = RegistryOptions {
            helper_path: Some(bin.path().as_os_str().to_owned()),
            ..RegistryOptions::default()
        };
        (bin, Keychain::new(&options))
    }

    const LOGGED_IN: &str = r#"echo '{"Username":"me","Secret":"1"}'"#;

    #[tokio::test]
    pub(crate) async fn the_helper_of_a_cloud_is_asked_for_the_registries_of_that_cloud_alone() {
        let (_bin, keychain) = keychain("gcloud", LOGGED_IN);
        for (name, expected) in [
            ("eu.gcr.io/project/app", 1),
            ("docker.io/library/nginx", 0),
            ("team.azurecr.io/app", 0),
        ] {
            let found = keychain.find(&name.parse().expect("a name")).await;
            assert_eq!(found.candidates.len(), expected, "{name}");
            assert_eq!(found.notes, [""; 0], "who has no helper is not told so");
        }
    }

    #[tokio::test]
    pub(crate) async fn the_helper_of_a_cloud_that_fails_is_named() {
        let (_bin, keychain) = keychain("ecr-login", "exit 1");
        let name = "1.dkr.ecr.eu-west-1.amazonaws.com/app";
        let found = keychain.find(&name.parse().expect("a name")).await;
        assert!(found.candidates.is_empty());
        let note = "docker-credential-ecr-login failed (exit status: 1)";
        assert_eq!(found.notes, [note]);
    }

    #[tokio::test]
    pub(crate) async fn a_helper_is_known_by_its_name_where_only_its_user_reads_the_cache() {
        let (_bin, keychain) = keychain("gcloud", LOGGED_IN);
        let name = "eu.gcr.io/project/app".parse().expect("a name");
        let found = keychain.find(&name).await;
        let [candidate] = &found.candidates[..] else {
            panic!("{found:?}");
        };
        let by_name = CredentialId::for_helper("gcloud", &name);
        assert_eq!(candidate.id(&name, true), Some(by_name));
        assert_ne!(candidate.id(&name, false), Some(by_name));
        assert_eq!(keychain.ids(&name, true).await, [by_name]);
        assert_eq!(
            keychain.ids(&name, false).await,
            [],
            "it would have to be run"
        );
    }
}
