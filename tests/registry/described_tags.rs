//! Tag lists with facts about their tags, as Google's registries send them.

use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions, Trust};
use serde_json::{Value, json};

use super::metadata_cache::User;
use super::{block_on, built, created, image, name, options, tags, version};
use crate::support::content::{Image, Index};
use crate::support::registry::TestRegistry;

const BUILT: &str = "2024-01-01T00:00:00Z";
const BUILT_MS: i64 = 1_704_067_200_000;
const UPLOADED: &str = "2024-02-01T00:00:00Z";
const UPLOADED_MS: i64 = 1_706_745_600_000;

const IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Creates the description of a manifest in a tag list.
fn manifest(tags: &[&str], media_type: &str, created: &Value, uploaded: &Value) -> Value {
    json!({
        "imageSizeBytes": "123", "layerId": "", "mediaType": media_type, "tag": tags,
        "timeCreatedMs": created, "timeUploadedMs": uploaded,
    })
}

fn text(milliseconds: i64) -> Value {
    json!(milliseconds.to_string())
}

/// Requests all of these facts, round by round, in one run.
fn ask(registry: &TestRegistry, rounds: Vec<Vec<Fact>>) -> RepositoryMetadata {
    let registries = Registries::new(options()).expect("options");
    let app = name(&registry.image("org/app"));
    let mut metadata = RepositoryMetadata::default();
    block_on(async {
        for facts in rounds {
            let answer = registries.answer(registries.user(), &app, facts, &mut metadata);
            answer.await;
        }
    });
    metadata
}

/// The creation and the push time of a tag.
fn times(metadata: &RepositoryMetadata, tag: &str) -> (Option<String>, Option<String>) {
    let image = image(metadata, tag);
    let pushed = image.pushed_at().map(|at| at.to_string());
    (built(image), pushed)
}

#[test]
fn one_request_bounds_the_dates_of_all_tags() {
    let registry = TestRegistry::start();
    let names: Vec<String> = (0..50).map(|n| format!("1.{n}")).collect();
    let mut manifests = json!({});
    for (name, at) in names.iter().zip(BUILT_MS..) {
        let digest = registry.push("org/app", name, Image::built(BUILT).label(name));
        manifests[digest] = manifest(&[name], IMAGE, &text(at), &json!(UPLOADED_MS));
    }
    registry.describe("org/app", manifests);
    let dates = created(names.iter().map(String::as_str));
    let metadata = ask(&registry, vec![vec![Fact::Tags], dates]);
    assert_eq!(
        times(&metadata, "1.7"),
        (None, Some(UPLOADED.to_owned())),
        "the date in the list is only that of the config"
    );
    assert!(image(&metadata, "1.49").created.is_not_asked());
    assert!(image(&metadata, "1.49").digest.value().is_some());
    assert_eq!(registry.paths(), ["GET /v2/org/app/tags/list"]);
}

#[test]
fn index_is_bounded_by_its_upload_and_dated_on_the_second_request() {
    let registry = TestRegistry::start();
    let names: Vec<String> = (0..10).map(|n| format!("1.{n}")).collect();
    let mut manifests = json!({});
    for name in &names {
        let index = Index::of([Image::built(BUILT).label(name)]);
        let digest = registry.push("org/app", name, index);
        // For an index, this field is not a creation time.
        manifests[digest] = manifest(&[name], INDEX, &text(7), &text(UPLOADED_MS));
    }
    registry.describe("org/app", manifests);
    let dates = || created(names.iter().map(String::as_str));
    let metadata = ask(&registry, vec![vec![Fact::Tags], dates()]);
    assert_eq!(times(&metadata, "1.3"), (None, Some(UPLOADED.to_owned())));
    assert!(image(&metadata, "1.3").created.is_not_asked());
    assert_eq!(registry.requests().len(), 1);
    let again = created(["1.3"]);
    let metadata = ask(&registry, vec![vec![Fact::Tags], dates(), again]);
    assert_eq!(times(&metadata, "1.3").0.as_deref(), Some(BUILT));
    assert!(image(&metadata, "1.4").created.is_not_asked());
}

#[test]
fn malformed_descriptions_are_ignored_and_their_tags_are_dated() {
    let registry = TestRegistry::start();
    let good = |tag: &str| manifest(&[tag], IMAGE, &text(7), &text(UPLOADED_MS));
    let cases = [
        json!(null),
        json!([]),
        json!("sha256"),
        json!({"no digest": good("1")}),
        json!({"DIGEST": null}),
        json!({"DIGEST": {"tag": "1", "timeCreatedMs": "7"}}),
        json!({"DIGEST": {"tag": ["1"], "mediaType": 7, "timeCreatedMs": "7"}}),
        json!({"DIGEST": {"tag": [1, null, "no tag"], "mediaType": IMAGE, "timeCreatedMs": "7"}}),
        json!({"DIGEST": {"tag": ["1"], "timeCreatedMs": "7"}}),
        json!({"DIGEST": manifest(&["1"], IMAGE, &text(0), &json!(0))}),
        json!({"DIGEST": manifest(&["1"], IMAGE, &text(-62_135_596_800_000), &json!("soon"))}),
        json!({"DIGEST": manifest(&["1"], IMAGE, &json!("9".repeat(30)), &json!({}))}),
        json!({"DIGEST": manifest(&["1"], "application/vnd.docker.distribution.manifest.v1+prettyjws", &text(7), &json!([]))}),
    ];
    for manifests in cases {
        let digest = registry.push("org/app", "1", Image::built(BUILT));
        let shown = manifests.to_string().replace("DIGEST", &digest);
        registry.describe("org/app", serde_json::from_str(&shown).expect("JSON"));
        let metadata = ask(&registry, vec![vec![Fact::Tags], created(["1"])]);
        assert_eq!(tags(&metadata), ["1"], "{manifests}");
        assert_eq!(
            times(&metadata, "1"),
            (Some(BUILT.to_owned()), None),
            "{manifests}"
        );
    }
}

