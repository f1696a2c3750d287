//! Product decision 6.11, reading: records of our own updates are distinguished from
//! policies.

use kubectl_imgpolicy::policy::WarningCode;
use serde_json::json;

use crate::support::oracle::{built, digest};
use crate::support::scenario::Scenario;

fn automated() -> Scenario {
    Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .container("app", "docker.io/org/my-app:1.0.0")
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-01-02"))
}

fn last_update(records: serde_json::Value) -> String {
    json!({"time": "2026-01-02T00:00:00Z", "by": "me", "number": 3, "changes": [],
        "records": records})
    .to_string()
}

#[test]
fn key_named_after_an_image_with_a_tag_is_a_record() {
    let record = "fluxcd.io/tag.my-app";
    for value in ["1.0.0", "9e3bdaf", &digest(1).to_string()] {
        let judged = automated().annotation(record, value).decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{value}");
        assert_eq!(judged.warns(), "");
    }
}

#[test]
fn key_named_after_an_image_with_a_policy_is_a_dangling_filter() {
    let record = "fluxcd.io/tag.my-app";
    for value in [
        "semver:~1.0",
        "dev-*",
        "",
        "regex:^1",
        "numerical",
        "alphabetical",
    ] {
        let judged = automated().annotation(record, value).decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{value}");
    }
}

#[test]
fn build_number_is_not_a_filter() {
    let judged = automated()
        .annotation("fluxcd.io/build.number", "7")
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn key_and_value_of_the_last_update_are_a_record() {
    // The image has been renamed since.
    let records = json!({"fluxcd.io/tag.old-name": "1.0.0"});
    let scenario = automated().annotation("imgpolicy.dev/last-update", &last_update(records));
    let record = scenario
        .clone()
        .annotation("fluxcd.io/tag.old-name", "1.0.0");
    assert_eq!(record.decide("app").says(), "update newer-image 1.0.1");
    // The user has written a policy there since.
    let policy = scenario.annotation("fluxcd.io/tag.old-name", "semver:~1");
    assert_eq!(policy.decide("app").says(), "unknown invalid-policy -");
}

#[test]
fn record_stays_a_record_if_a_container_of_that_name_appears() {
    let records = json!({"fluxcd.io/tag.my-app": "1.0.0"});
    let scenario = automated()
        .container("my-app", "docker.io/org/my-app:1.0.0")
        .annotation("fluxcd.io/tag.my-app", "1.0.0");
    let recorded = scenario
        .clone()
        .annotation("imgpolicy.dev/last-update", &last_update(records));
    let judged = recorded.decide("my-app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    let implied = "implied by annotation fluxcd.io/automated";
    assert_eq!(
        judged.policy.as_ref().map(|p| p.origin.as_str()),
        Some(implied)
    );
    // Without the last update, it is the container's policy, and pins the tag.
    assert_eq!(scenario.decide("my-app").says(), "keep up-to-date 1.0.0");
}

#[test]
fn invalid_last_update_records_nothing() {
    for text in [
        "",
        "[]",
        "{\"records\":[1]}",
        "{\"records\":{\"fluxcd.io/tag.x\":1}}",
        "nonsense",
    ] {
        let judged = automated()
            .annotation("imgpolicy.dev/last-update", text)
            .annotation("fluxcd.io/tag.x", "1")
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{text}");
    }
}

#[test]
fn dangling_filter_stops_containers_without_their_own() {
    for key in [
        "fluxcd.io/tag.ap",
        "flux.weave.works/tag.ap",
        "filter.fluxcd.io/ap",
        "fluxcd.io/tag_all",
        "flux.weave.works/tag_all",
        "filter.fluxcd.io/tag.app",
        "fluxcd.io/tag.",
        "imgpolicy.dev/filter-tags.ap",
        "imgpolicy.dev/ignore-tags.ap",
        "imgpolicy.dev/policy.ap",
    ] {
        let scenario = automated()
            .container("own", "docker.io/org/my-app:1.0.0")
            .annotation("fluxcd.io/tag.own", "semver:~1.0")
            .annotation(key, "semver:~1.0");
        let without = scenario.decide("app");
        assert_eq!(without.says(), "unknown invalid-policy -", "{key}");
        let expected = format!(
            "annotation {key}: deployment/web has no such container (it has app, own); until this \
             is fixed or removed, only containers with their own filter are updated"
        );
        assert_eq!(without.message, expected);
        let own = scenario.decide("own");
        assert_eq!(own.says(), "update newer-image 1.0.1", "{key}");
        let warning = own.warning(WarningCode::DanglingFilter);
        assert_eq!(
            warning,
            format!("{key} does not name a container of deployment/web (app, own)")
        );
    }
}

#[test]
fn value_paths_of_a_release_are_not_filters() {
    let judged = Scenario::helm_release(json!({"a": {"repo": "org/my-app", "tag": "1.0.0"}}))
        .annotation("fluxcd.io/automated", "true")
        .annotation("repository.fluxcd.io/app", "a.repo")
        .annotation("tag.fluxcd.io/app", "a.tag")
        .annotation("fluxcd.io/tag.app", "semver:~1.0")
        .tags(&["1.0.0", "1.0.1", "1.2.0"])
        .decide("app");
    assert_eq!(judged.writes(), "org/my-app:1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn images_of_a_release_follow_policies_named_after_their_blocks() {
    let values = json!({"image": {"repository": "org/my-app", "tag": "1.0.0"},
        "sidecar": {"image": "org/proxy:1.0.0"}});
    let scenario = Scenario::helm_release(values)
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.chart-image", "semver:~1.0")
        .annotation("fluxcd.io/tag.sidecar", "semver:^1.0")
        .tags(&["1.0.0", "1.0.1", "1.2.0"]);
    assert_eq!(scenario.decide("chart-image").writes(), "org/my-app:1.0.1");
    assert_eq!(scenario.decide("sidecar").writes(), "org/proxy:1.2.0");
}
