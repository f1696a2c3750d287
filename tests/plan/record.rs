//! Product decision 6.11, writing: the record of an update.

use kubectl_imgpolicy::plan::{LastUpdate, RecordedChange};
use serde_json::{Value, json};

use super::{annotation, edit, images, observed, planned, updated};
use crate::support::oracle::{built, digest};
use crate::support::scenario::Scenario;

/// `deployment/web` whose containers follow `semver:~1`, with 1.0.0 and 1.0.1.
fn automated(containers: &[(&str, &str)]) -> Scenario {
    let mut scenario = Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-01-02"));
    for (name, image) in containers {
        scenario = scenario
            .container(name, image)
            .annotation(&format!("fluxcd.io/tag.{name}"), "semver:~1");
    }
    scenario
}

fn last(scenario: &Scenario) -> LastUpdate {
    LastUpdate::from_annotations(&observed(scenario.object()).annotations)
        .expect("a record")
        .expect("can be read")
}

#[test]
fn update_records_tags_number_and_replaced_images() {
    let scenario = automated(&[("app", "org/my-app:1.0.0")]);
    let after = updated(&scenario);
    assert_eq!(annotation(&after, "fluxcd.io/tag.my-app"), Some("1.0.1"));
    assert_eq!(annotation(&after, "fluxcd.io/build.number"), Some("1"));
    let text = annotation(&after, "imgpolicy.dev/last-update").expect("a record");
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(
        value,
        json!({"time": "2026-11-21T12:00:00Z", "by": "admin", "number": "1",
            "changes": [{"container": "app", "from": "org/my-app:1.0.0",
                "to": "org/my-app:1.0.1", "digest": digest(2), "policy": "semver:~1"}],
            "records": {"fluxcd.io/tag.my-app": "1.0.1"}})
    );
}

#[test]
fn two_containers_are_one_edit_with_one_number() {
    let scenario = automated(&[
        ("app", "org/my-app:1.0.0"),
        ("side", "q.example/proxy:1.0.0"),
    ])
    .init_container("setup", "org/my-app:1.0.0")
    .annotation("fluxcd.io/tag.setup", "semver:~1");
    let plan = planned(&scenario);
    assert_eq!(
        images(&plan),
        "app=org/my-app:1.0.1 side=q.example/proxy:1.0.1 setup=org/my-app:1.0.1"
    );
    let edit = edit(&scenario, &plan);
    assert_eq!(edit.images.len(), 3);
    let after = updated(&scenario);
    assert_eq!(annotation(&after, "fluxcd.io/build.number"), Some("1"));
    assert_eq!(annotation(&after, "fluxcd.io/tag.proxy"), Some("1.0.1"));
    assert_eq!(last(&after).changes.len(), 3);
}

#[test]
fn container_named_like_the_image_keeps_its_policy() {
    let scenario = automated(&[("my-app", "org/my-app:1.0.0")]);
    let after = updated(&scenario);
    assert_eq!(
        annotation(&after, "fluxcd.io/tag.my-app"),
        Some("semver:~1")
    );
    let last = last(&after);
    assert_eq!(last.records.len(), 0);
    assert_eq!(last.changes[0].to, "org/my-app:1.0.1");
    assert_eq!(after.decide("my-app").says(), "keep up-to-date 1.0.1");
}

#[test]
fn policy_without_a_container_is_not_overwritten() {
    let scenario =
        automated(&[("app", "org/my-app:1.0.0")]).annotation("fluxcd.io/tag.my-app", "semver:~2");
    let after = updated(&scenario);
    assert_eq!(
        annotation(&after, "fluxcd.io/tag.my-app"),
        Some("semver:~2")
    );
}

