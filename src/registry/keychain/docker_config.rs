//! Docker config files and their credentials for a repository. Nothing is read from
//! disk or run here: the same rules apply to the user's own file and to the Secrets of
//! a cluster, whose helpers must never be run.
//!
//! # The rules of docker and the kubelet
//!
//! - A key is `[SCHEME://]HOST[:PORT][/PATH]`; the scheme, trailing slashes and the
//!   legacy paths `/v1` and `/v2` are dropped.
//! - `*` in a host matches any part of one label: `*.example.com`.
//! - Ports must be equal. A path must be a prefix of the repository's, in whole
//!   elements (the kubelet also accepts partial ones).
//! - The longest path wins, then a host without `*`.
//! - `docker.io`, `index.docker.io` and `registry-1.docker.io` are the same registry.
//! - `auth` (base64 of `USER:PASSWORD`) wins over `username` and `password`; an
//!   `identitytoken` or a `registrytoken` over both.
//! - A bad entry does not affect the others.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::image::CanonicalName;

use super::key::{Rank, RegistryKey};

/// Padding is often lost when credentials are encoded by hand.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A file that is not a docker config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerConfigError {
    /// The text is not a JSON object. The text itself is not quoted.
    #[error("not a JSON object (line {line}, column {column})")]
    Json {
        /// The line of the error, from 1.
        line: usize,
        /// The column of the error, from 1.
        column: usize,
    },
}

/// A credential as it is stored.
#[derive(Debug, Clone)]
pub enum StoredCredential {
    /// A user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A refresh token, to be exchanged at the token endpoint for a registry token.
    IdentityToken {
        /// The user name, often just a placeholder.
        user: String,
        /// The token.
        token: SecretString,
    },
    /// A token for the registry itself.
    RegistryToken(SecretString),
}

/// A parsed docker config file.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// In the order in which they are tried.
    entries: Vec<KeyedCredential>,
    helpers: Vec<(RegistryKey, String)>,
    store: Option<String>,
}

#[derive(Debug, Clone)]
struct KeyedCredential {
    key: RegistryKey,
    credential: StoredCredential,
}

#[derive(Deserialize, Default)]
struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// Parses `config.json`, `auth.json` or a `.dockerconfigjson`; a legacy
    /// `.dockercfg` is recognised because it has no `auths` around its entries.
    ///
    /// # Errors
    /// Only if the text is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, DockerConfigError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let file: BTreeMap<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| DockerConfigError::Json {
                line: error.line(),
                column: error.column(),
            })?;
        let modern = ["auths", "credHelpers", "credsStore"]
            .iter()
            .any(|key| file.contains_key(*key));
        let auths = match file.get("auths") {
            Some(Value::Object(auths)) => auths.iter().collect(),
            _ if modern => Vec::new(),
            _ => file.iter().collect(),
        };
        let mut entries: Vec<KeyedCredential> = auths
            .into_iter()
            .filter_map(|(key, value)| {
                Some(KeyedCredential {
                    key: RegistryKey::parse(key)?,
                    credential: AuthEntry::deserialize(value).ok()?.credential()?,
                })
            })
            .collect();
        entries.sort_by_key(|entry| entry.key.rank());
        let mut helpers: Vec<(RegistryKey, String)> = match file.get("credHelpers") {
            Some(Value::Object(helpers)) => helpers
                .iter()
                .filter_map(|(key, name)| Some((RegistryKey::parse(key)?, helper_name(name)?)))
                .collect(),
            _ => Vec::new(),
        };
        helpers.sort_by_key(|(key, _)| key.rank());
        Ok(Self {
            entries,
            helpers,
            store: file.get("credsStore").and_then(helper_name),
        })
    }

    /// The credentials in the file itself for a repository, the best match first.
    pub fn credentials(&self, name: &CanonicalName) -> impl Iterator<Item = &StoredCredential> {
        self.ranked(name).map(|(_, credential)| credential)
    }

    /// The same, each with the rank of its key, the lowest first, so that the
    /// credentials of several files can be merged by rank.
    pub(crate) fn ranked(
        &self,
        name: &CanonicalName,
    ) -> impl Iterator<Item = (Rank, &StoredCredential)> {
        let name = name.clone();
        self.entries
            .iter()
            .filter(move |entry| entry.key.matches(&name))
            .map(|entry| (entry.key.rank(), &entry.credential))
    }

    /// The helper that the file names for a repository: `NAME` of the program
    /// `docker-credential-NAME`. To be used only for the user's own files.
    #[must_use]
    pub fn helper(&self, name: &CanonicalName) -> Option<&str> {
        self.helpers
            .iter()
            .find(|(key, _)| key.matches(name))
            .map(|(_, helper)| helper)
            .or(self.store.as_ref())
            .map(String::as_str)
    }
}

/// A helper's name, if it is valid: it becomes part of a program's name.
fn helper_name(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    let is_valid = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    is_valid.then(|| name.to_owned())
}

