//! Where registries may point: what they name is connected to only at an address that
//! an untrusted party may name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind};
use kubectl_imgpolicy::registry::{AddressOptions, Registries, RegistryOptions};

use super::access::Config;
use super::{ask, ask_with, created, failure, image, options, refused, tags};
use crate::support::content::Image;
use crate::support::program::TestEnvironment;
use crate::support::registry::proxy::TestProxy;
use crate::support::registry::tls::Authority;
use crate::support::registry::{Access, Fault, TestRegistry};

/// A name that resolves to this machine.
const INSIDE: &str = "inside.example";
/// A name that resolves to a private address.
const OFFICE: &str = "office.example";

/// Counts the connections to one port on all loopback addresses.
struct Listener {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    fn start() -> Self {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = v4.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        // Without IPv6 there are no connections over it.
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).ok();
        for listener in std::iter::once(v4).chain(v6) {
            let connections = Arc::clone(&connections);
            std::thread::spawn(move || {
                for _connection in listener.incoming() {
                    connections.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All spellings of this machine, with the listener's port.
    fn spellings(&self) -> Vec<String> {
        [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "localhost",
            "sub.localhost",
            INSIDE,
        ]
        .map(|host| format!("{host}:{}", self.port))
        .to_vec()
    }
}

/// Options that treat these registries as being on another machine, like the local ends
/// of tunnels.
fn from_afar(registries: &[&TestRegistry], options: RegistryOptions) -> RegistryOptions {
    let forwarded = registries
        .iter()
        .map(|registry| registry.host().parse::<SocketAddr>().expect("a socket"));
    let hosts = [
        (INSIDE, IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ("sub.localhost", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (OFFICE, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))),
    ];
    RegistryOptions {
        addresses: AddressOptions {
            refuse_private: true,
            hosts: hosts.map(|(host, ip)| (host.to_owned(), vec![ip])).into(),
            forwarded: forwarded.collect(),
        },
        ..options
    }
}

fn full() -> TestRegistry {
    let registry = TestRegistry::start();
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry
}

#[test]
fn name_below_localhost_that_resolves_to_another_machine_is_not_contacted() {
    let registry = full();
    let port = registry
        .host()
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    for (ip, expected) in [
        (
            [10, 0, 0, 1],
            Some("a name below localhost must be this machine, but its address is 10.0.0.1"),
        ),
        ([127, 0, 0, 1], None),
    ] {
        let hosts = [("reg.localhost".to_owned(), vec![IpAddr::from(ip)])];
        let options = RegistryOptions {
            addresses: AddressOptions {
                hosts: hosts.into(),
                ..AddressOptions::default()
            },
            ..options()
        };
        let image = format!("reg.localhost:{port}/org/app");
        let metadata = ask_with(options, &image, vec![Fact::Tags]);
        match expected {
            Some(expected) => {
                let failure = failure(&metadata.tags);
                assert_eq!(failure.kind, FetchFailureKind::Unreachable, "{failure}");
                assert!(failure.message.contains(expected), "{failure}");
            }
            None => assert_eq!(tags(&metadata).len(), 1),
        }
    }
}

#[test]
fn redirects_to_this_machine_are_refused() {
    let listener = Listener::start();
    for target in listener.spellings() {
        for scheme in ["http", "https"] {
            let registry = full();
            let base = format!("{scheme}://{target}");
            registry.fault("/tags/list", Fault::Redirect(base.clone()));
            registry.fault("/blobs/", Fault::Redirect(base));
            let mut facts = created(["1"]);
            facts.push(Fact::Tags);
            let options = from_afar(&[&registry], options());
            let metadata = ask_with(options, &registry.image("org/app"), facts);
            let created = failure(&image(&metadata, "1").created);
            for failure in [failure(&metadata.tags), created] {
                assert_eq!(failure.kind, FetchFailureKind::Registry, "{failure}");
                let part = "is this machine, and only a registry";
                assert!(failure.message.contains(part), "{target}: {failure}");
            }
        }
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn token_endpoints_on_this_machine_are_refused() {
    let listener = Listener::start();
    for target in listener.spellings() {
        for scheme in ["http", "https"] {
            let registry = full();
            registry.require(Access::TokenFor("me", "right"));
            registry.realm(&format!("{scheme}://{target}/token"));
            let config = Config::login(&registry, "right");
            for options in [options(), config.options()] {
                let options = from_afar(&[&registry], options);
                let message = refused(options, &registry, FetchFailureKind::Registry);
                let named = message.contains("is this machine, and only a registry");
                // With a password, this is reported first.
                assert!(named || message.contains("is not https"), "{message}");
            }
        }
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn the_second_redirect_is_checked_like_the_first_one() {
    let listener = Listener::start();
    for target in listener.spellings() {
        let (registry, hop) = (full(), TestRegistry::start());
        registry.fault("/tags/list", Fault::Redirect(hop.url()));
        hop.fault("/tags/list", Fault::Redirect(format!("http://{target}")));
        let far = from_afar(&[&registry, &hop], options());
        let message = refused(far, &registry, FetchFailureKind::Registry);
        assert!(message.contains("is this machine"), "{message}");
        assert_eq!(hop.requests().len(), 1, "{target}");
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn a_token_endpoint_may_not_redirect_to_this_machine() {
    let listener = Listener::start();
    for target in listener.spellings() {
        let registry = full();
        registry.require(Access::Token);
        registry.fault("/token", Fault::Redirect(format!("http://{target}")));
        let far = from_afar(&[&registry], options());
        let message = refused(far, &registry, FetchFailureKind::Registry);
        assert!(message.contains("is this machine"), "{message}");
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn a_registry_on_this_machine_may_redirect_there() {
    // This also shows that the listener counts.
    for host in ["127.0.0.1", "localhost", INSIDE] {
        let listener = Listener::start();
        let registry = full();
        let target = format!("http://{host}:{}", listener.port);
        registry.fault("/tags/list", Fault::Redirect(target));
        let mut near = from_afar(&[], options());
        near.max_connections = 1;
        let message = refused(near, &registry, FetchFailureKind::Registry);
        assert!(!message.contains("this machine"), "{message}");
        assert!(listener.connections() > 0, "{host}");
    }
}

#[test]
fn metadata_services_link_local_and_multicast_addresses_are_never_contacted() {
    for target in [
        "169.254.169.254",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
    ] {
        let registry = full();
        registry.fault("/tags/list", Fault::Redirect(format!("http://{target}")));
        for options in [from_afar(&[&registry], options()), options()] {
            let message = refused(options, &registry, FetchFailureKind::Registry);
            assert!(message.contains("was not contacted"), "{message}");
        }
    }
}

#[test]
fn private_addresses_are_refused_if_the_option_is_set() {
    for target in ["10.0.0.1", "192.168.1.1", "[fd12::1]", OFFICE] {
        let registry = full();
        registry.fault("/tags/list", Fault::Redirect(format!("http://{target}")));
        let far = from_afar(&[&registry], options());
        let message = refused(far, &registry, FetchFailureKind::Registry);
        assert!(message.contains("is a private address"), "{message}");
    }
}

#[test]
fn a_failing_redirect_target_does_not_affect_the_registry_on_that_host() {
    let (good, bad) = (full(), TestRegistry::start());
    good.fault("/slow/", Fault::Slow(Duration::from_secs(30)));
    bad.fault(
        "/tags/list",
        Fault::Redirect(format!("{}/slow", good.url())),
    );
    let mut options = options();
    options.request_timeout = Some(Duration::from_secs(1));
    let registries = Registries::new(options).expect("options");
    // After two time-outs the host is given up, but only as a redirect target.
    for repository in ["org/app", "org/b", "org/c"] {
        let metadata = ask(&registries, &bad.image(repository), vec![Fact::Tags]);
        let failure = failure(&metadata.tags);
        assert_eq!(failure.kind, FetchFailureKind::Unreachable, "{failure}");
    }
    assert_eq!(good.count("/slow/"), 2);
    let metadata = ask(&registries, &good.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
}

#[test]
fn user_info_in_a_redirect_or_a_realm_is_refused() {
    let (registry, other) = (full(), full());
    let base = format!("http://me:hunter2@{}", other.host());
    registry.fault("/tags/list", Fault::Redirect(base.clone()));
    let message = refused(options(), &registry, FetchFailureKind::Registry);
    assert!(message.contains("user name or a password"), "{message}");
    registry.heal();
    registry.require(Access::Token);
    registry.realm(&format!("{base}/token"));
    let message = refused(options(), &registry, FetchFailureKind::Registry);
    assert!(message.contains("user name or a password"), "{message}");
    assert_eq!(other.requests(), []);
}

#[test]
fn an_access_token_from_another_host_is_not_used() {
    // Another name, so another host.
    let other = TestRegistry::start();
    let realm = other.url().replace("127.0.0.1", "localhost");
    for (body, taken) in [
        (r#"{"access_token":"hunter2"}"#, false),
        (r#"{"token":"hunter2"}"#, true),
    ] {
        let registry = full();
        registry.require(Access::Token);
        registry.realm(&format!("{realm}/token"));
        other.heal();
        other.fault("/token", Fault::Body(body));
        ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
        let shown = registry
            .requests()
            .iter()
            .any(|r| r.authorization.as_deref() == Some("Bearer hunter2"));
        assert_eq!(shown, taken, "{body}");
    }
}

#[test]
fn the_token_endpoint_may_redirect_within_its_host_with_the_password() {
    let registry = full();
    registry.require(Access::TokenFor("me", "right"));
    registry.realm(&format!("{}/old", registry.url()));
    let target = "/token?service=test+registry&scope=repository%3Aorg%2Fapp%3Apull!".to_owned();
    registry.fault("/old", Fault::Redirect(target));
    let config = Config::login(&registry, "right");
    let metadata = ask_with(
        config.options(),
        &registry.image("org/app"),
        vec![Fact::Tags],
    );
    assert_eq!(tags(&metadata), ["1"]);
}

#[test]
fn a_password_does_not_follow_a_redirect_of_the_token_endpoint_to_another_host() {
    let (registry, other) = (full(), TestRegistry::start());
    registry.require(Access::TokenFor("me", "hunter2"));
    let base = other.url().replace("127.0.0.1", "localhost");
    registry.fault("/token", Fault::Redirect(base));
    let config = Config::login(&registry, "hunter2");
    ask_with(
        config.options(),
        &registry.image("org/app"),
        vec![Fact::Tags],
    );
    let asked = other.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].authorization, None);
}

#[test]
fn an_https_registry_gets_https_for_its_own_token_endpoint_and_no_plain_http_for_others() {
    let authority = Authority::new();
    let registry = TestRegistry::start_tls(&authority.certify("127.0.0.1"));
    registry.list("org/app", ["1"]);
    registry.require(Access::Token);
    let options = RegistryOptions {
        extra_ca: vec![authority.pem().into_bytes()],
        ..options()
    };
    registry.realm(&format!("http://{}/token", registry.host()));
    let metadata = ask_with(
        options.clone(),
        &registry.image("org/app"),
        vec![Fact::Tags],
    );
    assert_eq!(tags(&metadata), ["1"]);
    let listener = Listener::start();
    registry.realm(&format!("http://localhost:{}/token", listener.port));
    let message = refused(options, &registry, FetchFailureKind::Registry);
    assert!(message.contains("does not use https"), "{message}");
    assert_eq!(listener.connections(), 0);
}

#[test]
fn this_machine_is_also_refused_behind_a_proxy() {
    let listener = Listener::start();
    let authority = Authority::new();
    let registry = TestRegistry::start_tls(&authority.certify("registry.invalid"));
    let proxy = TestProxy::to(&registry);
    let env = TestEnvironment::new();
    env.write("ca.pem", authority.pem());
    for target in listener.spellings() {
        if target.starts_with(INSIDE) || target.starts_with("sub.") {
            // Only the proxy could resolve it.
            continue;
        }
        registry.heal();
        registry.fault("/tags/list", Fault::Redirect(format!("https://{target}")));
        let run = env.program([
            "test",
            "registry.invalid/org/app:1.0.0",
            "--policy",
            "semver:*",
            "--registry-ca",
            "ca.pem",
        ]);
        let outcome = run
            .env("HTTPS_PROXY", &format!("http://{}", proxy.host()))
            .run()
            .expect(1);
        assert!(outcome.stdout.contains("is this machine"), "{outcome:#?}");
    }
    assert_eq!(listener.connections(), 0);
    let heads = proxy.heads();
    let expected = "CONNECT registry.invalid:443 ";
    assert!(
        !heads.is_empty() && heads.iter().all(|head| head.starts_with(expected)),
        "{heads:?}"
    );
}
