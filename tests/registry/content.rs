//! Images, and other content in registries.

use kubectl_imgpolicy::image::{Content as Kind, Fact, FetchFailureKind, ImageMetadata};
use serde_json::json;

use super::{ask_with, built, failure, image, options, version};
use crate::support::content::{Content, Image, Index};
use crate::support::registry::{Fault, TestRegistry};

const OLD: &str = "2023-01-01T00:00:00Z";
const NEW: &str = "2024-01-01T00:00:00Z";
const NEWEST: &str = "2025-01-01T00:00:00Z";

/// Fetches facts about a tag. Returns them with the number of requests.
fn read(content: impl Into<Content>, facts: fn(&str) -> Vec<Fact>) -> (ImageMetadata, usize) {
    let registry = TestRegistry::start();
    registry.push("org/app", "1", content);
    let metadata = ask_with(options(), &registry.image("org/app"), facts("1"));
    (image(&metadata, "1").clone(), registry.requests().len())
}

fn gate(tag: &str) -> Vec<Fact> {
    vec![Fact::Platforms(version(tag))]
}

fn dated(tag: &str) -> Vec<Fact> {
    vec![Fact::Created(version(tag))]
}

/// Returns the reason why this is not an image; empty for an image.
fn why(image: &ImageMetadata) -> &str {
    match image.content.value().expect("known") {
        Kind::Image => "",
        Kind::Other(why) => why,
    }
}

#[test]
fn images_are_distinguished_from_other_content() {
    let plain = || Image::built(NEW);
    let sbom = || plain().config_type("application/vnd.oci.empty.v1+json");
    let named = |image: Image| Content::from(Index::of([image]));
    let unnamed = |image: Image| Content::from(Index::of([image]).without_platforms());
    for (content, requests, expected) in [
        // A manifest and a config; an index needs no other request.
        (plain().content(), 2, ""),
        (plain().docker().content(), 2, ""),
        (
            plain()
                .layer("application/vnd.oci.image.layer.v1.tar+zstd")
                .content(),
            2,
            "",
        ),
        (plain().without_platform().content(), 2, ""),
        (named(plain()), 1, ""),
        (Index::of([plain()]).docker().into(), 1, ""),
        (Index::of([plain()]).with_attestation().into(), 1, ""),
        // If the index does not show it, its first entry is read.
        (unnamed(plain()), 3, ""),
        (
            plain()
                .config_type("application/vnd.cncf.helm.config.v1+json")
                .content(),
            1,
            "its config has the type application/vnd.cncf.helm.config.v1+json",
        ),
        (
            plain()
                .layer("application/vnd.dev.cosign.simplesigning.v1+json")
                .content(),
            1,
            "it has a layer of the type application/vnd.dev.cosign.simplesigning.v1+json",
        ),
        (
            plain()
                .field("artifactType", json!("application/vnd.example"))
                .content(),
            1,
            "it is an artifact of the type application/vnd.example",
        ),
        (
            plain()
                .field("subject", json!({"digest": "sha256:0"}))
                .content(),
            1,
            "it belongs to another image, its subject",
        ),
        (Content::build_cache(), 1, "its index lists no images"),
        (Content::from(Index::of([])), 1, "its index lists no images"),
        (
            Index::of([]).nesting(Index::of([plain()])).into(),
            2,
            "its index lists other indexes",
        ),
        (
            Content::artifact_index([sbom()]),
            2,
            "its index does not list images; for the first entry, its config has the type \
             application/vnd.oci.empty.v1+json",
        ),
    ] {
        let (image, asked) = read(content.clone(), gate);
        assert_eq!((why(&image), asked), (expected, requests), "{content:?}");
        let (image, _) = read(content, dated);
        assert_eq!(
            why(&image),
            expected,
            "also when only the date is requested"
        );
    }
}

#[test]
fn other_content_has_no_platforms_and_no_date() {
    let chart = Image::built(NEW).config_type("application/vnd.cncf.helm.config.v1+json");
    for facts in [gate, dated] {
        let (image, requests) = read(chart.clone(), facts);
        assert_eq!(image.platforms.value(), Some(&Vec::new()));
        assert_eq!((built(&image), requests), (None, 1));
    }
}

