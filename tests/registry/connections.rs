//! Registries that are read over a connection of their own.

use std::net::{IpAddr, Ipv4Addr};

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::{
    Account, AddressOptions, Cache, CacheOption, ConnectionSettings, DockerConfig, ProxyLogin,
    PullSecret, Registries, RegistryConnection, RegistryOptions, Trust,
};
use secrecy::{SecretSlice, SecretString};

use super::access::Config;
use super::{ask, block_on, failure, name, options, tags};
use crate::support::registry::proxy::TestProxy;
use crate::support::registry::tls::{Authority, Certificate};
use crate::support::registry::{Access, TestRegistry};

const HERE: &str = "127.0.0.1";
/// A name that resolves to this machine, but that may not be read over plain HTTP by default.
const NAMED: &str = "registry.example";

fn bytes(text: &str) -> SecretSlice<u8> {
    SecretSlice::from(text.as_bytes().to_vec())
}

fn trusting(authority: &Authority) -> ConnectionSettings {
    ConnectionSettings {
        authorities: Some(bytes(&authority.pem())),
        ..ConnectionSettings::default()
    }
}

fn with_certificate(authority: &Authority, client: &Certificate) -> ConnectionSettings {
    let (certificate, key) = client.pem();
    ConnectionSettings {
        certificate: Some((bytes(&certificate), bytes(&key))),
        ..trusting(authority)
    }
}

fn connected(registries: &Registries, image: &str, settings: &ConnectionSettings) -> Registries {
    let connection = RegistryConnection::new(&name(image), settings).expect("a connection");
    registries.connected(&connection).expect("registries")
}

fn refusal(metadata: &RepositoryMetadata, kind: FetchFailureKind) -> String {
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, kind, "{failure}");
    for secret in ["hunter2", "PRIVATE"] {
        assert!(!failure.message.contains(secret), "{failure}");
    }
    failure.message.clone()
}

/// Options under which [`NAMED`] is this machine.
fn with_name() -> RegistryOptions {
    let hosts = [(NAMED.to_owned(), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])];
    RegistryOptions {
        addresses: AddressOptions {
            hosts: hosts.into(),
            ..AddressOptions::default()
        },
        ..options()
    }
}

#[test]
fn registry_that_wants_a_client_certificate_is_read_with_it_and_by_nobody_else() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let registry = TestRegistry::start_tls(&authority.certify(HERE).requiring(&clients));
    registry.list("org/app", ["1"]);
    let image = registry.image("org/app");
    let registries = Registries::new(options()).expect("options");
    let tags_with = |settings: &ConnectionSettings| {
        ask(
            &connected(&registries, &image, settings),
            &image,
            vec![Fact::Tags],
        )
    };
    let client = clients.certify("me");
    assert_eq!(
        tags(&tags_with(&with_certificate(&authority, &client))),
        ["1"]
    );

    // Not without the certificate, with another one, or as the user, also after that.
    failure(&tags_with(&trusting(&authority)).tags);
    let other = Authority::new().certify("me");
    failure(&tags_with(&with_certificate(&authority, &other)).tags);
    let message = refusal(
        &ask(&registries, &image, vec![Fact::Tags]),
        FetchFailureKind::Unreachable,
    );
    assert!(message.contains("cannot be trusted"), "{message}");
    // Not with an authority that has not signed the registry's certificate.
    let untrusted = tags_with(&with_certificate(&clients, &client));
    refusal(&untrusted, FetchFailureKind::Unreachable);
}

#[test]
fn plain_http_is_only_for_the_registry_whose_connection_allows_it() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    let host = registry.host();
    let port = host.rsplit(':').next().expect("a port");
    let image = format!("{NAMED}:{port}/org/app");
    let registries = Registries::new(with_name()).expect("options");
    let plain = ConnectionSettings {
        allows_plain_http: true,
        ..ConnectionSettings::default()
    };
    let allowed = connected(&registries, &image, &plain);
    assert_eq!(tags(&ask(&allowed, &image, vec![Fact::Tags])), ["1"]);
    let secure = connected(&registries, &image, &ConnectionSettings::default());
    for registries in [&registries, &secure] {
        let metadata = ask(registries, &image, vec![Fact::Tags]);
        refusal(&metadata, FetchFailureKind::Unreachable);
    }
    // The connection of another registry does not make this one plain.
    let other = connected(&registries, "other.example/org/app", &plain);
    let metadata = ask(&other, &image, vec![Fact::Tags]);
    refusal(&metadata, FetchFailureKind::Unreachable);
}

#[test]
fn plain_http_does_not_excuse_a_bad_certificate() {
    let registry = TestRegistry::start_tls(&Authority::new().certify(HERE));
    registry.list("org/app", ["1"]);
    let image = registry.image("org/app");
    let registries = Registries::new(options()).expect("options");
    let plain = ConnectionSettings {
        allows_plain_http: true,
        ..ConnectionSettings::default()
    };
    let metadata = ask(
        &connected(&registries, &image, &plain),
        &image,
        vec![Fact::Tags],
    );
    let message = refusal(&metadata, FetchFailureKind::Unreachable);
    assert!(message.contains("cannot be trusted"), "{message}");
    assert_eq!(registry.paths(), [""; 0]);
}

fn through(proxy: &TestProxy, settings: ConnectionSettings) -> ConnectionSettings {
    ConnectionSettings {
        proxy: Some(ProxyLogin {
            address: SecretString::from(format!("http://{}", proxy.host())),
            username: Some(SecretString::from("me".to_owned())),
            password: Some(SecretString::from("hunter2@:/".to_owned())),
        }),
        ..settings
    }
}

