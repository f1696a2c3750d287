//! Artifactory: a token service, `/v2/token`; private repositories are hidden behind a
//! 404 without a challenge; links are absolute, with the scheme and the host behind the
//! proxy. Old versions answer a HEAD with 400.

use super::*;

fn start() -> TestRegistry {
    let registry = TestRegistry::start();
    fill(&[&registry]);
    registry.require(service(
        "/v2/token",
        "artifactory.example",
        TokenRefusal::Status(401),
    ));
    registry.open(PUBLIC);
    registry.hide();
    registry.fault("HEAD /v2/", Fault::Status(400));
    registry
}

#[test]
fn artifactory_is_scanned_through_links_to_its_internal_name() {
    let registry = start();
    registry.page_size(2);
    registry.link_below("http://artifactory.internal:8082");
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    // Two pages and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [3]));
    let followed = scan(options(), (PUBLIC, "digest:1.2.0"), [&registry]);
    assert_eq!(followed.0, NEWEST);
}

#[test]
fn artifactory_shows_a_hidden_repository_after_its_root_has_said_how_to_log_in() {
    let registry = start();
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(anonymous, ("unknown image-not-found -".to_owned(), [1]));
    let (_config, options) = login(&registry);
    let private = scan(options.clone(), (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(
        registry.paths(),
        [
            "GET /v2/team/app/tags/list",
            "GET /v2/",
            "GET /v2/token",
            "GET /v2/team/app/tags/list",
            "GET /v2/team/app/manifests/1.2.0"
        ]
    );
    assert_eq!(private, (NEWEST.to_owned(), [5]));
    let missing = scan(options.clone(), ("team/none", "semver:^1"), [&registry]);
    assert_eq!(missing.0, "unknown image-not-found -");
    let public = scan(options, (PUBLIC, "semver:^1"), [&registry]);
    assert_eq!(public, (NEWEST.to_owned(), [2]));
    assert!(!has_credentials(&registry));
}

#[test]
fn artifactory_with_a_403_instead_of_a_404_is_read_in_the_same_way() {
    let registry = start();
    registry
        .fault("/v2/team/app/tags/list", Fault::Error(403, "DENIED"))
        .times(1);
    let (_config, options) = login(&registry);
    let private = scan(options, (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(private, (NEWEST.to_owned(), [5]));
}
