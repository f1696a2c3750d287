//! The registry client against registries over HTTP and layouts on disk.

mod access;
mod addresses;
mod age;
mod answers;
mod by_time;
#[cfg(unix)]
mod cache_identity;
mod connections;
mod content;
mod described_tags;
mod faults;
mod gate;
mod harbor;
mod heads;
mod images;
mod layout;
mod metadata_cache;
mod mirrors;
mod neighbours;
mod proxy;
mod pulls;
mod push_times;
mod redirects;
mod shapes;
mod spellings;
mod tags;
mod tls;
mod token_endpoint;
mod window;

use std::time::Duration;

use jiff::Timestamp;
use kubectl_imgpolicy::image::{
    CanonicalName, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known, RepositoryMetadata,
    TagOrDigest,
};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};

use crate::support::registry::TestRegistry;

/// Options for tests: short pauses, no credentials.
fn options() -> RegistryOptions {
    RegistryOptions {
        backoff: Duration::from_millis(5),
        ..RegistryOptions::default()
    }
}

/// Fetches facts like a run with these options.
fn ask_with(options: RegistryOptions, image: &str, facts: Vec<Fact>) -> RepositoryMetadata {
    let registries = Registries::new(options).expect("options");
    ask(&registries, image, facts)
}

/// Fetches facts of one repository, on a new runtime.
fn ask(registries: &Registries, image: &str, facts: Vec<Fact>) -> RepositoryMetadata {
    let mut metadata = RepositoryMetadata::default();
    block_on(registries.answer(registries.user(), &name(image), facts, &mut metadata));
    metadata
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime")
        .block_on(future)
}

fn name(image: &str) -> CanonicalName {
    image.parse().expect("name")
}

fn version(text: &str) -> TagOrDigest {
    if text.starts_with("sha256:") {
        TagOrDigest::Digest(text.parse().expect("digest"))
    } else {
        TagOrDigest::Tag(text.parse().expect("tag"))
    }
}

/// The creation time of each of these tags.
fn created<'a>(tags: impl IntoIterator<Item = &'a str>) -> Vec<Fact> {
    tags.into_iter()
        .map(|tag| Fact::Created(version(tag)))
        .collect()
}

/// The metadata of one version.
fn image<'a>(metadata: &'a RepositoryMetadata, of: &str) -> &'a ImageMetadata {
    metadata.image(&version(of)).expect("answered")
}

/// The build time of an image, if it was requested and is known.
fn built(image: &ImageMetadata) -> Option<String> {
    let created = image.built(Timestamp::MAX)?;
    Some(created.at.to_string())
}

/// All tags, as text.
fn tags(metadata: &RepositoryMetadata) -> Vec<&str> {
    let tags = metadata.tags.value().expect("tags");
    tags.iter().map(|tag| tag.as_str()).collect()
}

fn failure<T: std::fmt::Debug>(known: &Known<T>) -> &FetchFailure {
    match known {
        Known::Failed(failure) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}

/// Requests the tags, which must fail with this kind; returns the message.
fn refused(options: RegistryOptions, registry: &TestRegistry, kind: FetchFailureKind) -> String {
    let metadata = ask_with(options, &registry.image("org/app"), vec![Fact::Tags]);
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(
        failure.message.contains(&registry.image("org/app")),
        "{failure}"
    );
    assert!(!failure.message.contains("hunter2"), "{failure}");
    failure.message.clone()
}
