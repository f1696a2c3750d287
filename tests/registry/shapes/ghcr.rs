//! GHCR: public repositories also require a token; the token service refuses one for a
//! private repository with 401 or 403; a request with a token that is not enough is a
//! 403 without a challenge; blobs are in another storage.

use super::*;

fn start(refusal: u16) -> (TestRegistry, TestRegistry) {
    let [registry, storage] = [(); 2].map(|()| TestRegistry::start());
    fill(&[&registry, &storage]);
    registry.require(service("/token", "ghcr.io", TokenRefusal::Status(refusal)));
    registry.redirect("/blobs/", "/v2/", &format!("{}/v2/", storage.url()));
    registry.page_size(2);
    (registry, storage)
}

#[test]
fn ghcr_is_scanned_with_a_token_for_everybody() {
    let (registry, storage) = start(401);
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry, &storage]);
    // The challenge, the token, two pages and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [5, 0]));
    let by_time = scan(options(), (PUBLIC, "glob:*"), [&registry, &storage]);
    assert_eq!(by_time, (NEWEST.to_owned(), [13, 3]));
    assert!(!has_credentials(&storage));
}

#[test]
fn ghcr_shows_a_private_repository_to_its_user() {
    for refusal in [401, 403] {
        let (registry, storage) = start(refusal);
        let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry, &storage]);
        assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [2, 0]));
        let (_config, options) = login(&registry);
        let private = scan(options, (PRIVATE, "glob:*"), [&registry, &storage]);
        assert_eq!(private, (NEWEST.to_owned(), [13, 3]));
        assert!(!has_credentials(&storage));
        // The password is sent only to the token endpoint.
        let with_password = registry.requests().into_iter().filter(|request| {
            let shown = request.authorization.as_deref();
            shown.is_some_and(|shown| shown.starts_with("Basic "))
        });
        let paths: Vec<String> = with_password.map(|request| request.path).collect();
        assert_eq!(paths, ["/token"]);
    }
}

#[test]
fn ghcr_says_403_for_a_token_that_is_not_enough() {
    let (registry, storage) = start(403);
    registry.fault("/tags/list", Fault::Error(403, "DENIED"));
    let (_config, options) = login(&registry);
    let image = registry.image(PRIVATE);
    let decision = decide(options, &image, "semver:^1");
    assert_eq!(said(&decision), "unknown unauthorized -");
    assert!(
        decision.message.contains("HTTP 403"),
        "{}",
        decision.message
    );
    assert_eq!(storage.requests(), []);
}
