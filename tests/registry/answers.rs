//! What is counted about requests, by host and status.

use kubectl_imgpolicy::image::Fact;
use kubectl_imgpolicy::registry::Registries;

use super::{ask, options, tags};
use crate::support::registry::{Access, Fault, TestRegistry};

/// The counts of all requests, without those of hosts.
fn counts(registries: &Registries) -> Vec<(String, Option<u16>, u64)> {
    let answers = registries.statistics().answers.into_iter();
    answers
        .map(|((host, status), count)| (host, status, count))
        .collect()
}

#[test]
fn requests_are_counted_by_host_and_status() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    let registries = Registries::new(options()).expect("options");
    registry
        .fault("/v2/org/app/tags", Fault::Status(502))
        .times(2);
    let metadata = ask(&registries, &registry.image("org/app"), vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1"]);
    ask(&registries, &registry.image("org/none"), vec![Fact::Tags]);
    let host = registry.host();
    // The first attempt uses TLS, which this registry does not have.
    let expected = [(None, 1), (Some(200), 1), (Some(404), 1), (Some(502), 2)];
    assert_eq!(
        counts(&registries),
        expected.map(|(status, count)| (host.clone(), status, count))
    );
    // The next run of a program that goes on counts on.
    let next = registries.next_run();
    ask(&next, &registry.image("org/app"), vec![Fact::Tags]);
    assert!(counts(&registries).contains(&(host, Some(200), 2)));
}

#[test]
fn request_without_an_answer_is_counted_too() {
    let registry = TestRegistry::start();
    registry.fault("/v2/", Fault::Reset);
    let registries = Registries::new(options()).expect("options");
    ask(&registries, &registry.image("org/app"), vec![Fact::Tags]);
    let counts = counts(&registries);
    let requests = registries.statistics().requests;
    assert_eq!(counts, [(registry.host(), None, requests)]);
}

#[test]
fn hosts_that_only_a_registry_has_named_are_counted_together() {
    let (registry, tokens) = (TestRegistry::start(), TestRegistry::start());
    registry.require(Access::Token);
    registry.list("org/app", ["1"]);
    registry.realm(&format!("{}/token", tokens.url()));
    tokens.list("org/app", ["1"]);
    let registries = Registries::new(options()).expect("options");
    ask(&registries, &registry.image("org/app"), vec![Fact::Tags]);
    let hosts: Vec<String> = counts(&registries)
        .into_iter()
        .map(|(host, ..)| host)
        .collect();
    assert!(hosts.contains(&"other".to_owned()), "{hosts:?}");
    assert!(!hosts.contains(&tokens.host()), "{hosts:?}");
}