#[test]
fn blocked_old_or_huge_manifest_fails_only_its_own_tag() {
    let entries = vec![
        r#"{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1}"#;
        1001
    ];
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.join(",")
    );
    let index: &'static str = Box::leak(index.into_boxed_str());
    use FetchFailureKind::{CannotBePulled, Registry, ServerError, TooLarge, Unauthorized};
    for (fault, kind, text) in [
        (Fault::Status(412), CannotBePulled, "HTTP 412"),
        (Fault::Status(423), CannotBePulled, "HTTP 423"),
        (Fault::Status(451), CannotBePulled, "HTTP 451"),
        (
            Fault::Body(r#"{"schemaVersion":1,"fsLayers":[]}"#),
            CannotBePulled,
            "schema 1",
        ),
        (Fault::Body(index), TooLarge, "1001 entries"),
        (Fault::Endless, TooLarge, "larger than 4194304 bytes"),
        (Fault::Status(403), Unauthorized, "HTTP 403"),
        (Fault::Status(500), ServerError, "HTTP 500"),
        (Fault::Body("{}"), Registry, "not a manifest"),
    ] {
        let registry = TestRegistry::start();
        registry.push("org/app", "1", Image::built(NEW));
        registry.fault("/manifests/", fault.clone());
        let metadata = ask_with(options(), &registry.image("org/app"), gate("1"));
        let failure = failure(&image(&metadata, "1").platforms);
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(text), "{failure}");
    }
}

#[test]
fn build_time_is_read_from_the_first_source_that_has_it() {
    let config = || Image::built(OLD);
    let of = |image: Image| Index::of([image]);
    let index = || Index::of([config()]);
    for (content, from, at, requests) in [
        (config().content(), "config", OLD, 2),
        (config().labelled(NEW).content(), "label", NEW, 2),
        // A label of the base image is older than the build.
        (Image::built(NEW).labelled(OLD).content(), "config", NEW, 2),
        (
            config().annotated(NEW).content(),
            "manifest-annotation",
            NEW,
            1,
        ),
        (index().into(), "config", OLD, 3),
        (
            of(config().annotated(NEW)).into(),
            "manifest-annotation",
            NEW,
            2,
        ),
        (
            index().annotated(NEWEST).into(),
            "index-annotation",
            NEWEST,
            1,
        ),
        (
            of(config().annotated(NEW)).annotated(NEWEST).into(),
            "index-annotation",
            NEWEST,
            1,
        ),
        // If a time is implausible, the next source is read.
        (
            index().annotated("1970-01-01T00:00:00Z").into(),
            "config",
            OLD,
            3,
        ),
        (
            index().annotated("9000-01-01T00:00:00Z").into(),
            "config",
            OLD,
            3,
        ),
        (config().annotated("soon").content(), "config", OLD, 2),
        (
            config().labelled("1980-01-01T00:00:01Z").content(),
            "config",
            OLD,
            2,
        ),
    ] {
        let content: Content = content;
        let (image, asked) = read(content.clone(), dated);
        let now = "2026-11-21T12:00:00Z".parse().expect("a time");
        let created = image.built(now).expect("a time");
        let found = (created.from.as_str(), created.at.to_string());
        assert_eq!(
            (found, asked),
            ((from, at.to_owned()), requests),
            "{content:?}"
        );
    }
}

#[test]
fn annotated_creation_times_cost_one_request_per_tag() {
    let registry = TestRegistry::start();
    let tags: Vec<String> = (0..20).map(|n| format!("1.{n}")).collect();
    for tag in &tags {
        let both = ["linux/amd64", "linux/arm64"].map(|p| Image::built(OLD).label(tag).platform(p));
        registry.push("org/app", tag, Index::of(both).annotated(NEW));
    }
    let facts = super::created(tags.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert_eq!(built(image(&metadata, "1.7")).as_deref(), Some(NEW));
    assert_eq!(registry.requests().len(), 20);
}
