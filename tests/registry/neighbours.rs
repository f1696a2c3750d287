//! A public and a private repository on the same host.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, Known, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};

use super::access::Config;
use super::metadata_cache::User;
use super::{ask, block_on, created, failure, image, name, options, refused, tags};
use crate::support::content::Image;
use crate::support::registry::{Access, Fault, TestRegistry};

const PUBLIC: &str = "org/public";
const PRIVATE: &str = "org/app";
const PASSWORDS: [Access; 2] = [
    Access::Basic("me", "right"),
    Access::TokenFor("me", "right"),
];

/// A public and a private repository, with a tag each.
fn registry(access: Access) -> TestRegistry {
    let registry = TestRegistry::start();
    for repository in [PUBLIC, PRIVATE] {
        registry.push(repository, "1", Image::built("2024-01-01T00:00:00Z"));
    }
    registry.require(access);
    registry.open(PUBLIC);
    registry
}

/// Users without credentials, with refused ones and with accepted ones.
fn users(registry: &TestRegistry) -> [(RegistryOptions, Option<Config>, bool); 3] {
    let login = |password| {
        let config = Config::login(registry, password);
        (config.options(), Some(config), password == "right")
    };
    [(options(), None, false), login("wrong"), login("right")]
}

/// Requests the same facts of both, in this order or concurrently.
async fn ask_both(
    registries: &Registries,
    registry: &TestRegistry,
    order: &str,
) -> (RepositoryMetadata, RepositoryMetadata) {
    let (public, private) = (
        name(&registry.image(PUBLIC)),
        name(&registry.image(PRIVATE)),
    );
    let facts = || {
        let mut facts = created(["1"]);
        facts.push(Fact::Tags);
        facts
    };
    let (mut of_public, mut of_private) = <(RepositoryMetadata, RepositoryMetadata)>::default();
    let user = registries.user();
    let public = registries.answer(user, &public, facts(), &mut of_public);
    let private = registries.answer(user, &private, facts(), &mut of_private);
    match order {
        "public first" => {
            public.await;
            private.await;
        }
        "private first" => {
            private.await;
            public.await;
        }
        _ => drop(tokio::join!(private, public)),
    }
    (of_public, of_private)
}

#[test]
fn a_private_repository_does_not_make_its_neighbour_private() {
    for access in PASSWORDS {
        for order in ["public first", "private first", "side by side"] {
            let registry = registry(access.clone());
            for (options, _config, may) in users(&registry) {
                let user = User::new().with(options);
                // With a cold and with a warm cache.
                for _run in 0..2 {
                    let registries = user.registries();
                    let (public, private) = block_on(async {
                        let both = ask_both(&registries, &registry, order).await;
                        registries.finish().await;
                        both
                    });
                    let context = format!("{access:?} {order} {may}");
                    assert_eq!(
                        public.tags,
                        Known::Value(vec!["1".parse().expect("a tag")]),
                        "{context}"
                    );
                    assert!(image(&public, "1").created.value().is_some(), "{context}");
                    if may {
                        assert_eq!(tags(&private), ["1"], "{context}");
                        continue;
                    }
                    let failure = failure(&private.tags);
                    assert_eq!(failure.kind, FetchFailureKind::Unauthorized, "{failure}");
                }
            }
        }
    }
}

#[test]
fn a_password_is_sent_only_for_the_repository_that_required_it() {
    let registry = registry(Access::Basic("me", "right"));
    let config = Config::login(&registry, "right");
    let registries = Registries::new(config.options()).expect("options");
    block_on(ask_both(&registries, &registry, "private first"));
    for request in registry.requests() {
        let public = request.path.contains(PUBLIC);
        assert!(!public || request.authorization.is_none(), "{request:?}");
    }
}

#[test]
fn a_refused_token_for_another_challenge_costs_one_anonymous_request() {
    let registry = registry(Access::TokenFor("me", "right"));
    let config = Config::login(&registry, "wrong");
    let registries = Registries::new(config.options()).expect("options");
    block_on(ask_both(&registries, &registry, "private first"));
    assert_eq!(registry.count("/token"), 2);
    let public = |r: &&crate::support::registry::Logged| r.path.contains(PUBLIC);
    // The tag list, a manifest and a config.
    assert_eq!(registry.requests().iter().filter(public).count(), 3);
}

