//! Images in OCI layouts on disk.

use std::path::Path;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, SourceKind};
use kubectl_imgpolicy::registry::{OciLayout, RegistryOptions};
use serde_json::json;

use super::{ask_with, built, created, failure, image, options, tags, version};
use crate::support::content::{Blob, Content, Image, Index, digest_of};
use crate::support::layout::{write_blob, write_layout};

const OLD: &str = "2023-01-01T00:00:00Z";
const NEW: &str = "2024-01-01T00:00:00Z";

fn layouts(layouts: &[String]) -> RegistryOptions {
    RegistryOptions {
        layouts: layouts
            .iter()
            .map(|text| text.parse().expect(text))
            .collect(),
        ..options()
    }
}

fn at(prefix: &str, dir: &Path) -> String {
    format!("{prefix}={}", dir.display())
}

#[test]
fn all_facts_are_read_from_disk() {
    let dir = tempfile::tempdir().expect("directory");
    let of = |platform| Image::built(NEW).platform(platform);
    let index: Content = Index::of([of("linux/arm64"), of("linux/amd64")])
        .with_attestation()
        .into();
    let digest = index.manifest.digest.clone();
    write_layout(
        dir.path(),
        &[
            ("1.0.0", Image::built(OLD).content()),
            ("1.1.0", index),
            ("no tag", Image::built(OLD).content()),
        ],
    );
    let v = version("1.1.0");
    let facts = vec![
        Fact::Tags,
        Fact::Digest(v.clone()),
        Fact::Platforms(v.clone()),
        Fact::Created(v.clone()),
        Fact::Configs(v),
        Fact::Created(version("1.0.0")),
        Fact::Digest(version(&digest)),
    ];
    let metadata = ask_with(
        layouts(&[at("nginx", dir.path())]),
        "docker.io/library/nginx",
        facts,
    );
    assert_eq!(metadata.source, SourceKind::OciLayout);
    assert_eq!(tags(&metadata), ["1.0.0", "1.1.0"]);
    assert_eq!(metadata.illegal_tags, 1);
    let elected = image(&metadata, "1.1.0");
    assert_eq!(
        elected.digest.value().map(|d| d.as_str()),
        Some(digest.as_str())
    );
    assert_eq!(elected.platforms.value().map(Vec::len), Some(2));
    assert_eq!(built(elected).as_deref(), Some(NEW));
    let members = elected.members.value().expect("members");
    assert!(
        members.len() == 2 && members.iter().all(|m| m.config.is_some()),
        "{members:?}"
    );
    assert_eq!(built(image(&metadata, "1.0.0")).as_deref(), Some(OLD));
    assert!(image(&metadata, &digest).digest.value().is_some());
}

#[test]
fn path_in_the_directory_is_the_name_after_the_prefix() {
    let dir = tempfile::tempdir().expect("directory");
    write_layout(
        &dir.path().join("docker.io/org/my-app"),
        &[("all", Image::built(NEW).content())],
    );
    write_layout(
        &dir.path().join("my-app"),
        &[("below", Image::built(NEW).content())],
    );
    for (layout, expected) in [
        (dir.path().display().to_string(), "all"),
        (at("docker.io/org", dir.path()), "below"),
        (at("org/my-app", &dir.path().join("my-app")), "below"),
    ] {
        let metadata = ask_with(
            layouts(&[layout]),
            "index.docker.io/org/my-app",
            vec![Fact::Tags],
        );
        assert_eq!(tags(&metadata), [expected]);
    }
}

#[test]
fn longest_prefix_with_the_image_wins() {
    let dir = tempfile::tempdir().expect("directory");
    let (short, long) = (dir.path().join("short"), dir.path().join("long"));
    write_layout(
        &short.join("org/app"),
        &[("short", Image::built(NEW).content())],
    );
    write_layout(
        &short.join("org/other"),
        &[("short", Image::built(NEW).content())],
    );
    write_layout(&long.join("app"), &[("long", Image::built(NEW).content())]);
    let options = layouts(&[at("quay.io", &short), at("quay.io/org", &long)]);
    let app = ask_with(options.clone(), "quay.io/org/app", vec![Fact::Tags]);
    let other = ask_with(options, "quay.io/org/other", vec![Fact::Tags]);
    assert_eq!((tags(&app), tags(&other)), (vec!["long"], vec!["short"]));
}

