//! Connections that ImageRepository objects set: certificates, a proxy, plain HTTP.

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::secret_source::SecretSource;
use crate::cluster::SecretValues;
use crate::evaluator::Subject;
use crate::image::{CanonicalName, FetchFailure, FetchFailureKind, Known, RepositoryMetadata};
use crate::registry::{ConnectionSettings, ProxyLogin, Registries, RegistryConnection};
use crate::workload::PullIdentity;

/// Whether the reader of a subject says how the registry is reached.
pub(crate) fn has_connection(subject: &Subject<'_>) -> bool {
    let reader = subject.reader();
    reader.is_some_and(|reader| !reader.pull_secrets.connection.is_empty())
}

/// The registries as a reader reaches them.
///
/// # Errors
///
/// A Secret cannot be read or used; the reason as a sentence that names it.
pub(crate) async fn connected(
    secrets: &SecretSource<'_>,
    reader: &PullIdentity,
    name: &CanonicalName,
    registries: &Registries,
) -> Result<Registries, String> {
    if registries.is_on_disk(name) {
        return Ok(registries.clone());
    }
    let refs = &reader.pull_secrets.connection;
    let mut settings = ConnectionSettings {
        allows_plain_http: refs.insecure,
        ..ConnectionSettings::default()
    };
    let namespace = &reader.namespace;
    if let Some(secret) = &refs.certificates {
        let values = secrets.values(namespace, secret).await;
        let added = values.and_then(|values| {
            add_certificates(&mut settings, &values)?;
            check(name, &settings)
        });
        added.map_err(|why| format!("certSecretRef {namespace}/{secret}: {why}"))?;
    }
    if let Some(secret) = &refs.proxy {
        let values = secrets.values(namespace, secret).await;
        let added = values.and_then(|values| {
            settings.proxy = Some(proxy_login(&values)?);
            check(name, &settings)
        });
        added.map_err(|why| format!("proxySecretRef {namespace}/{secret}: {why}"))?;
    }
    let connection = RegistryConnection::new(name, &settings).map_err(|error| error.to_string())?;
    let connected = registries.connected(&connection);
    connected.map_err(|error| error.to_string())
}

/// Finds a fault in what a Secret has just added.
fn check(name: &CanonicalName, settings: &ConnectionSettings) -> Result<(), String> {
    let connection = RegistryConnection::new(name, settings);
    connection.map(drop).map_err(|error| error.to_string())
}

/// The authorities and the client certificate of a Secret, also under the keys of Flux's older
/// versions.
fn add_certificates(
    settings: &mut ConnectionSettings,
    values: &SecretValues,
) -> Result<(), String> {
    settings.authorities = find(values, ["ca.crt", "caFile"]);
    let certificate = find(values, ["tls.crt", "certFile"]);
    settings.certificate = match (certificate, find(values, ["tls.key", "keyFile"])) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err("it has tls.crt but no tls.key".to_owned()),
        (None, Some(_)) => return Err("it has tls.key but no tls.crt".to_owned()),
    };
    if settings.authorities.is_none() && settings.certificate.is_none() {
        return Err("it has neither ca.crt nor tls.crt and tls.key".to_owned());
    }
    Ok(())
}

fn proxy_login(values: &SecretValues) -> Result<ProxyLogin, String> {
    let address = text(values, "address")?.ok_or("it has no key address")?;
    let (username, password) = (text(values, "username")?, text(values, "password")?);
    if username.is_none() && password.is_some() {
        return Err("it has a password but no username".to_owned());
    }
    Ok(ProxyLogin {
        address,
        username,
        password,
    })
}

fn text(values: &SecretValues, key: &str) -> Result<Option<SecretString>, String> {
    let Some(value) = values.get(key) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.expose_secret());
    let text = text.map_err(|_| format!("its {key} is not UTF-8"))?;
    Ok(Some(SecretString::from(text.to_owned())))
}

/// The value of the first of these keys that the Secret has.
fn find(values: &SecretValues, keys: [&str; 2]) -> Option<SecretSlice<u8>> {
    let value = keys.iter().find_map(|key| values.get(*key))?;
    Some(SecretSlice::from(value.expose_secret().to_vec()))
}

/// What is known of a repository that cannot be reached as its reader says.
pub(crate) fn not_reached(name: &CanonicalName, reason: &str) -> RepositoryMetadata {
    RepositoryMetadata {
        tags: Known::Failed(FetchFailure {
            kind: FetchFailureKind::Unreachable,
            message: format!("{name} was not requested: {reason}"),
        }),
        ..RepositoryMetadata::default()
    }
}
