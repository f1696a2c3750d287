//! ECR Public: a token for everybody from `/token/`, whose challenge names the scope
//! `aws`; pages of at most 1,000 tags with an opaque `last`; blobs in another storage;
//! more than one request a second is answered with 429, without `Retry-After`.

use super::*;

fn start() -> (TestRegistry, TestRegistry) {
    let [registry, storage] = [(); 2].map(|()| TestRegistry::start());
    fill(&[&registry, &storage]);
    let Access::Service(service) = service("/token/", "public.ecr.aws", TokenRefusal::Status(403))
    else {
        unreachable!("a token service");
    };
    registry.require(Access::Service(TokenService {
        scope: Some("aws"),
        ..service
    }));
    registry.redirect("/blobs/", "/v2/", &format!("{}/v2/", storage.url()));
    registry.page_size(1000);
    (registry, storage)
}

#[test]
fn ecr_public_is_scanned_with_a_token_for_the_repository() {
    let (registry, storage) = start();
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry, &storage]);
    // The challenge, the token, the tag list and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [4, 0]));
    let token = &registry.requests()[1];
    assert_eq!(token.path, "/token/");
    assert_eq!(
        token.query,
        "service=public.ecr.aws&scope=repository%3Aorg%2Fapp%3Apull"
    );
    let by_time = scan(options(), (PUBLIC, "glob:*"), [&registry, &storage]);
    assert_eq!(by_time, (NEWEST.to_owned(), [12, 3]));
    assert!(!has_credentials(&storage));
}

#[test]
fn ecr_public_with_2500_tags_is_read_in_three_pages() {
    let (registry, storage) = start();
    registry.list(PUBLIC, (0..2500).map(|n| format!("0.{n}.0")));
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry, &storage]);
    assert_eq!(semver, (NEWEST.to_owned(), [6, 0]));
}

#[test]
fn ecr_public_is_scanned_after_it_has_limited_the_rate() {
    let (registry, storage) = start();
    registry
        .fault("/manifests/", Fault::Error(429, "TOOMANYREQUESTS"))
        .times(2);
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry, &storage]);
    assert_eq!(semver, (NEWEST.to_owned(), [6, 0]));
}

#[test]
fn ecr_public_shows_a_private_repository_to_its_user() {
    let (registry, storage) = start();
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry, &storage]);
    assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [2, 0]));
    let (_config, options) = login(&registry);
    let private = scan(options, (PRIVATE, "glob:*"), [&registry, &storage]);
    assert_eq!(private, (NEWEST.to_owned(), [12, 3]));
    assert!(!has_credentials(&storage));
}
