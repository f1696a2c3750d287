//! The credentials that apply to a repository, most specific first.

use super::docker_config::DockerConfig;
use super::entry::StoredCredential as Credential;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::image::CanonicalName;

use super::credential_id::{AcceptedIdentity, CredentialId};
use super::program::{Helper, HelperError};
use crate::registry::options::RegistryOptions;
use crate::user_file;

/// The key under which docker stores credentials for Docker Hub.
pub(crate) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The files with a user's registry credentials, whether or not they exist, in the
/// order in which they are tried: `$REGISTRY_AUTH_FILE`, docker's
/// (`$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`), podman's
/// (`$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`).
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment says where the files are"
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
    [
        variable("REGISTRY_AUTH_FILE"),
        docker.map(|directory| directory.join("config.json")),
        variable("XDG_RUNTIME_DIR").map(|directory| directory.join(PODMAN_FILE)),
        config.map(|directory| directory.join(PODMAN_FILE)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where podman stores credentials below its directory.
const PODMAN_FILE: &str = "containers/auth.json";

/// One credential to try for a repository.
#[derive(Debug, Clone)]
pub(crate) struct CredentialCandidate {
    pub(crate) credential: Arc<Credential>,
    /// Where it comes from, for messages.
    pub(crate) origin: String,
    /// The helper that returned it.
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

    /// Whose answers the registry sends for it.
    pub(crate) fn identity(&self, name: &CanonicalName) -> AcceptedIdentity {
        AcceptedIdentity::new(&self.credential, self.helper.as_deref(), name)
    }
}

/// The credentials that were found for a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundCredentials {
    /// In the order in which they are tried.
    pub(crate) candidates: Vec<CredentialCandidate>,
    after_user: bool,
    /// What went wrong during the search.
    notes: Vec<String>,
}

impl FoundCredentials {
    /// The credentials of pull secrets; `after_user`: the user's own were refused
    /// before.
    pub(crate) fn new(
        candidates: Vec<CredentialCandidate>,
        after_user: bool,
        notes: Vec<String>,
    ) -> Self {
        Self {
            candidates,
            after_user,
            notes,
        }
    }

    /// Describes which credentials were tried, for messages, if the first ones up to
    /// `at` were sent.
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

/// The user's credentials; the files are read when the first registry requires some.
#[derive(Debug)]
pub(crate) struct Keychain {
    files: Vec<PathBuf>,
    helper_path: Option<OsString>,
    helper_timeout: Duration,
    configs: OnceCell<Vec<LoadedConfig>>,
    /// The results of helpers, by helper and registry. They are kept because helpers
    /// may be slow, or ask the user to touch a hardware key.
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

    /// The credential for a repository: for each file its helper first, then the file
    /// itself; the first file with a credential wins. Last, the helper of the cloud
    /// provider.
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
                match self.run_helper(helper, name).await {
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
            if let Some(bad) = config.bad_entry(name) {
                notes.push(format!(
                    "the entry for {} in {} was not used: {bad}",
                    name.registry(),
                    path.display()
                ));
            }
        }
        let helper = super::cloud::helper(name.registry())?;
        match self.run_helper(helper, name).await {
            Ok(found) => Some(CredentialCandidate::from_helper(helper, found?)),
            // It was tried without being configured.
            Err(HelperError::NotInstalled { .. }) => None,
            Err(fault) => {
                notes.push(fault.to_string());
                None
            }
        }
    }

    /// The IDs of the credentials that may be found for a repository. With
    /// `run_helpers`, the helpers are asked for theirs.
    pub(crate) async fn ids(&self, name: &CanonicalName, run_helpers: bool) -> Vec<CredentialId> {
        if run_helpers {
            // The one that would be sent.
            let found = self.candidate(name, &mut Vec::new()).await;
            return found
                .and_then(|found| found.identity(name).exact)
                .into_iter()
                .collect();
        }
        let mut ids = Vec::new();
        for config in self
            .configs()
            .await
            .iter()
            .filter_map(|l| l.config.as_ref().ok())
        {
            let credential = config.credentials(name).next();
            ids.extend(
                credential.and_then(|credential| CredentialId::from_credentials([credential])),
            );
        }
        ids
    }

    pub(crate) async fn configs(&self) -> &[LoadedConfig] {
        self.configs
            .get_or_init(|| async {
                let files = self.files.clone();
                tokio::task::spawn_blocking(|| {
                    files.into_iter().filter_map(|path| load(&path)).collect()
                })
                .await
                .unwrap_or_default()
            })
            .await
    }

    /// Runs a helper for a repository's registry, once per run.
    pub(crate) async fn run_helper(
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
        let helper = Helper {
            name: helper,
            path: self.helper_path.as_deref(),
            timeout: self.helper_timeout,
        };
        cell.get_or_init(|| async { helper.get(server).await.map(|found| found.map(Arc::new)) })
            .await
            .clone()
    }
}

/// The maximum size of a file with credentials, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads a file; `None` if it does not exist.
pub(crate) fn load(path: &Path) -> Option<LoadedConfig> {
    let config = match user_file::read(path, MAX_BYTES) {
        Ok(bytes) => DockerConfig::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => Err(user_file::describe(&error)),
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

    /// A keychain without files and with this helper on its path.
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

    #[test]
    fn a_file_without_an_end_is_an_error_that_names_the_limit() {
        let loaded = load(Path::new("/dev/zero")).expect("it exists");
        let error = loaded.config.map(drop).expect_err("endless");
        assert_eq!(error, "it is larger than 4 MiB");
    }

    #[tokio::test]
    async fn a_program_that_a_helper_leaves_behind_delays_nothing() {
        let name = "eu.gcr.io/project/app".parse().expect("a name");
        let limit = Duration::from_secs(20);
        // The helper has answered and ended.
        let (bin, found_by) = keychain(
            "gcloud",
            &format!("/bin/sleep 60 &\necho $! > \"$0.pid\"\n{LOGGED_IN}"),
        );
        let found = tokio::time::timeout(limit, found_by.find(&name)).await;
        let found = found.expect("not delayed");
        let pid = bin.path().join("docker-credential-gcloud.pid");
        let pid = std::fs::read_to_string(pid).expect("a process");
        let killed = std::process::Command::new("kill").arg(pid.trim()).status();
        assert!(killed.expect("kill").success(), "it was still running");
        assert_eq!(found.candidates.len(), 1);
        // The helper waits for its own program, which has the pipe too.
        let (bin, _) = keychain("slow", "/bin/sleep 60\necho");
        let helper = Helper {
            name: "slow",
            path: Some(bin.path().as_os_str()),
            timeout: Duration::from_millis(500),
        };
        let result = tokio::time::timeout(limit, helper.get("r.example")).await;
        let error = result.expect("not delayed").expect_err("too slow");
        let expected = "docker-credential-slow did not answer within 500ms";
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    pub(crate) async fn a_cloud_helper_is_run_only_for_the_registries_of_its_cloud() {
        let (_bin, keychain) = keychain("gcloud", LOGGED_IN);
        for (name, expected) in [
            ("eu.gcr.io/project/app", 1),
            ("docker.io/library/nginx", 0),
            ("team.azurecr.io/app", 0),
        ] {
            let found = keychain.find(&name.parse().expect("a name")).await;
            assert_eq!(found.candidates.len(), expected, "{name}");
            assert_eq!(found.notes, [""; 0], "a missing helper is not reported");
        }
    }

    #[tokio::test]
    pub(crate) async fn a_cloud_helper_that_fails_is_named() {
        let (_bin, keychain) = keychain("ecr-login", "exit 1");
        let name = "1.dkr.ecr.eu-west-1.amazonaws.com/app";
        let found = keychain.find(&name.parse().expect("a name")).await;
        assert!(found.candidates.is_empty());
        let note = "docker-credential-ecr-login failed (exit status: 1)";
        assert_eq!(found.notes, [note]);
    }

    #[tokio::test]
    pub(crate) async fn a_helper_is_identified_by_what_it_returns() {
        let name = "eu.gcr.io/project/app".parse().expect("a name");
        let mut identities = Vec::new();
        for (user, secret) in [("me", 1), ("me", 2), ("you", 1)] {
            let script = format!(r#"echo '{{"Username":"{user}","Secret":"{secret}"}}'"#);
            let (_bin, keychain) = keychain("gcloud", &script);
            assert_eq!(keychain.ids(&name, false).await, [], "it is not run");
            let found = keychain.find(&name).await;
            let [candidate] = &found.candidates[..] else {
                panic!("{found:?}");
            };
            let identity = candidate.identity(&name);
            let exact = identity.exact.expect("an ID");
            assert_eq!(keychain.ids(&name, true).await, [exact]);
            identities.push((exact, identity.login.expect("a helper's user")));
        }
        let [(first, me), (second, same), (third, you)] = identities[..] else {
            panic!("three helpers");
        };
        assert!(first != second && second != third && first != third);
        assert!(me == same && me != you, "the password does not matter");
    }
}
