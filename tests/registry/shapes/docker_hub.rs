//! Docker Hub: its token service is another host, which issues tokens to everybody,
//! without access to private repositories; manifests are counted and say how many pulls
//! are left, HEAD is free; blobs are in another storage.

use super::*;

struct Hub {
    registry: TestRegistry,
    auth: TestRegistry,
    storage: TestRegistry,
}

impl Hub {
    fn start(pulls: usize) -> Self {
        let [registry, auth, storage] = [(); 3].map(|()| TestRegistry::start());
        fill(&[&registry, &storage]);
        let access = service("/token", "registry.docker.io", TokenRefusal::EmptyToken);
        registry.require(access.clone());
        auth.require(access);
        registry.realm(&format!("{}/token", auth.url()));
        registry.redirect("/blobs/", "/v2/", &format!("{}/v2/", storage.url()));
        registry.count_pulls(100, pulls);
        Self {
            registry,
            auth,
            storage,
        }
    }

    fn hosts(&self) -> [&TestRegistry; 3] {
        [&self.registry, &self.auth, &self.storage]
    }
}

#[test]
fn docker_hub_is_scanned_with_one_pull_for_the_elected_image() {
    let hub = Hub::start(100);
    let semver = scan(options(), (PUBLIC, "semver:^1"), hub.hosts());
    // The challenge, the tag list and the elected manifest.
    assert_eq!(semver, (NEWEST.to_owned(), [3, 1, 0]));
    assert_eq!(hub.registry.pulls_left(), Some(99));
}

#[test]
fn docker_hub_counts_two_pulls_for_each_image_by_time() {
    let hub = Hub::start(100);
    let by_time = scan(options(), (PUBLIC, "glob:*"), hub.hosts());
    assert_eq!(by_time.0, NEWEST);
    // For each tag its index and one manifest.
    assert_eq!(hub.registry.pulls_left(), Some(94));
    assert_eq!(hub.storage.requests().len(), 3);
    assert!(!has_credentials(&hub.storage));
}

#[test]
fn docker_hub_without_pulls_leaves_the_row_undecided() {
    let hub = Hub::start(20);
    let decision = decide(options(), &hub.registry.image(PUBLIC), "glob:*");
    // 20 of 100 pulls are for others; the first one shows that.
    assert_eq!(said(&decision), "unknown rate-limited -");
    assert_eq!(hub.registry.pulls_left(), Some(19));
}

#[test]
fn docker_hub_shows_a_private_repository_to_its_user() {
    let hub = Hub::start(100);
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), hub.hosts());
    assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [2, 1, 0]));
    let config = Config::login(&hub.registry, "right");
    let private = scan(config.options(), (PRIVATE, "semver:^1"), hub.hosts());
    assert_eq!(private, (NEWEST.to_owned(), [3, 1, 0]));
}