#[test]
fn description_of_an_unlisted_tag_is_ignored() {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1", Image::built(BUILT));
    let manifests = json!({digest: manifest(&["1", "2"], IMAGE, &text(7), &text(UPLOADED_MS))});
    registry.describe("org/app", manifests);
    let facts = vec![Fact::Pushed(version("1")), Fact::Pushed(version("2"))];
    let metadata = ask(&registry, vec![vec![Fact::Tags], facts]);
    assert_eq!(times(&metadata, "1").1.as_deref(), Some(UPLOADED));
    assert_eq!(times(&metadata, "2"), (None, None));
}

#[test]
fn tag_with_another_digest_than_described_is_dated_again() {
    let registry = TestRegistry::start();
    let old = registry.push("org/app", "1", Image::built("2023-01-01T00:00:00Z"));
    let manifests = json!({old: manifest(&["1"], IMAGE, &text(7), &text(UPLOADED_MS))});
    registry.describe("org/app", manifests);
    let new = registry.push("org/app", "1", Image::built(BUILT));
    let rounds = vec![vec![Fact::Tags], created(["1"])];
    let metadata = ask(&registry, rounds.clone());
    assert_eq!(times(&metadata, "1"), (None, Some(UPLOADED.to_owned())));
    // After the manifest is read, no fact of the other image remains.
    let members = vec![Fact::Members(version("1"))];
    let seen = ask(&registry, [rounds.clone(), vec![members.clone()]].concat());
    assert_eq!(
        image(&seen, "1").digest.value().map(|d| d.as_str()),
        Some(new.as_str())
    );
    assert!(image(&seen, "1").created.is_not_asked());
    let again = ask(&registry, [rounds, vec![members, created(["1"])]].concat());
    assert_eq!(times(&again, "1").0.as_deref(), Some(BUILT));
}

#[test]
fn tag_list_of_this_run_overrides_the_cache() {
    let registry = TestRegistry::start();
    let app = registry.image("org/app");
    let describe = |built: &str| {
        let both = ["linux/amd64", "linux/arm64"].map(|p| Image::built(built).platform(p));
        let digest = registry.push("org/app", "1", Index::of(both));
        // The list has no date for an index.
        let manifests = json!({digest: manifest(&["1"], INDEX, &text(0), &text(UPLOADED_MS))});
        registry.describe("org/app", manifests);
    };
    let user = User::new();
    let date = || {
        let mut metadata = RepositoryMetadata::default();
        let rounds = vec![vec![Fact::Tags], created(["1"]), created(["1"])];
        user.ask_in_turn(&app, rounds, &mut metadata);
        times(&metadata, "1").0
    };
    describe("2023-01-01T00:00:00Z");
    assert_eq!(date().as_deref(), Some("2023-01-01T00:00:00Z"));
    describe(BUILT);
    assert_eq!(date().as_deref(), Some(BUILT), "not the cached date");
}

#[test]
fn facts_of_an_old_tag_list_count_as_remembered() {
    let registry = TestRegistry::start();
    let app = registry.image("org/app");
    let digest = registry.push("org/app", "1", Image::built(BUILT));
    let manifests = json!({digest: manifest(&["1"], IMAGE, &text(BUILT_MS), &text(UPLOADED_MS))});
    registry.describe("org/app", manifests);
    let user = User::new();
    let rounds = || vec![vec![Fact::Tags], created(["1"]), created(["1"])];
    let mut today = RepositoryMetadata::default();
    user.ask_in_turn(&app, rounds(), &mut today);
    assert!(
        !image(&today, "1").remembered,
        "the registry has just confirmed it"
    );
    let patient = user.with(RegistryOptions {
        trust: Trust {
            max_age: Duration::from_secs(3600),
            ..Trust::default()
        },
        ..user.options.clone()
    });
    registry.forget();
    let mut later = RepositoryMetadata::default();
    patient.ask_in_turn(&app, rounds(), &mut later);
    assert_eq!(registry.paths(), [""; 0]);
    assert_eq!(times(&later, "1"), times(&today, "1"));
    assert!(
        image(&later, "1").remembered,
        "so it is confirmed if a decision depends on it"
    );
}