impl AuthEntry {
    fn credential(self) -> Option<StoredCredential> {
        if let Some(token) = non_empty(self.registrytoken) {
            return Some(StoredCredential::RegistryToken(token.into()));
        }
        let pair = non_empty(self.auth).and_then(|auth| {
            // Long lines are often folded; Go also ignores line breaks.
            let auth: String = auth.split_ascii_whitespace().collect();
            let decoded = LENIENT_BASE64.decode(auth).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            let (user, password) = decoded.split_once(':')?;
            // Some tools pad the password with zero bytes.
            Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
        });
        let (user, password) = pair.unwrap_or((
            self.username.unwrap_or_default(),
            self.password.unwrap_or_default(),
        ));
        if let Some(token) = non_empty(self.identitytoken) {
            return Some(StoredCredential::IdentityToken {
                user,
                token: token.into(),
            });
        }
        // An empty entry only says that a credential store has the credential.
        (!user.is_empty()).then(|| StoredCredential::Password {
            user,
            password: password.into(),
        })
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn user_for(file: &str, name: &str) -> Option<String> {
        let config = DockerConfig::parse(file.as_bytes()).expect("config");
        let name = name.parse().expect("name");
        config.credentials(&name).next().map(|found| match found {
            StoredCredential::Password { user, password } => {
                format!("{user}:{}", password.expose_secret())
            }
            StoredCredential::IdentityToken { user, token } => {
                format!("{user} identity {}", token.expose_secret())
            }
            StoredCredential::RegistryToken(token) => format!("registry {}", token.expose_secret()),
        })
    }

    #[test]
    fn the_longest_path_wins_and_paths_match_in_whole_elements() {
        let file = r#"{"auths":{
            "quay.io":{"username":"host","password":"1"},
            "https://quay.io/org/":{"username":"org","password":"2"},
            "quay.io/org/app":{"username":"app","password":"3"},
            "*.io":{"username":"glob","password":"4"},
            "reg.example:5000":{"username":"port","password":"5"}}}"#;
        for (name, user) in [
            ("quay.io/other/x", Some("host:1")),
            ("quay.io/org/x", Some("org:2")),
            ("quay.io/org/app", Some("app:3")),
            ("quay.io/org/application", Some("org:2")),
            ("quay.io/organisation/x", Some("host:1")),
            ("ghcr.io/x/y", Some("glob:4")),
            ("a.ghcr.io/x/y", None),
            ("reg.example:5000/x", Some("port:5")),
            ("reg.example/x", None),
            ("reg.example:5001/x", None),
        ] {
            assert_eq!(user_for(file, name).as_deref(), user, "{name}");
        }
    }

    #[test]
    fn all_names_of_docker_hub_are_the_same_registry() {
        for key in [
            "https://index.docker.io/v1/",
            "docker.io",
            "index.docker.io",
            "https://registry-1.docker.io/v2/",
            "docker.io/library",
        ] {
            let file = format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#);
            assert_eq!(
                user_for(&file, "nginx").as_deref(),
                Some("me:secret"),
                "{key}"
            );
            assert_eq!(user_for(&file, "ghcr.io/x/y"), None);
        }
    }

    #[test]
    fn auth_needs_no_padding_and_wins_over_username_and_password() {
        for (entry, expected) in [
            (
                r#"{"auth":"bWU6c2VjcmV0","username":"x","password":"y"}"#,
                "me:secret",
            ),
            (r#"{"auth":"bWU6c2VjcmV0MQ"}"#, "me:secret1"),
            (r#"{"auth":"bWU6\r\nc2VjcmV0\n"}"#, "me:secret"),
            (r#"{"auth":"bWU6YTpiOmM="}"#, "me:a:b:c"),
            (r#"{"auth":"%%%","username":"x","password":"y"}"#, "x:y"),
            (r#"{"auth":"bWU6","identitytoken":"T"}"#, "me identity T"),
            (r#"{"registrytoken":"R","username":"x"}"#, "registry R"),
        ] {
            let file = format!(r#"{{"auths":{{"r.example":{entry}}}}}"#);
            assert_eq!(
                user_for(&file, "r.example/x").as_deref(),
                Some(expected),
                "{entry}"
            );
        }
    }

    #[test]
    fn a_bad_entry_does_not_affect_the_others() {
        let file = r#"{"auths":{"bad.example":[1],"":{"username":"a"},"empty.example":{},
            "odd.example":{"auth":5},"good.example":{"username":"u","password":"p"}},
            "credHelpers":{"a.example":"../evil","b.example":"ecr-login","c.example":7},"credsStore":"a b"}"#;
        assert_eq!(user_for(file, "good.example/x").as_deref(), Some("u:p"));
        for name in ["bad.example/x", "empty.example/x", "odd.example/x"] {
            assert_eq!(user_for(file, name), None, "{name}");
        }
        let config = DockerConfig::parse(file.as_bytes()).expect("config");
        let helper = |name: &str| {
            config
                .helper(&name.parse().expect("name"))
                .map(str::to_owned)
        };
        assert_eq!(helper("b.example/x").as_deref(), Some("ecr-login"));
        assert_eq!(helper("a.example/x"), None);
        assert_eq!(helper("c.example/x"), None);
    }

    #[test]
    fn a_helper_for_the_host_wins_over_the_store() {
        let file = r#"{"credHelpers":{"gcr.io":"gcloud"},"credsStore":"desktop"}"#;
        let config = DockerConfig::parse(file.as_bytes()).expect("config");
        let helper = |name: &str| {
            config
                .helper(&name.parse().expect("name"))
                .map(str::to_owned)
        };
        assert_eq!(helper("gcr.io/x/y").as_deref(), Some("gcloud"));
        assert_eq!(helper("nginx").as_deref(), Some("desktop"));
    }

    #[test]
    fn the_legacy_format_without_auths_is_read() {
        let file = r#"{"https://r.example/v1/":{"auth":"bWU6c2VjcmV0","email":"x@y"}}"#;
        assert_eq!(user_for(file, "r.example/x").as_deref(), Some("me:secret"));
    }

    #[test]
    fn debug_output_and_errors_contain_no_secret() {
        let config = DockerConfig::parse(br#"{"auths":{"r.example":{"auth":"bWU6c2VjcmV0"}}}"#);
        assert!(!format!("{config:?}").contains("secret"));
        let error = DockerConfig::parse(br#"{"auths": "hunter2" "#).expect_err("not JSON");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
