//! Complete decisions by time: the requests that push times and described tags save,
//! and that the result is the same.

use jiff::{Timestamp, ToSpan};
use kubectl_imgpolicy::collect;
use kubectl_imgpolicy::registry::{Provider, PushTimeApi, Registries, RegistryOptions};
use serde_json::{Value, json};

use super::{block_on, options};
use crate::support::content::{Image, Index};
use crate::support::registry::TestRegistry;
use crate::support::registry::providers::hub_tag;
use crate::support::scenario::Scenario;

const TAGS: usize = 1000;

fn tag(number: usize) -> String {
    format!("build-{number:04}")
}

/// Returns when the image with this number was built: one per day.
fn built(number: usize) -> Timestamp {
    let day = jiff::civil::date(2023, 1, 1) + i64::try_from(number).expect("small").days();
    let noon = day.at(12, 0, 0, 0).in_tz("UTC").expect("UTC");
    noon.timestamp()
}

fn pushed(number: usize) -> Timestamp {
    built(number) + 1.hour()
}

/// Decides `glob:*` while tag number 100 is running: outcome, reason and elected
/// tag.
fn decide(registry: &TestRegistry, options: RegistryOptions) -> String {
    let image = registry.image(&format!("org/app:{}", tag(100)));
    let scenario = Scenario::following("glob:*", &image);
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let registries = Registries::new(options).expect("options");
    let name = subjects[0].repository().expect("a repository");
    let metadata = block_on(collect::fetch_until_decidable(
        name,
        &[&subjects[0]],
        &registries,
    ));
    let decision = subjects[0].decide(&metadata);
    let elected = decision.latest.as_ref().and_then(|image| image.tag());
    let elected = elected.map(ToString::to_string).unwrap_or_default();
    format!("{} {} {elected}", decision.outcome, decision.reason)
}

/// Counts the manifests that were read.
fn manifests(registry: &TestRegistry) -> usize {
    registry.count("GET /v2/org/app/manifests/")
}

/// Creates a registry with single images.
fn with_images() -> TestRegistry {
    let registry = TestRegistry::start();
    for number in 0..TAGS {
        let image = Image::built(&built(number).to_string());
        registry.push("org/app", &tag(number), image);
    }
    registry
}

const DECISION: &str = "update newer-image build-0999";

#[test]
fn thousand_tags_on_docker_hub_cost_ten_pages_and_a_few_dates() {
    let (registry, hub) = (with_images(), TestRegistry::start());
    let listed = (0..TAGS).rev();
    hub.provide(
        "org/app",
        listed.map(|number| hub_tag(&tag(number), &pushed(number).to_string())),
    );
    let told = RegistryOptions {
        push_time_apis: vec![PushTimeApi {
            registry: registry.host(),
            provider: Provider::DockerHub,
            base: format!("{}/", hub.url()),
        }],
        ..options()
    };
    assert_eq!(decide(&registry, told), DECISION);
    assert_eq!(hub.requests().len(), 10);
    // The tag list, and the manifest and the config of five images.
    assert_eq!(registry.requests().len(), 11);

    registry.forget();
    assert_eq!(decide(&registry, options()), DECISION);
    assert_eq!(manifests(&registry), TAGS);
}

/// Creates the description of an image or an index in a tag list.
fn described(number: usize, media_type: &str, created: &Value) -> Value {
    json!({
        "tag": [tag(number)], "mediaType": media_type, "timeCreatedMs": created,
        "timeUploadedMs": pushed(number).as_millisecond().to_string(),
    })
}

#[test]
fn thousand_described_images_cost_the_tag_list_and_a_few_dates() {
    let registry = with_images();
    let mut manifests = json!({});
    for number in 0..TAGS {
        let image = Image::built(&built(number).to_string());
        let digest = registry.push("org/app", &tag(number), image);
        let created = json!(built(number).as_millisecond().to_string());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        manifests[digest] = described(number, media_type, &created);
    }
    registry.describe("org/app", manifests);
    assert_eq!(decide(&registry, options()), DECISION);
    // The tag list, and the manifest and the config of five images.
    assert_eq!(registry.requests().len(), 11);
}

#[test]
fn thousand_annotated_indexes_cost_one_request_each() {
    let registry = TestRegistry::start();
    for number in 0..TAGS {
        let both = ["linux/amd64", "linux/arm64"];
        // Reproducible builds: all configs have the same date.
        let images = both.map(|p| {
            Image::built("2020-01-01T00:00:00Z")
                .label(&tag(number))
                .platform(p)
        });
        let index = Index::of(images).annotated(&built(number).to_string());
        registry.push("org/app", &tag(number), index);
    }
    assert_eq!(decide(&registry, options()), DECISION);
    assert_eq!(registry.requests().len(), 1 + TAGS);
}

#[test]
fn thousand_described_indexes_are_bounded_by_their_uploads() {
    let registry = TestRegistry::start();
    let mut manifests = json!({});
    for number in 0..TAGS {
        let image = Image::built(&built(number).to_string());
        let digest = registry.push("org/app", &tag(number), Index::of([image]));
        let media_type = "application/vnd.oci.image.index.v1+json";
        manifests[digest] = described(number, media_type, &json!("0"));
    }
    registry.describe("org/app", manifests);
    assert_eq!(decide(&registry, options()), DECISION);
    // Five indexes, and the manifest of an image in each.
    assert_eq!(self::manifests(&registry), 10);
}
