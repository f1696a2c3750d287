//! Secrets in files, for the ImageRepository objects that name them: registry credentials,
//! certificates and proxies.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretSlice;
use serde_json::Value;

/// The keys of certificates and proxies. Nothing else of a Secret is kept.
pub const CONNECTION_KEYS: [&str; 9] = [
    "ca.crt", "tls.crt", "tls.key", "caFile", "certFile", "keyFile", "address", "username",
    "password",
];

/// A Secret.
#[derive(Debug)]
pub struct SecretInFile {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A docker config file, or why there is none that can be used.
    pub docker_config: Result<SecretSlice<u8>, String>,
    /// The values of [`CONNECTION_KEYS`] that it has, or why they cannot be used.
    pub connection: BTreeMap<&'static str, Result<SecretSlice<u8>, String>>,
}

impl SecretInFile {
    /// Reads a Secret; `None` for another object.
    pub(crate) fn read(object: &Value, default_namespace: &str) -> Option<Self> {
        if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
            return None;
        }
        let docker_config = match object["type"].as_str().unwrap_or("Opaque") {
            "kubernetes.io/dockerconfigjson" => required(object, ".dockerconfigjson"),
            "kubernetes.io/dockercfg" => required(object, ".dockercfg"),
            other => Err(format!(
                "its type is {other:?}, not kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg"
            )),
        };
        let connection = CONNECTION_KEYS
            .into_iter()
            .filter_map(|key| Some((key, value(object, key).transpose()?)));
        let metadata = &object["metadata"];
        Some(Self {
            namespace: metadata["namespace"]
                .as_str()
                .unwrap_or(default_namespace)
                .to_owned(),
            name: metadata["name"].as_str()?.to_owned(),
            docker_config,
            connection: connection.collect(),
        })
    }
}

fn required(secret: &Value, key: &str) -> Result<SecretSlice<u8>, String> {
    value(secret, key)?.ok_or_else(|| format!("it has no key {key}"))
}

/// The text of the key. As in the API server, `stringData` takes precedence over `data`.
fn value(secret: &Value, key: &str) -> Result<Option<SecretSlice<u8>>, String> {
    let plain = secret["stringData"][key].as_str();
    let encoded = secret["data"][key].as_str();
    let text = plain.or(encoded);
    if text.is_some_and(|text| text.starts_with("ENC[")) {
        return Err("SOPS has encrypted it; decrypt the file first".to_owned());
    }
    let bytes = match (plain, encoded) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(text)) => {
            // In a block scalar, the text may have line breaks.
            let text: String = text.split_whitespace().collect();
            let decoded = STANDARD.decode(text);
            decoded.map_err(|_| format!("its {key} is not valid base64"))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn docker_config_is_read_from_plain_and_encoded_text() {
        for (fields, expected) in [
            (json!({"data": {".dockerconfigjson": "e30="}}), Ok("{}")),
            (json!({"data": {".dockerconfigjson": "e3\n0=\n"}}), Ok("{}")),
            (
                json!({"stringData": {".dockerconfigjson": "[]"}, "data": {".dockerconfigjson": "e30="}}),
                Ok("[]"),
            ),
            (
                json!({"data": {".dockerconfigjson": "ENC[AES256_GCM,data:x]"}}),
                Err("SOPS has encrypted it; decrypt the file first"),
            ),
            (
                json!({"data": {".dockerconfigjson": "?"}}),
                Err("its .dockerconfigjson is not valid base64"),
            ),
            (json!({}), Err("it has no key .dockerconfigjson")),
        ] {
            let mut object = json!({"apiVersion": "v1", "kind": "Secret",
                "type": "kubernetes.io/dockerconfigjson", "metadata": {"name": "pull"}});
            for (key, value) in fields.as_object().expect("fields") {
                object[key] = value.clone();
            }
            let secret = SecretInFile::read(&object, "flux-system").expect("a Secret");
            assert_eq!(secret.namespace, "flux-system");
            let found = secret
                .docker_config
                .as_ref()
                .map(|config| std::str::from_utf8(config.expose_secret()).expect("a text"));
            assert_eq!(found.map_err(String::as_str), expected, "{fields}");
        }
        let opaque = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "ca"}, "stringData": {"ca.crt": "x", "other": "y"},
            "data": {"tls.key": "?"}});
        let secret = SecretInFile::read(&opaque, "flux-system").expect("a Secret");
        assert!(secret.docker_config.is_err());
        let keys: Vec<(&str, bool)> = secret
            .connection
            .iter()
            .map(|(key, value)| (*key, value.is_ok()))
            .collect();
        assert_eq!(keys, [("ca.crt", true), ("tls.key", false)]);
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}});
        assert!(SecretInFile::read(&other, "flux-system").is_none());
    }
}
