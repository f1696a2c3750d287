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
//! - Keys of the format (`auths`, `username`) are matched in any case, as Go does.
//! - A bad entry does not affect the others.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::image::CanonicalName;

use super::entry::{AuthEntry, BadEntry, StoredCredential};
use super::key::{Rank, RegistryKey};
use crate::registry::content::go_json::GoObject;

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

/// A parsed docker config file.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// In the order in which they are tried.
    entries: Vec<KeyedCredential>,
    helpers: Vec<(RegistryKey, String)>,
    store: Option<String>,
    bad_entries: Vec<(RegistryKey, BadEntry)>,
}

#[derive(Debug, Clone)]
struct KeyedCredential {
    key: RegistryKey,
    credential: StoredCredential,
}

impl DockerConfig {
    /// Parses `config.json`, `auth.json` or a `.dockerconfigjson`; a legacy
    /// `.dockercfg` is recognised because it has no `auths` around its entries.
    ///
    /// # Errors
    /// Only if the text is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, DockerConfigError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let file = GoObject::parse(bytes).map_err(|error| DockerConfigError::Json {
            line: error.line(),
            column: error.column(),
        })?;
        let mut config = Self::default();
        let is_modern = ["auths", "credHelpers", "credsStore"]
            .iter()
            .any(|key| file.has(key));
        if is_modern {
            config.add_entries(combined(&file, "auths"));
        } else {
            config.add_entries(
                file.members()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect(),
            );
        }
        for (key, name) in combined(&file, "credHelpers") {
            let helper = RegistryKey::parse(&key).zip(helper_name(name));
            config.helpers.extend(helper);
        }
        config.store = file.all("credsStore").filter_map(helper_name).last();
        config.entries.sort_by_key(|entry| entry.key.rank());
        config.helpers.sort_by_key(|(key, _)| key.rank());
        Ok(config)
    }

    fn add_entries(&mut self, entries: BTreeMap<String, &RawValue>) {
        for (key, entry) in entries {
            let Some(key) = RegistryKey::parse(&key) else {
                continue;
            };
            match AuthEntry::parse(entry).and_then(AuthEntry::credential) {
                Ok(Some(credential)) => self.entries.push(KeyedCredential { key, credential }),
                Ok(None) => {}
                Err(bad) => self.bad_entries.push((key, bad)),
            }
        }
    }

    /// Why an entry of the file for a repository cannot be used, if there is one.
    pub(crate) fn bad_entry(&self, name: &CanonicalName) -> Option<BadEntry> {
        let mut bad = self.bad_entries.iter();
        bad.find(|(key, _)| key.matches(name)).map(|(_, bad)| *bad)
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

/// The members of the object in a field, by key. As in Go, the members of several such
/// objects are combined, and the last one with a key counts.
fn combined<'a>(file: &GoObject<'a>, field: &str) -> BTreeMap<String, &'a RawValue> {
    let mut members = BTreeMap::new();
    for value in file.all(field) {
        if let Ok(object) = serde_json::from_str::<GoObject<'a>>(value.get()) {
            members.extend(object.members().map(|(key, value)| (key.to_owned(), value)));
        }
    }
    members
}

/// A helper's name, if it is valid: it becomes part of a program's name.
fn helper_name(value: &RawValue) -> Option<String> {
    let name: String = serde_json::from_str(value.get()).ok()?;
    let is_valid = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    is_valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

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
        let config = DockerConfig::parse(file.as_bytes()).expect("config");
        for (name, bad) in [
            ("bad.example/x", Some(BadEntry::Malformed)),
            ("odd.example/x", Some(BadEntry::Malformed)),
            ("empty.example/x", None),
            ("good.example/x", None),
        ] {
            assert_eq!(user_for(file, name).is_some(), name == "good.example/x");
            let of = name.parse().expect("name");
            assert_eq!(config.bad_entry(&of), bad, "{name}");
        }
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
    fn keys_of_the_format_are_matched_in_any_case() {
        for (file, expected) in [
            // As kubectl 1.13 wrote it.
            (
                r#"{"Auths":{"r.example":{"Username":"me","Password":"pw"}}}"#,
                Some("me:pw"),
            ),
            (
                r#"{"auths":{"r.example":{"Auth":"bWU6cHc=","Email":""}}}"#,
                Some("me:pw"),
            ),
            (
                r#"{"AUTHS":{"r.example":{"IdentityToken":"T"}}}"#,
                Some(" identity T"),
            ),
            (
                r#"{"auths":{"r.example":{"registryToken":"R"}}}"#,
                Some("registry R"),
            ),
            (r#"{"r.example":{"AUTH":"bWU6cHc="}}"#, Some("me:pw")),
            // Both are combined, and the last one counts.
            (
                r#"{"auths":{"q.example":{"auth":"eDp5"}},"Auths":{"r.example":{"auth":"bWU6cHc="}}}"#,
                Some("me:pw"),
            ),
            (
                r#"{"auths":{"r.example":{"username":"a","Username":"me","password":"pw"}}}"#,
                Some("me:pw"),
            ),
            (r#"{"auths":null,"Auths":[]}"#, None),
            (r#"{"auths":{"r.example":null}}"#, None),
            // Hosts are not fields.
            (
                r#"{"auths":{"R.EXAMPLE":{"auth":"bWU6cHc="}}}"#,
                Some("me:pw"),
            ),
        ] {
            let user = user_for(file, "r.example/x");
            assert_eq!(user.as_deref(), expected, "{file}");
        }
        let file = r#"{"CredHelpers":{"r.example":"ecr-login"},"credsstore":"desktop"}"#;
        let config = DockerConfig::parse(file.as_bytes()).expect("config");
        for (name, helper) in [("r.example/x", "ecr-login"), ("nginx", "desktop")] {
            let name = name.parse().expect("name");
            assert_eq!(config.helper(&name), Some(helper));
        }
    }

    #[test]
    fn an_auth_that_cannot_be_decoded_is_a_bad_entry_and_not_a_missing_one() {
        let name: CanonicalName = "r.example/x".parse().expect("name");
        for (entry, expected) in [
            (r#"{"auth":"%%%"}"#, Some(BadEntry::Auth)),
            (r#"{"auth":"bWU="}"#, Some(BadEntry::Auth)),
            (r#"{"auth":"/zp4"}"#, Some(BadEntry::Auth)),
            (r#"{"auth":"%%%","username":"x"}"#, None),
            (r#"{"auth":"%%%","identitytoken":"T"}"#, None),
            (r#"{"auth":""}"#, None),
            ("{}", None),
        ] {
            let file = format!(r#"{{"auths":{{"r.example":{entry}}}}}"#);
            let config = DockerConfig::parse(file.as_bytes()).expect("config");
            assert_eq!(config.bad_entry(&name), expected, "{entry}");
        }
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