#[test]
fn a_repository_with_its_own_token_endpoint_gets_its_token_there() {
    let (registry, other) = (registry(Access::Token), TestRegistry::start());
    registry.list("org/other", ["2"]);
    let registries = Registries::new(options()).expect("options");
    registry.realm(&format!("{}/token", other.url()));
    let metadata = ask(&registries, &registry.image(PRIVATE), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
    // The endpoint in its challenge now belongs to another repository and refuses.
    registry.realm(&format!("{}/token", registry.url()));
    other.fault("/token", Fault::Status(401));
    let metadata = ask(&registries, &registry.image("org/other"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["2"]);
    assert_eq!((other.count("/token"), registry.count("/token")), (2, 1));
}

#[test]
fn a_hidden_repository_is_read_with_credentials() {
    for access in PASSWORDS {
        let registry = registry(access);
        registry.hide();
        for (options, _config, may) in users(&registry) {
            for repository in [PUBLIC, PRIVATE] {
                let registries = Registries::new(options.clone()).expect("options");
                registry.forget();
                let image = registry.image(repository);
                let metadata = ask(&registries, &image, vec![Fact::Tags]);
                if may || repository == PUBLIC {
                    assert_eq!(tags(&metadata), ["1"]);
                } else {
                    let failure = failure(&metadata.tags);
                    assert_eq!(failure.kind, FetchFailureKind::NotFound, "{failure}");
                }
                let root = registry.paths().contains(&"GET /v2/".to_owned());
                let asked = repository == PRIVATE && !options.credential_files.is_empty();
                assert_eq!(root, asked, "{:?}", registry.paths());
            }
        }
    }
}

#[test]
fn a_failure_names_only_the_credentials_that_were_sent() {
    let registry = registry(Access::Open);
    registry.fault("/tags/list", Fault::Status(403));
    let config = Config::login(&registry, "right");
    let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
    assert!(message.contains("(anonymously, HTTP 403"), "{message}");
}

#[test]
fn a_challenge_with_a_403_or_404_is_answered_without_a_request_to_the_root() {
    for status in [403, 404] {
        let registry = registry(Access::TokenFor("me", "right"));
        let realm = format!("{}/token", registry.url());
        let challenge = format!("Bearer realm=\"{realm}\",service=\"test registry\"");
        registry
            .fault("/tags/list", Fault::Challenge(status, challenge))
            .times(1);
        let config = Config::login(&registry, "right");
        let registries = Registries::new(config.options()).expect("options");
        let metadata = ask(&registries, &registry.image(PRIVATE), vec![Fact::Tags]);
        assert_eq!(tags(&metadata), ["1"]);
        assert_eq!(registry.count("GET /v2/org/app/"), 2);
        assert_eq!(registry.requests().len(), 3, "{:?}", registry.paths());
    }
}

#[test]
fn the_root_of_a_host_is_requested_once_for_all_hidden_repositories() {
    let registry = registry(Access::Basic("me", "right"));
    registry.hide();
    let config = Config::login(&registry, "right");
    let registries = Registries::new(config.options()).expect("options");
    for repository in ["org/none", PRIVATE, "org/other", PUBLIC] {
        let metadata = ask(&registries, &registry.image(repository), vec![Fact::Tags]);
        let is_there = matches!(metadata.tags, Known::Value(_));
        assert_eq!(is_there, [PUBLIC, PRIVATE].contains(&repository));
    }
    let roots = registry.paths().into_iter().filter(|p| p == "GET /v2/");
    assert_eq!(roots.count(), 1, "{:?}", registry.paths());
}

#[test]
fn a_root_without_a_challenge_leaves_the_credentials_unsent() {
    let registry = registry(Access::Basic("me", "right"));
    registry.hide();
    registry.fault("GET /v2/?", Fault::Body("{}"));
    let config = Config::login(&registry, "right");
    let registries = Registries::new(config.options()).expect("options");
    let metadata = ask(&registries, &registry.image(PRIVATE), vec![Fact::Tags]);
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, FetchFailureKind::NotFound, "{failure}");
    assert!(
        registry
            .requests()
            .iter()
            .all(|r| r.authorization.is_none())
    );
}
