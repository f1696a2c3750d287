//! Token endpoints with endless responses or redirects.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::registry::RegistryOptions;

use super::access::{Config, get_tags, with_tags};
use super::{ask_with, created, failure, image, options, refused, tags};
use crate::support::content::Image;
use crate::support::registry::tls::Authority;
use crate::support::registry::{Access, Fault, TestRegistry};

#[test]
fn an_endless_token_is_blamed_on_the_registry_and_not_on_the_image() {
    for fault in [Fault::Endless, Fault::Announced(100 * 1024 * 1024)] {
        let registry = TestRegistry::start();
        registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
        registry.require(Access::Token);
        registry.fault("/token", fault);
        let metadata = ask_with(options(), &registry.image("org/app"), created(["1"]));
        let failure = failure(&image(&metadata, "1").created);
        assert_eq!(failure.kind, FetchFailureKind::Registry, "{failure}");
        assert!(
            failure.message.contains("larger than 65536 bytes"),
            "{failure}"
        );
    }
}

#[test]
fn a_redirect_of_a_token_endpoint_carries_the_password_only_within_its_origin() {
    for within in [true, false] {
        let (registry, other) = (with_tags(), TestRegistry::start());
        registry.require(Access::TokenFor("me", "hunter2"));
        let home = if within { &registry } else { &other };
        let target = format!("{}/token?moved=1!", home.url());
        registry.fault("/token", Fault::Redirect(target)).times(1);
        let config = Config::login(&registry, "hunter2");
        get_tags(&registry, config.options());
        let moved: Vec<bool> = home
            .requests()
            .into_iter()
            .filter(|request| request.query.contains("moved=1"))
            .map(|request| request.authorization.is_some())
            .collect();
        assert_eq!(moved, [within]);
    }
}

#[test]
fn each_redirect_of_a_token_endpoint_is_followed_with_the_password_within_its_origin() {
    for status in [301, 302, 303, 307, 308] {
        let registry = with_tags();
        registry.require(Access::TokenFor("me", "hunter2"));
        registry.realm(&format!("{}/old/token", registry.url()));
        let target = "/token?service=test+registry&scope=repository%3Aorg%2Fapp%3Apull";
        registry.fault("/old/token", Fault::Moved(status, target.to_owned()));
        let config = Config::login(&registry, "hunter2");
        let metadata = get_tags(&registry, config.options());
        assert_eq!(tags(&metadata), ["1"], "{status}");
    }
}

#[test]
fn a_token_endpoint_over_https_does_not_redirect_to_plain_http() {
    let authority = Authority::new();
    let registry = TestRegistry::start_tls(&authority.certify("127.0.0.1"));
    registry.list("org/app", ["1"]);
    registry.require(Access::TokenFor("me", "hunter2"));
    // The endpoint is named with http, and contacted over https.
    registry.realm(&format!("http://{}/token", registry.host()));
    let config = Config::login(&registry, "hunter2");
    let options = RegistryOptions {
        extra_ca: vec![authority.pem().into_bytes()],
        ..config.options()
    };
    let metadata = get_tags(&registry, options.clone());
    assert_eq!(tags(&metadata), ["1"]);
    let plain = TestRegistry::start();
    let target = format!("{}/token", plain.url());
    registry.fault("/token", Fault::Moved(301, target));
    let message = refused(options, &registry, FetchFailureKind::Registry);
    assert!(
        message.contains("https may redirect only to https"),
        "{message}"
    );
    assert_eq!(plain.requests(), []);
}