#[test]
fn missing_image_is_not_found_without_a_registry_request() {
    let dir = tempfile::tempdir().expect("directory");
    write_layout(
        &dir.path().join("app"),
        &[("1", Image::built(NEW).content())],
    );
    let options = layouts(&[at("registry.invalid", dir.path())]);
    let missing = ask_with(options.clone(), "registry.invalid/other", vec![Fact::Tags]);
    assert_eq!(failure(&missing.tags).kind, FetchFailureKind::NotFound);
    let metadata = ask_with(options, "registry.invalid/app", created(["2"]));
    let failure = failure(&image(&metadata, "2").created);
    assert_eq!(failure.kind, FetchFailureKind::NotFound);
    assert!(failure.message.contains("has no tag 2"), "{failure}");
}

#[test]
fn tags_in_nested_indexes_are_listed() {
    let dir = tempfile::tempdir().expect("directory");
    let image_ = Image::built(NEW).content();
    write_layout(dir.path(), &[("1", image_.clone())]);
    let mut entry = image_.manifest.descriptor();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "nested"});
    let bytes = json!({"schemaVersion": 2, "manifests": [entry]})
        .to_string()
        .into_bytes();
    let nested = Blob {
        digest: digest_of(&bytes),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        bytes,
    };
    write_blob(dir.path(), &nested);
    let index = json!({"schemaVersion": 2, "manifests": [nested.descriptor()]});
    std::fs::write(dir.path().join("index.json"), index.to_string()).expect("index");
    let mut facts = created(["nested"]);
    facts.push(Fact::Tags);
    let metadata = ask_with(layouts(&[at("quay.io/a", dir.path())]), "quay.io/a", facts);
    assert_eq!(tags(&metadata), ["nested"]);
    assert_eq!(built(image(&metadata, "nested")).as_deref(), Some(NEW));
}

#[test]
fn changed_blob_and_malformed_index_are_refused() {
    let dir = tempfile::tempdir().expect("directory");
    let content = Image::built(NEW).content();
    let mut config = content.configs[0].clone();
    write_layout(dir.path(), &[("1", content)]);
    config.bytes[0] = b' ';
    write_blob(dir.path(), &config);
    let options = layouts(&[at("quay.io/a", dir.path())]);
    let metadata = ask_with(options.clone(), "quay.io/a", created(["1"]));
    let damaged = failure(&image(&metadata, "1").created);
    assert_eq!(damaged.kind, FetchFailureKind::Registry);
    assert!(
        damaged.message.contains("does not match its digest"),
        "{damaged}"
    );
    std::fs::write(dir.path().join("index.json"), "{").expect("index");
    let metadata = ask_with(options, "quay.io/a", vec![Fact::Tags]);
    let broken = failure(&metadata.tags);
    assert_eq!(broken.kind, FetchFailureKind::Registry);
    assert!(broken.message.contains("index.json"), "{broken}");
}

#[test]
fn digest_cannot_lead_outside_the_layout() {
    let dir = tempfile::tempdir().expect("directory");
    let inside = dir.path().join("inside");
    write_layout(&inside, &[]);
    std::fs::write(dir.path().join("secret"), "{}").expect("secret");
    let index = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha256:../../../secret", "size": 2,
        "annotations": {"org.opencontainers.image.ref.name": "1"}}]});
    std::fs::write(inside.join("index.json"), index.to_string()).expect("index");
    let metadata = ask_with(
        layouts(&[at("quay.io/a", &inside)]),
        "quay.io/a",
        created(["1"]),
    );
    assert_eq!(
        failure(&image(&metadata, "1").created).kind,
        FetchFailureKind::Registry
    );
    assert!("quay.io=".parse::<OciLayout>().is_err());
}