#[test]
fn proxy_gets_its_login_and_every_request_and_a_refusal_names_it() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let registry = TestRegistry::start_tls(&authority.certify(NAMED).requiring(&clients));
    registry.list("org/app", ["1"]);
    let registries = Registries::new(options()).expect("options");
    // The name resolves only for the proxy.
    let image = format!("{NAMED}/org/app");
    let settings = || with_certificate(&authority, &clients.certify("me"));
    let proxy = TestProxy::to(&registry);
    let own = connected(&registries, &image, &through(&proxy, settings()));
    assert_eq!(tags(&ask(&own, &image, vec![Fact::Tags])), ["1"]);
    let heads = proxy.heads().concat();
    assert!(heads.contains("CONNECT registry.example:443 "), "{heads}");
    // me:hunter2@:/
    assert!(heads.contains("Basic bWU6aHVudGVyMkA6Lw=="), "{heads}");

    let refusing = TestProxy::refusing(407);
    let own = connected(&registries, &image, &through(&refusing, settings()));
    let message = refusal(
        &ask(&own, &image, vec![Fact::Tags]),
        FetchFailureKind::Unreachable,
    );
    let expected = format!(
        "the proxy http://{} refused the connection",
        refusing.host()
    );
    assert!(message.contains(&expected), "{message}");
    assert!(
        message.contains("check the Secret in proxySecretRef"),
        "{message}"
    );
}

#[test]
fn settings_that_cannot_be_used_are_errors_that_quote_nothing() {
    let key = Authority::new().certify("me").pem().1;
    let proxy = |address: &str| ConnectionSettings {
        proxy: Some(ProxyLogin {
            address: SecretString::from(address.to_owned()),
            username: Some(SecretString::from("me".to_owned())),
            password: None,
        }),
        ..ConnectionSettings::default()
    };
    for (settings, expected) in [
        (
            ConnectionSettings {
                authorities: Some(bytes("hunter2")),
                ..ConnectionSettings::default()
            },
            "its certificate authority is not a certificate in PEM format",
        ),
        (
            ConnectionSettings {
                certificate: Some((bytes("hunter2"), bytes(&key))),
                ..ConnectionSettings::default()
            },
            "its client certificate and key are not in PEM format",
        ),
        (
            proxy("hunter2"),
            "its address is not a URL such as http://HOST:PORT",
        ),
        (
            proxy("ftp://hunter2.example"),
            "its address has the scheme \"ftp\", which is not supported; use http, https or socks5",
        ),
    ] {
        let error = RegistryConnection::new(&name("r.example/app"), &settings).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn user_credentials_are_never_sent_over_such_a_connection() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    registry.require(Access::Basic("me", "hunter2"));
    let image = registry.image("org/app");
    let login = serde_json::json!({"auths": {registry.host(): {"username": "me",
        "password": "hunter2"}}});
    let config = Config::write(&login);
    let registries = Registries::new(config.options()).expect("options");
    let plain = ConnectionSettings {
        allows_plain_http: true,
        ..ConnectionSettings::default()
    };
    let own = connected(&registries, &image, &plain);
    registry.forget();
    let metadata = ask(&own, &image, vec![Fact::Tags]);
    refusal(&metadata, FetchFailureKind::Unauthorized);
    let requests = registry.requests();
    assert!(!requests.is_empty());
    assert!(
        requests
            .iter()
            .all(|request| request.authorization.is_none())
    );
    assert_eq!(tags(&ask(&registries, &image, vec![Fact::Tags])), ["1"]);

    // A Secret is sent.
    let secret = PullSecret {
        origin: "secret a/pull".to_owned(),
        config: DockerConfig::parse(login.to_string().as_bytes()).expect("a config"),
    };
    let account = Account::from_pull_secrets(vec![secret]);
    let mut metadata = RepositoryMetadata::default();
    block_on(own.answer(&account, &name(&image), vec![Fact::Tags], &mut metadata));
    assert_eq!(tags(&metadata), ["1"]);
}

#[test]
fn what_one_connection_has_read_is_not_in_the_cache_of_another() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let registry = TestRegistry::start_tls(&authority.certify(HERE).requiring(&clients));
    registry.list("org/app", ["1"]);
    let image = registry.image("org/app");
    let folder = tempfile::tempdir().expect("a folder");
    let cache = || Cache::open(&CacheOption::Directory(folder.path().join("cache")));
    let mine = with_certificate(&authority, &clients.certify("me"));
    let run = |offline: bool, settings: Option<&ConnectionSettings>| {
        let registries = Registries::new(RegistryOptions {
            cache: cache(),
            trust: Trust {
                offline,
                ..Trust::default()
            },
            ..options()
        })
        .expect("options");
        let asked = match settings {
            Some(settings) => connected(&registries, &image, settings),
            None => registries.clone(),
        };
        let metadata = ask(&asked, &image, vec![Fact::Tags]);
        block_on(registries.finish());
        metadata
    };
    assert_eq!(tags(&run(false, Some(&mine))), ["1"]);
    // The same settings find it again.
    assert_eq!(tags(&run(true, Some(&mine))), ["1"]);
    let theirs = with_certificate(&authority, &clients.certify("you"));
    for settings in [Some(&theirs), Some(&trusting(&authority)), None] {
        refusal(&run(true, settings), FetchFailureKind::NotRemembered);
    }
}
