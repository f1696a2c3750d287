//! Trusted certificates, and HTTP/2.

use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind};
use kubectl_imgpolicy::registry::RegistryOptions;

use super::mirrors::conf;
use super::{ask_with, created, image, options, refused, tags};
use crate::support::content::Image;
use crate::support::registry::tls::{Authority, Certificate};
use crate::support::registry::{Access, Fault, TestRegistry};

/// The host of all registries in these tests.
const HERE: &str = "127.0.0.1";

fn serving(certificate: &Certificate) -> TestRegistry {
    let registry = TestRegistry::start_tls(certificate);
    registry.list("org/app", ["1"]);
    registry
}

fn trusting(authority: &Authority) -> RegistryOptions {
    RegistryOptions {
        extra_ca: vec![authority.pem().into_bytes()],
        ..options()
    }
}

fn read(options: RegistryOptions, registry: &TestRegistry) {
    let metadata = ask_with(options, &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
}

#[test]
fn a_private_authority_is_trusted_if_it_is_given() {
    let authority = Authority::new();
    let registry = serving(&authority.certify(HERE));
    let mut options = trusting(&authority);
    // One authority does not replace another.
    options
        .extra_ca
        .insert(0, Authority::new().pem().into_bytes());
    read(options, &registry);
}

#[test]
fn an_unknown_authority_is_rejected_and_the_flag_is_named() {
    let authority = Authority::new();
    let registry = serving(&authority.certify(HERE));
    for options in [options(), trusting(&Authority::new())] {
        let message = refused(options, &registry, FetchFailureKind::Unreachable);
        let host = registry.host();
        for part in [
            format!("{host} cannot be trusted: invalid peer certificate: "),
            "--registry-ca FILE".to_owned(),
            format!("--insecure-registry {host}"),
        ] {
            assert!(message.contains(&part), "{message}");
        }
    }
    // No requests were sent, not even over plain HTTP.
    assert_eq!(registry.paths(), [""; 0]);
}

#[test]
fn expired_certificates_and_those_for_another_host_are_rejected() {
    let authority = Authority::new();
    for (certificate, part) in [
        (
            authority.certify("other.example"),
            "not valid for name \"127.0.0.1\"",
        ),
        (authority.certify_expired(HERE), "expired"),
    ] {
        let registry = serving(&certificate);
        let message = refused(
            trusting(&authority),
            &registry,
            FetchFailureKind::Unreachable,
        );
        assert!(message.contains(part), "{message}");
        assert_eq!(registry.paths(), [""; 0]);
    }
}

#[test]
fn an_insecure_host_may_present_any_certificate() {
    let authority = Authority::new();
    for certificate in [
        authority.certify(HERE),
        authority.certify("other.example"),
        authority.certify_expired(HERE),
    ] {
        let registry = serving(&certificate);
        let mut by_flag = options();
        by_flag.insecure_registries = vec![registry.host()];
        read(by_flag, &registry);
        let mut by_file = options();
        by_file.registries_conf = conf(&format!(
            "[[registry]]\nlocation = \"{}\"\ninsecure = true",
            registry.host()
        ));
        read(by_file, &registry);
    }
}

#[test]
fn credentials_are_not_sent_to_an_untrusted_host() {
    let authority = Authority::new();
    let registry = serving(&authority.certify("other.example"));
    registry.require(Access::Basic("me", "hunter2"));
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("config.json");
    let config = format!(
        "{{\"auths\":{{\"{}\":{{\"username\":\"me\",\"password\":\"hunter2\"}}}}}}",
        registry.host()
    );
    std::fs::write(&file, config).expect("file");
    let mut options = trusting(&authority);
    options.credential_files = vec![file];
    refused(options.clone(), &registry, FetchFailureKind::Unreachable);
    assert_eq!(registry.paths(), [""; 0]);
    options.insecure_registries = vec![registry.host()];
    read(options, &registry);
}

/// Requests the times of 49 tags whose manifests and configs are slow.
fn ask_49(registry: &TestRegistry, options: RegistryOptions) {
    let names: Vec<String> = (0..49).map(|n| format!("1.{n}")).collect();
    for tag in &names {
        registry.push(
            "org/app",
            tag,
            Image::built("2024-01-01T00:00:00Z").label(tag),
        );
    }
    registry.fault("/org/app/", Fault::Slow(Duration::from_millis(10)));
    let facts = created(names.iter().map(String::as_str));
    let metadata = ask_with(options, &registry.image("org/app"), facts);
    assert!(
        names
            .iter()
            .all(|tag| image(&metadata, tag).created.value().is_some())
    );
}

#[test]
fn http2_requests_share_a_connection_within_the_window() {
    let authority = Authority::new();
    let registry = serving(&authority.certify(HERE));
    let mut options = trusting(&authority);
    options.max_connections = 8;
    ask_49(&registry, options);
    let requests = registry.requests();
    // One request checks whether the loopback host uses TLS.
    assert_eq!(requests.len(), 1 + 2 * 49);
    assert!(requests.iter().all(|request| request.http2));
    assert_eq!(registry.connections(), 1);
    assert!((4..=8).contains(&registry.peak()), "{}", registry.peak());
}

#[test]
fn concurrent_requests_without_http2_use_separate_connections() {
    let authority = Authority::new();
    let registry = serving(&authority.certify(HERE).without_http2());
    let mut options = trusting(&authority);
    options.max_connections = 8;
    ask_49(&registry, options);
    assert!(registry.requests().iter().all(|request| !request.http2));
    let connections = registry.connections();
    // A few more than the open requests: while one is being opened, another may become
    // free.
    assert!((4..=24).contains(&connections), "{connections}");
    assert!((4..=8).contains(&registry.peak()), "{}", registry.peak());
}
