//! Harbor: detected by its challenge, and queried with the password it accepted.

use kubectl_imgpolicy::image::{Fact, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};

use super::access::Config;
use super::{block_on, created, image, name, options};
use crate::support::content::Image;
use crate::support::registry::providers::harbor_artifact;
use crate::support::registry::{Access, TestRegistry};

const REPOSITORY: &str = "org/team/app";
const BUILT: &str = "2024-01-01T00:00:00Z";
const PUSHED: &str = "2024-02-01T10:20:30.456Z";

fn tags() -> Vec<String> {
    (0..10).map(|n| format!("1.{n}")).collect()
}

/// Creates a Harbor with ten tags.
fn harbor(access: Access) -> TestRegistry {
    let registry = TestRegistry::start();
    for tag in tags() {
        registry.push(REPOSITORY, &tag, Image::built(BUILT));
    }
    let artifacts = tags();
    let artifacts = artifacts.iter().map(|tag| harbor_artifact(tag, PUSHED));
    registry.provide(REPOSITORY, artifacts);
    registry.require(access);
    registry
}

/// Lists the tags, then requests all dates, like the evaluator.
fn ask(registry: &TestRegistry, options: RegistryOptions) -> RepositoryMetadata {
    let registries = Registries::new(options).expect("options");
    let app = name(&registry.image(REPOSITORY));
    let mut metadata = RepositoryMetadata::default();
    let tags = tags();
    let dates = created(tags.iter().map(String::as_str));
    block_on(async {
        for facts in [vec![Fact::Tags], dates] {
            let answer = registries.answer(registries.user(), &app, facts, &mut metadata);
            answer.await;
        }
    });
    metadata
}

/// Returns the push time of a tag that was not dated; `None` if it was.
fn bound(metadata: &RepositoryMetadata) -> Option<String> {
    let image = image(metadata, "1.3");
    let pushed = image.pushed.value().copied().flatten();
    assert_ne!(pushed.is_some(), image.created.value().is_some());
    pushed.map(|time| time.to_string())
}

/// Returns the requests to the API, with their credentials.
fn shown(registry: &TestRegistry) -> Vec<(String, Option<String>)> {
    let requests = registry.requests().into_iter();
    let api = requests.filter(|request| request.path.starts_with("/api/"));
    api.map(|request| (request.path, request.authorization))
        .collect()
}

#[test]
fn harbor_is_detected_by_its_challenge_and_public_projects_are_read_anonymously() {
    let registry = harbor(Access::Token);
    registry.be_harbor();
    assert_eq!(bound(&ask(&registry, options())).as_deref(), Some(PUSHED));
    assert_eq!(
        shown(&registry),
        [
            ("/api/v2.0/projects/org".to_owned(), None),
            (
                "/api/v2.0/projects/org/repositories/team%252Fapp/artifacts".to_owned(),
                None
            )
        ]
    );
    let query = &registry.requests().last().expect("a request").query.clone();
    assert_eq!(query, "q=tags%3D*&with_tag=true&page_size=100&page=1");
}

#[test]
fn private_project_is_read_with_the_accepted_password_and_no_token() {
    let registry = harbor(Access::TokenFor("me", "hunter2"));
    registry.be_harbor();
    let config = Config::login(&registry, "hunter2");
    let metadata = ask(&registry, config.options());
    assert_eq!(bound(&metadata).as_deref(), Some(PUSHED));
    let basic = "Basic bWU6aHVudGVyMg==".to_owned();
    for (path, authorization) in shown(&registry) {
        assert_eq!(authorization.as_ref(), Some(&basic), "{path}");
    }
    assert_eq!(shown(&registry).len(), 2);
}

#[test]
fn proxy_project_has_no_push_times() {
    let registry = harbor(Access::Token);
    registry.be_harbor_cache();
    assert_eq!(bound(&ask(&registry, options())), None);
    assert_eq!(shown(&registry).len(), 1);
}

#[test]
fn detection_sends_no_requests_to_other_registries() {
    for access in [Access::Open, Access::Token] {
        let registry = harbor(access);
        assert_eq!(bound(&ask(&registry, options())), None);
        assert_eq!(shown(&registry), []);
    }
}

#[test]
fn challenge_that_leads_to_another_host_is_not_a_harbor() {
    let (registry, tokens) = (harbor(Access::Token), harbor(Access::Token));
    registry.be_harbor();
    tokens.be_harbor();
    registry.realm(&format!("{}/service/token", tokens.url()));
    assert_eq!(bound(&ask(&registry, options())), None);
    assert_eq!(shown(&registry), []);
    assert_eq!(shown(&tokens), []);
}
