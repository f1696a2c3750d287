//! Public and common registries, each as a server that answers as that registry does:
//! its redirects, its token service, its pages, and the statuses behind which it hides
//! private repositories. Each is scanned as a whole: tag list, election and gate, for a
//! public repository, and for a private one with and without credentials.

mod artifactory;
mod docker_hub;
mod ecr_public;
mod ghcr;
mod harbor;
mod nexus;
mod registry_k8s;
mod zot;

use kubectl_imgpolicy::collect;
use kubectl_imgpolicy::evaluator::Decision;
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};

use super::access::Config;
use super::{block_on, options};
use crate::support::content::{Image, Index};
use crate::support::registry::token_service::{TokenRefusal, TokenService};
use crate::support::registry::{Access, Fault, TestRegistry};
use crate::support::scenario::Scenario;

/// Everyone may read it.
const PUBLIC: &str = "org/app";
/// Only `me` with the password `right` may read it.
const PRIVATE: &str = "team/app";
/// The tags of both, the newest last.
const TAGS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];

const NEWEST: &str = "update newer-image 1.2.0";

/// Pushes images for two platforms into both repositories of all these registries, of
/// which some only store the blobs of others.
fn fill(registries: &[&TestRegistry]) {
    for repository in [PUBLIC, PRIVATE] {
        fill_repository(registries, repository);
    }
}

fn fill_repository(registries: &[&TestRegistry], repository: &str) {
    for (month, tag) in TAGS.iter().enumerate() {
        let created = format!("2024-0{}-01T00:00:00Z", month + 1);
        let images = ["linux/amd64", "linux/arm64"]
            .map(|platform| Image::built(&created).label(tag).platform(platform));
        for registry in registries {
            registry.push(repository, tag, Index::of(images.clone()));
        }
    }
}

/// Scans a repository for a container that runs 1.0.0 on linux/amd64, like a run with
/// these options.
fn decide(options: RegistryOptions, image: &str, policy: &str) -> Decision {
    let registries = Registries::new(options).expect("options");
    let scenario = Scenario::following(policy, &format!("{image}:1.0.0")).nodes(&["linux/amd64"]);
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let subject = &subjects[0];
    let name = subject.repository().expect("a repository");
    let metadata = block_on(collect::fetch_until_decidable(
        name,
        &[subject],
        &registries,
    ));
    subject.decide(&metadata)
}

/// Outcome, reason and elected tag.
fn said(decision: &Decision) -> String {
    let tag = decision.latest.as_ref().and_then(|image| image.tag());
    let tag = tag.map_or_else(|| "-".to_owned(), ToString::to_string);
    format!("{} {} {tag}", decision.outcome, decision.reason)
}

/// Scans a repository with these options; returns outcome, reason and tag, and the
/// number of requests to each of the registries.
fn scan<const N: usize>(
    options: RegistryOptions,
    (repository, policy): (&str, &str),
    registries: [&TestRegistry; N],
) -> (String, [usize; N]) {
    for registry in registries {
        registry.forget();
    }
    let decision = decide(options, &registries[0].image(repository), policy);
    let counts = registries.map(|registry| registry.requests().len());
    (said(&decision), counts)
}

/// Whether any request carried credentials.
fn has_credentials(registry: &TestRegistry) -> bool {
    let requests = registry.requests();
    requests.iter().any(|r| r.authorization.is_some())
}

/// The options of a user who is logged in, or not.
fn login(registry: &TestRegistry) -> (Config, RegistryOptions) {
    let config = Config::login(registry, "right");
    let options = config.options();
    (config, options)
}

/// A token service for the user `me`.
fn service(path: &'static str, service: &'static str, refusal: TokenRefusal) -> Access {
    Access::Service(TokenService {
        path,
        service,
        scope: None,
        user: "me",
        password: "right",
        private: "team/",
        refusal,
    })
}
