//! Digests, members, platforms and creation times, with as few requests as possible.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::Registries;
use serde_json::json;

use super::{ask_with, block_on, built, created, failure, image, name, options, version};
use crate::support::content::{Content, Image, Index};
use crate::support::registry::{Fault, TestRegistry};

const OLD: &str = "2023-01-01T00:00:00Z";
const NEW: &str = "2024-01-01T00:00:00Z";

fn shown(metadata: &RepositoryMetadata, tag: &str) -> (String, Vec<String>) {
    let image = image(metadata, tag);
    let platforms = image.platforms.value().expect("platforms");
    (
        built(image).unwrap_or_else(|| "none".to_owned()),
        platforms.iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn digest_costs_one_head_request() {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1", Image::built(NEW));
    let facts = vec![Fact::Digest(version("1"))];
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    let found = image(&metadata, "1").digest.value().expect("digest");
    assert_eq!(found.as_str(), digest);
    assert!(image(&metadata, "1").members.is_not_asked());
    assert_eq!(registry.paths(), ["HEAD /v2/org/app/manifests/1"]);
}

#[test]
fn digest_missing_from_the_head_response_is_computed() {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1", Image::built(NEW));
    registry.fault("/manifests/", Fault::NoDigest);
    let facts = vec![Fact::Digest(version("1"))];
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    let found = image(&metadata, "1").digest.value().expect("digest");
    assert_eq!(found.as_str(), digest);
    assert_eq!(registry.requests().len(), 2);
}

#[test]
fn creation_times_of_single_images_cost_two_requests_per_tag() {
    let registry = TestRegistry::start();
    let tags: Vec<String> = (0..20).map(|n| format!("1.{n}")).collect();
    for tag in &tags {
        let image = Image::built(NEW).label(tag);
        registry.push(
            "org/app",
            tag,
            if tag.len() > 3 { image.docker() } else { image },
        );
    }
    let facts = created(tags.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    for tag in &tags {
        assert_eq!(
            shown(&metadata, tag),
            (NEW.to_owned(), vec!["linux/amd64".to_owned()])
        );
        assert!(image(&metadata, tag).digest.value().is_some());
    }
    assert_eq!(registry.requests().len(), 2 * tags.len());
}

#[test]
fn creation_times_of_indexes_cost_three_requests_per_tag() {
    let registry = TestRegistry::start();
    let tags: Vec<String> = (0..10).map(|n| format!("1.{n}")).collect();
    for tag in &tags {
        let of = |platform| Image::built(NEW).platform(platform).label(tag);
        let index = Index::of([of("linux/arm64"), of("linux/amd64"), of("linux/s390x")]);
        registry.push("org/app", tag, index.with_attestation());
    }
    let facts = created(tags.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"].map(str::to_owned);
    for tag in &tags {
        assert_eq!(shown(&metadata, tag), (NEW.to_owned(), platforms.to_vec()));
    }
    assert_eq!(registry.requests().len(), 3 * tags.len());
}

#[test]
fn tags_of_one_image_share_its_config() {
    let registry = TestRegistry::start();
    let tags: Vec<String> = (0..10).map(|n| format!("1.{n}")).collect();
    for tag in &tags {
        registry.push("org/app", tag, Image::built(NEW));
    }
    let facts = created(tags.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert_eq!(shown(&metadata, "1.9").0, NEW);
    assert_eq!(
        (registry.count("/manifests/"), registry.count("/blobs/")),
        (10, 1)
    );
}

#[test]
fn time_of_an_index_is_that_of_linux_amd64_or_the_first_platform() {
    let registry = TestRegistry::start();
    let of = |platform, created| Image::built(created).platform(platform);
    registry.push(
        "org/app",
        "both",
        Index::of([of("linux/386", OLD), of("linux/amd64", NEW)]).docker(),
    );
    registry.push(
        "org/app",
        "others",
        Index::of([
            of("windows/amd64", NEW),
            of("linux/arm/v7", OLD),
            of("linux/ppc64le", NEW),
        ]),
    );
    registry.push("org/app", "none", Index::of([]).with_attestation());
    let facts = created(["both", "others", "none"]);
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert_eq!(shown(&metadata, "both").0, NEW);
    let (time, platforms) = shown(&metadata, "others");
    assert_eq!(time, OLD);
    assert_eq!(
        platforms,
        ["linux/arm/v7", "linux/ppc64le", "windows/amd64"]
    );
    assert_eq!(shown(&metadata, "none"), ("none".to_owned(), Vec::new()));
}

#[test]
fn platforms_missing_from_an_index_are_read_from_configs() {
    let registry = TestRegistry::start();
    let of = |platform, created| Image::built(created).platform(platform);
    let index = Index::of([of("linux/arm64", OLD), of("linux/amd64", NEW)]);
    registry.push("org/app", "1", index.without_platforms());
    let metadata = ask_with(options(), &registry.image("org/app"), created(["1"]));
    let (time, platforms) = shown(&metadata, "1");
    assert_eq!(time, NEW);
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
}

#[test]
fn members_exclude_attestations_and_cost_one_request() {
    let registry = TestRegistry::start();
    let of = |platform| Image::built(NEW).platform(platform);
    let index: Content = Index::of([of("linux/amd64"), of("linux/arm64")])
        .with_attestation()
        .into();
    let expected: Vec<String> = index.members.iter().map(|m| m.digest.clone()).collect();
    let digest = registry.push("org/app", "1", index);
    let facts = vec![Fact::Members(version("1")), Fact::Members(version(&digest))];
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    for of in ["1", &digest] {
        let members = image(&metadata, of).members.value().expect("members");
        let found: Vec<&str> = members.iter().map(|m| m.manifest.as_str()).collect();
        assert_eq!(found, expected);
        assert!(members.iter().all(|member| member.config.is_none()));
        assert_eq!(
            image(&metadata, of).platforms.value().map(Vec::len),
            Some(2)
        );
        assert!(image(&metadata, of).created.is_not_asked());
    }
    assert_eq!(registry.requests().len(), 2);
}

#[test]
fn configs_include_every_member_that_exists() {
    let registry = TestRegistry::start();
    let of = |platform| Image::built(NEW).platform(platform);
    let index: Content = Index::of([of("linux/amd64"), of("linux/arm64")]).into();
    let (member, config) = (index.members[0].clone(), index.configs[0].clone());
    let gone = index.members[1].digest.clone();
    registry.push("org/app", "1", index);
    registry.remove("org/app", &gone);
    let facts = vec![Fact::Configs(version("1"))];
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    let members = image(&metadata, "1").members.value().expect("members");
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].manifest.as_str(), member.digest);
    let found = members[0].config.as_ref().map(|digest| digest.as_str());
    assert_eq!(found, Some(config.digest.as_str()));
}

#[test]
fn known_facts_are_not_requested_again_in_the_same_run() {
    let registry = TestRegistry::start();
    let of = |platform| Image::built(NEW).platform(platform);
    registry.push(
        "org/app",
        "1",
        Index::of([of("linux/amd64"), of("linux/arm64")]),
    );
    let registries = Registries::new(options()).expect("options");
    let name = name(&registry.image("org/app"));
    let mut metadata = RepositoryMetadata::default();
    block_on(async {
        registries
            .answer(registries.user(), &name, created(["1"]), &mut metadata)
            .await;
        assert_eq!(registry.requests().len(), 3);
        let again = vec![
            Fact::Digest(version("1")),
            Fact::Platforms(version("1")),
            Fact::Created(version("1")),
        ];
        registries
            .answer(registries.user(), &name, again, &mut metadata)
            .await;
        assert_eq!(registry.requests().len(), 3);
        registries
            .answer(
                registries.user(),
                &name,
                vec![Fact::Configs(version("1"))],
                &mut metadata,
            )
            .await;
        assert_eq!(registry.requests().len(), 4);
        registries
            .answer(
                registries.user(),
                &name,
                vec![Fact::Members(version("1"))],
                &mut metadata,
            )
            .await;
    });
    let members = image(&metadata, "1").members.value().expect("members");
    assert!(
        members.iter().all(|member| member.config.is_some()),
        "forgotten"
    );
    // The attempt with https does not count because no request was sent.
    assert_eq!(registries.statistics().requests, 5);
    assert!(registries.statistics().bytes > 1000);
}

#[test]
fn large_index_is_dropped_after_its_facts_were_read() {
    let registry = TestRegistry::start();
    let images = |count: usize| {
        let image = |n: usize| Image::built(NEW).platform(&format!("linux/a{n}"));
        Index::of((0..count).map(image))
    };
    registry.push("org/app", "large", images(33));
    registry.push("org/app", "small", images(32));
    let registries = Registries::new(options()).expect("options");
    let name = name(&registry.image("org/app"));
    block_on(async {
        for (tag, is_large) in [("large", true), ("small", false)] {
            let mut metadata = RepositoryMetadata::default();
            let mut ask = async |fact| {
                let account = registries.user();
                registries
                    .answer(account, &name, vec![fact], &mut metadata)
                    .await;
                metadata.image(&version(tag)).expect("answered").clone()
            };
            let dated = ask(Fact::Created(version(tag))).await;
            assert_eq!(built(&dated).as_deref(), Some(NEW), "{tag}");
            assert_eq!(dated.members.is_not_asked(), is_large, "{tag}");
            assert_eq!(dated.platforms.is_not_asked(), is_large, "{tag}");
            registry.forget();
            let image = ask(Fact::Platforms(version(tag))).await;
            let count = image.platforms.value().expect("platforms").len();
            assert_eq!(count, if is_large { 33 } else { 32 });
            assert_eq!(registry.requests().len(), usize::from(is_large), "{tag}");
        }
    });
}

#[test]
fn config_without_a_valid_time_is_not_a_failure() {
    let registry = TestRegistry::start();
    for (tag, value) in [
        ("missing", json!(null)),
        ("number", json!(1_700_000_000)),
        ("words", json!("yesterday")),
        ("go-zero", json!("0001-01-01T00:00:00Z")),
    ] {
        registry.push("org/app", tag, Image::built(NEW).created_value(value));
    }
    let facts = created(["missing", "number", "words", "go-zero"]);
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    for tag in ["missing", "number", "words", "go-zero"] {
        assert_eq!(
            shown(&metadata, tag),
            ("none".to_owned(), vec!["linux/amd64".to_owned()])
        );
    }
}

#[test]
fn chart_has_no_time_and_no_platform_and_its_config_is_not_read() {
    let registry = TestRegistry::start();
    let chart = Image::built(NEW).config_type("application/vnd.cncf.helm.config.v1+json");
    registry.push("org/chart", "1", chart);
    let metadata = ask_with(options(), &registry.image("org/chart"), created(["1"]));
    assert_eq!(shown(&metadata, "1"), ("none".to_owned(), Vec::new()));
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn schema_1_manifest_fails_with_advice() {
    let registry = TestRegistry::start();
    registry.fault(
        "/manifests/",
        Fault::Body(r#"{"schemaVersion":1,"fsLayers":[]}"#),
    );
    let metadata = ask_with(options(), &registry.image("org/app"), created(["1"]));
    let failure = failure(&image(&metadata, "1").created);
    assert_eq!(failure.kind, FetchFailureKind::CannotBePulled);
    assert!(failure.message.contains("schema 1"), "{failure}");
}

#[test]
fn missing_manifest_or_config_fails_only_its_own_tag() {
    let registry = TestRegistry::start();
    registry.push("org/app", "good", Image::built(NEW));
    registry.list("org/app", ["listed-only"]);
    let broken = Image::built(OLD).content();
    let config = broken.configs[0].digest.clone();
    registry.push("org/app", "no-config", broken);
    registry.remove("org/app", &config);
    let facts = created(["good", "listed-only", "no-config"]);
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert_eq!(shown(&metadata, "good").0, NEW);
    for (tag, kind) in [
        ("listed-only", FetchFailureKind::NotFound),
        ("no-config", FetchFailureKind::NoConfig),
    ] {
        let failure = failure(&image(&metadata, tag).created);
        assert_eq!(failure.kind, kind, "{tag}: {failure}");
    }
    assert!(image(&metadata, "no-config").digest.value().is_some());
}

#[test]
fn content_that_does_not_match_its_digest_is_refused() {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1", Image::built(NEW));
    for (pattern, of) in [
        ("/blobs/", "1"),
        ("/manifests/1", "1"),
        ("/manifests/sha256", &*digest),
    ] {
        registry.heal();
        registry.fault(pattern, Fault::Tampered);
        let metadata = ask_with(options(), &registry.image("org/app"), created([of]));
        let failure = failure(&image(&metadata, of).created);
        assert_eq!(failure.kind, FetchFailureKind::Registry, "{pattern}");
        assert!(
            failure.message.contains("does not have the digest"),
            "{failure}"
        );
    }
}

#[test]
fn answer_future_is_send() {
    fn is_send(_: &impl Send) {}
    let registries = Registries::new(options()).expect("options");
    let (name, mut metadata) = (name("quay.io/org/app"), RepositoryMetadata::default());
    is_send(&registries.answer(registries.user(), &name, vec![Fact::Tags], &mut metadata));
}
