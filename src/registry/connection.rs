//! How one registry is reached, where an object says so: an ImageRepository of Flux has
//! certificates, a proxy and `insecure` of its own.
//!
//! Whoever may edit such an object chooses who can read what is sent. So the user's own
//! credentials are never sent over such a connection, and what was read over it is neither
//! shared with other connections nor with the cache entries of others.

use std::fmt;

use http::Uri;
use reqwest::{Certificate, Identity, Url};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::api_host::api_host;
use super::keychain::credential_id::CredentialId;
use crate::image::CanonicalName;
use crate::proxy::{self, ProxyError};
use crate::secrets;

/// The settings of a connection, as they are written.
#[derive(Debug, Default)]
pub struct ConnectionSettings {
    /// Further certificate authorities, in PEM format.
    pub authorities: Option<SecretSlice<u8>>,
    /// The certificate that the registry gets, in PEM format, and its key.
    pub certificate: Option<(SecretSlice<u8>, SecretSlice<u8>)>,
    /// The proxy for every request.
    pub proxy: Option<ProxyLogin>,
    /// Whether the registry may be read over plain HTTP, if it does not use TLS.
    pub allows_plain_http: bool,
}

/// A proxy and its login.
#[derive(Debug)]
pub struct ProxyLogin {
    /// Its URL.
    pub address: SecretString,
    /// The user name, if it needs one.
    pub username: Option<SecretString>,
    /// The password.
    pub password: Option<SecretString>,
}

/// Settings that cannot be used. Nothing of them is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The authorities are not certificates.
    #[error("its certificate authority is not a certificate in PEM format")]
    Authority,
    /// The client certificate, or its key, cannot be read.
    #[error("its client certificate and key are not in PEM format")]
    Certificate,
    /// The proxy is not valid; the reason as a sentence.
    #[error("{0}")]
    Proxy(String),
}

impl ConnectionError {
    fn of_proxy(error: &ProxyError) -> Self {
        Self::Proxy(error.to_string())
    }
}

/// How one registry is reached. Cheap to compare by its ID.
#[derive(Clone)]
pub struct RegistryConnection {
    pub(crate) id: CredentialId,
    /// The host of the registry, and its port if that is not the usual one; `None`: it is not a
    /// valid host.
    host: Option<(String, Option<u16>)>,
    pub(crate) authorities: Vec<Certificate>,
    identity: Option<Identity>,
    pub(crate) proxy: Option<Uri>,
    allows_plain_http: bool,
}

impl fmt::Debug for RegistryConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.host)
    }
}

impl RegistryConnection {
    /// The connection to the registry of a repository.
    ///
    /// # Errors
    ///
    /// A setting is not valid.
    pub fn new(
        name: &CanonicalName,
        settings: &ConnectionSettings,
    ) -> Result<Self, ConnectionError> {
        let mut authorities = Vec::new();
        if let Some(pem) = &settings.authorities {
            let bundle = Certificate::from_pem_bundle(pem.expose_secret());
            authorities = bundle.map_err(|_| ConnectionError::Authority)?;
            if authorities.is_empty() {
                return Err(ConnectionError::Authority);
            }
        }
        let identity = match &settings.certificate {
            Some((chain, key)) => {
                let key = key.expose_secret();
                let both = SecretSlice::from([chain.expose_secret(), b"\n", key].concat());
                let identity = Identity::from_pem(both.expose_secret());
                Some(identity.map_err(|_| ConnectionError::Certificate)?)
            }
            None => None,
        };
        let proxy = settings.proxy.as_ref().map(ProxyLogin::url).transpose()?;
        Ok(Self {
            id: settings.id(name),
            host: Url::parse(&format!("https://{}/", api_host(name)))
                .ok()
                .and_then(|url| host_of(&url)),
            authorities,
            identity,
            proxy,
            allows_plain_http: settings.allows_plain_http,
        })
    }

    /// The certificate for a URL; only the registry itself gets one.
    pub(crate) fn identity(&self, url: &Url) -> Option<&Identity> {
        self.identity.as_ref().filter(|_| self.is_to(url))
    }

    /// Whether a URL may be requested over plain HTTP.
    pub(crate) fn may_be_plain(&self, url: &Url) -> bool {
        self.allows_plain_http && self.is_to(url)
    }

    fn is_to(&self, url: &Url) -> bool {
        self.host.is_some() && host_of(url) == self.host
    }
}

