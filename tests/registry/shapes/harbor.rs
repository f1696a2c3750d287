//! Harbor: the token service `/service/token` issues tokens to everybody, without access
//! to private projects; an image with vulnerabilities is answered with 412, also for
//! HEAD; pages are linked.

use super::*;

fn start() -> TestRegistry {
    let registry = TestRegistry::start();
    fill(&[&registry]);
    registry.require(service(
        "/service/token",
        "harbor-registry",
        TokenRefusal::EmptyToken,
    ));
    registry
}

#[test]
fn harbor_is_scanned_with_a_token_for_everybody() {
    let registry = start();
    registry.page_size(2);
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    // The challenge, the token, two pages and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [5]));
    let by_time = scan(options(), (PUBLIC, "glob:*"), [&registry]);
    assert_eq!(by_time, (NEWEST.to_owned(), [13]));
}

#[test]
fn harbor_blocks_a_vulnerable_image_and_the_next_one_is_elected() {
    let registry = start();
    let blocked = "/v2/org/app/manifests/1.2.0";
    registry.fault(blocked, Fault::Error(412, "PROJECTPOLICYVIOLATION"));
    for policy in ["semver:^1", "glob:*"] {
        let decision = decide(options(), &registry.image(PUBLIC), policy);
        assert_eq!(said(&decision), "update newer-image 1.1.0", "{policy}");
    }
    // One request for the blocked tag, and one for the next.
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    assert_eq!(semver.1, [5], "{:?}", registry.paths());
}

#[test]
fn harbor_shows_a_private_project_to_its_members() {
    let registry = start();
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry]);
    // The challenge, a token, and the refusal of that token.
    assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [3]));
    let (_config, options) = login(&registry);
    let private = scan(options, (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(private, (NEWEST.to_owned(), [4]));
}