#[test]
fn record_is_not_read_as_a_policy() {
    let after = updated(&automated(&[("app", "org/my-app:1.0.0")]));
    let judged = after.decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn record_stays_a_record_if_a_container_of_that_name_appears() {
    let first = updated(&automated(&[("app", "org/my-app:1.0.0")]));
    let appeared = first
        .container("my-app", "org/other:1.0.1")
        .image("1.0.2", built("2026-01-03"));
    let second = updated(&appeared);
    // The key now names the new container, and its value is still not a policy.
    assert_eq!(annotation(&second, "fluxcd.io/tag.my-app"), Some("1.0.1"));
    assert!(last(&second).records.contains_key("fluxcd.io/tag.my-app"));
    let third = second.image("1.0.3", built("2026-01-04"));
    assert_eq!(third.decide("my-app").says(), "update newer-image 1.0.3");
}

#[test]
fn images_with_the_same_last_element_get_longer_names() {
    let scenario = automated(&[
        ("a", "q.example/one/app:1.0.0"),
        ("b", "q.example/two/app:1.0.0"),
    ]);
    let after = updated(&scenario);
    assert_eq!(annotation(&after, "fluxcd.io/tag.one-app"), Some("1.0.1"));
    assert_eq!(annotation(&after, "fluxcd.io/tag.two-app"), Some("1.0.1"));
    assert_eq!(annotation(&after, "fluxcd.io/tag.app"), None);
    assert_eq!(after.decide("a").says(), "keep up-to-date 1.0.1");
    assert_eq!(after.decide("a").warns(), "");
}

#[test]
fn illegal_key_is_cut_with_a_hash() {
    let long = format!("org/{}", "a".repeat(90));
    let after = updated(&automated(&[("app", &format!("{long}:1.0.0"))]));
    let records = last(&after).records;
    let key = records.keys().next().expect("a key");
    let name = key.strip_prefix("fluxcd.io/").expect("the prefix");
    assert_eq!(name.len(), 63);
    assert!(name.starts_with("tag.aaaa"));
    assert_eq!(after.decide("app").warns(), "");
    // The next update finds the same key.
    let again = updated(&after.image("1.0.2", built("2026-01-03")));
    assert_eq!(annotation(&again, key), Some("1.0.2"));
}

#[test]
fn next_update_increments_the_number_and_keeps_other_records() {
    let scenario = automated(&[("app", "org/my-app:1.0.0"), ("side", "org/proxy:1.0.0")]);
    let first = updated(&scenario);
    let second = updated(
        &first
            .annotation("fluxcd.io/tag.side", "semver:1.0.1")
            .image("1.0.2", built("2026-01-03")),
    );
    assert_eq!(annotation(&second, "fluxcd.io/build.number"), Some("2"));
    let last = last(&second);
    assert_eq!(last.number, "2");
    assert_eq!(last.changes.len(), 1);
    assert_eq!(last.records["fluxcd.io/tag.my-app"], "1.0.2");
    assert_eq!(last.records["fluxcd.io/tag.proxy"], "1.0.1");
}

#[test]
fn invalid_build_number_starts_again_at_one() {
    let scenario =
        automated(&[("app", "org/my-app:1.0.0")]).annotation("fluxcd.io/build.number", "nightly");
    let after = updated(&scenario);
    assert_eq!(annotation(&after, "fluxcd.io/build.number"), Some("1"));
}

#[test]
fn record_of_a_removed_image_is_removed() {
    let first = updated(&automated(&[("app", "org/my-app:1.0.0")]));
    let mut object = first.object().clone();
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("org/renamed:1.0.0");
    let second = updated(&first.with_object(object));
    assert_eq!(annotation(&second, "fluxcd.io/tag.my-app"), None);
    assert_eq!(annotation(&second, "fluxcd.io/tag.renamed"), Some("1.0.1"));
}

#[test]
fn build_group_of_the_policy_is_the_number() {
    for annotations in [
        vec![("fluxcd.io/tag.app", "regex:^main-(?P<build>[0-9]+)$")],
        vec![
            ("fluxcd.io/tag.app", "alphabetical"),
            ("imgpolicy.dev/filter-tags.app", "^main-(?P<build>[0-9]+)$"),
        ],
    ] {
        let mut scenario = Scenario::deployment()
            .annotation("fluxcd.io/automated", "true")
            .container("app", "org/my-app:main-41")
            .image("main-41", built("2026-01-01"))
            .image("main-42", built("2026-01-02"));
        for (key, value) in annotations {
            scenario = scenario.annotation(key, value);
        }
        assert_eq!(scenario.decide("app").build.as_deref(), Some("42"));
        let after = updated(&scenario);
        assert_eq!(annotation(&after, "fluxcd.io/build.number"), Some("42"));
    }
}

#[test]
fn image_by_digest_is_recorded_by_its_digest() {
    let pinned = digest(7).to_string();
    let scenario = Scenario::following(&format!("digest:{pinned}"), "org/my-app")
        .image("1.0.0", built("2026-01-01").digest(7));
    let after = updated(&scenario);
    assert_eq!(
        annotation(&after, "fluxcd.io/tag.my-app"),
        Some(pinned.as_str())
    );
    let changes = last(&after).changes;
    let expected = RecordedChange {
        container: "app".to_owned(),
        from: "org/my-app".to_owned(),
        to: format!("org/my-app@{pinned}"),
        admitted: None,
        digest: Some(pinned.clone()),
        policy: Some(format!("digest:{pinned}")),
        unquoted: false,
    };
    assert_eq!(changes, [expected]);
}

#[test]
fn change_cause_of_the_user_is_kept_and_extended() {
    let cause = "kubernetes.io/change-cause";
    let first = updated(&automated(&[("app", "org/my-app:1.0.0")]).annotation(cause, "release 7"));
    assert_eq!(
        annotation(&first, cause),
        Some("release 7; imgpolicy: app 1.0.0 -> 1.0.1")
    );
    let second = updated(&first.image("1.0.2", built("2026-01-03")));
    assert_eq!(
        annotation(&second, cause),
        Some("release 7; imgpolicy: app 1.0.1 -> 1.0.2")
    );
}

#[test]
fn only_deployments_have_a_change_cause() {
    let mut object = automated(&[("app", "org/my-app:1.0.0")]).object().clone();
    object["kind"] = json!("StatefulSet");
    let scenario = automated(&[]).with_object(object);
    let after = updated(&scenario);
    assert_eq!(annotation(&after, "kubernetes.io/change-cause"), None);
    assert_eq!(annotation(&after, "fluxcd.io/tag.my-app"), Some("1.0.1"));
}