impl ConnectionSettings {
    /// Equal for equal settings, and different for different ones.
    fn id(&self, name: &CanonicalName) -> CredentialId {
        let certificate = self.certificate.as_ref();
        let proxy = self.proxy.as_ref();
        CredentialId::of_parts(&[
            Some(api_host(name).as_bytes()),
            Some(&[u8::from(self.allows_plain_http)]),
            self.authorities.as_ref().map(|pem| pem.expose_secret()),
            certificate.map(|(chain, _)| chain.expose_secret()),
            certificate.map(|(_, key)| key.expose_secret()),
            proxy.map(|proxy| proxy.address.expose_secret().as_bytes()),
            proxy.and_then(|proxy| Some(proxy.username.as_ref()?.expose_secret().as_bytes())),
            proxy.and_then(|proxy| Some(proxy.password.as_ref()?.expose_secret().as_bytes())),
        ])
    }
}

impl ProxyLogin {
    /// The URL with the login in it.
    fn url(&self) -> Result<Uri, ConnectionError> {
        let address = self.address.expose_secret().trim();
        let Some(user) = &self.username else {
            return proxy::parse(address, "its address")
                .map_err(|error| ConnectionError::of_proxy(&error));
        };
        let user = user.expose_secret();
        let password = self.password.as_ref();
        let password = password.map_or("", |password| password.expose_secret());
        secrets::learn_login(user, password);
        secrets::learn(password);
        let mut url = Url::parse(address).map_err(|_| {
            ConnectionError::Proxy("its address is not a URL such as http://HOST:PORT".to_owned())
        })?;
        let set = url
            .set_username(user)
            .and_then(|()| url.set_password(Some(password)));
        set.map_err(|()| ConnectionError::Proxy("its address can have no login".to_owned()))?;
        proxy::parse(url.as_str(), "its address").map_err(|error| ConnectionError::of_proxy(&error))
    }
}

fn host_of(url: &Url) -> Option<(String, Option<u16>)> {
    Some((url.host_str()?.to_owned(), url.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registry_itself_is_meant() {
        let settings = ConnectionSettings {
            allows_plain_http: true,
            ..ConnectionSettings::default()
        };
        for (image, url, expected) in [
            ("r.example/app", "https://r.example/v2/", true),
            ("r.example/app", "http://r.example/v2/", true),
            ("R.example/app", "https://r.EXAMPLE/v2/", true),
            ("r.example/app", "https://r.example:5000/v2/", false),
            ("r.example:5000/app", "https://r.example:5000/v2/", true),
            ("r.example:5000/app", "https://r.example/v2/", false),
            ("r.example/app", "https://cdn.r.example/v2/", false),
            ("org/app", "https://registry-1.docker.io/v2/", true),
            ("org/app", "https://auth.docker.io/token", false),
        ] {
            let name = image.to_lowercase().parse().expect(image);
            let connection = RegistryConnection::new(&name, &settings).expect("a connection");
            let url = Url::parse(url).expect("a URL");
            assert_eq!(connection.may_be_plain(&url), expected, "{image} {url}");
            assert!(connection.identity(&url).is_none());
        }
    }

    #[test]
    fn every_setting_is_a_part_of_the_identity() {
        fn text(text: &str) -> SecretString {
            SecretString::from(text.to_owned())
        }
        fn bytes(text: &str) -> SecretSlice<u8> {
            SecretSlice::from(text.as_bytes().to_vec())
        }
        fn proxy(username: Option<&str>, password: Option<&str>) -> ConnectionSettings {
            ConnectionSettings {
                proxy: Some(ProxyLogin {
                    address: text("http://proxy.example"),
                    username: username.map(text),
                    password: password.map(text),
                }),
                ..ConnectionSettings::default()
            }
        }
        let all = [
            ConnectionSettings::default(),
            ConnectionSettings {
                allows_plain_http: true,
                ..ConnectionSettings::default()
            },
            ConnectionSettings {
                authorities: Some(bytes("a")),
                ..ConnectionSettings::default()
            },
            ConnectionSettings {
                certificate: Some((bytes("a"), bytes("b"))),
                ..ConnectionSettings::default()
            },
            ConnectionSettings {
                certificate: Some((bytes("a"), bytes("c"))),
                ..ConnectionSettings::default()
            },
            proxy(None, None),
            proxy(Some("me"), None),
            proxy(Some("me"), Some("x")),
        ];
        let name = "r.example/app".parse().expect("a name");
        let ids: std::collections::BTreeSet<_> = all.iter().map(|one| one.id(&name)).collect();
        assert_eq!(ids.len(), all.len());
        let other = "q.example/app".parse().expect("a name");
        assert!(!ids.contains(&all[1].id(&other)));
        let sibling = "r.example/other".parse().expect("a name");
        assert!(ids.contains(&all[1].id(&sibling)));
    }
}
