//! Product decision 10: a tag that has moved since the Pods started is reported.

use kubectl_imgpolicy::image::{Fact, RepositoryMetadata, TagOrDigest};
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{OracleImage, digest, image};
use crate::support::scenario::Scenario;

/// An index (1) of two images: manifests 2 and 3, configs 12 and 13.
fn index() -> OracleImage {
    image().digest(1).member(2, 12).member(3, 13)
}

fn scenario(pods: &[u8]) -> Scenario {
    let mut scenario = Scenario::following("semver:*", "org/app:1.0.0").image("1.0.0", index());
    for &pod in pods {
        scenario = scenario.pod("app", &format!("docker.io/org/app@{}", digest(pod)));
    }
    scenario
}

#[test]
fn index_manifests_and_configs_belong_to_the_tag() {
    for (pods, asked) in [
        (&[1][..], &["tags", "digest 1.0.0"][..]),
        (&[2, 3], &["tags", "digest 1.0.0", "members 1.0.0"]),
        (
            &[1, 2, 12, 13],
            &["tags", "digest 1.0.0", "members 1.0.0", "configs 1.0.0"],
        ),
    ] {
        let judged = scenario(pods).decide("app");
        assert_eq!(judged.warns(), "", "{pods:?}");
        assert_eq!(judged.asked(), asked, "the cheapest first");
    }
}

#[test]
fn any_other_digest_shows_that_the_tag_moved() {
    let judged = scenario(&[9]).decide("app");
    assert_eq!(
        judged.warning(WarningCode::MovedTag),
        "the Pods run sha256:0909090, and 1.0.0 now serves sha256:0101010: the tag has moved"
    );
    assert_eq!(
        judged.says(),
        "keep up-to-date 1.0.0",
        "it does not change the decision"
    );
}

#[test]
fn affected_pods_are_counted() {
    let judged = scenario(&[9, 9, 1]).decide("app");
    assert_eq!(
        judged.warning(WarningCode::MovedTag),
        "2 of 3 Pods run sha256:0909090, and 1.0.0 now serves sha256:0101010: the tag has moved"
    );
}

#[test]
fn image_id_without_a_digest_is_not_checked() {
    let judged = scenario(&[]).pod("app", "org/app:1.0.0").decide("app");
    assert_eq!(judged.warns(), "");
    assert_eq!(judged.asked(), ["tags"]);
}

#[test]
fn written_digest_cannot_move() {
    let judged = Scenario::following("semver:*", &format!("org/app:1.0.0@{}", digest(1)))
        .image("1.0.0", index())
        .pod("app", &digest(9).to_string())
        .decide("app");
    assert_eq!(judged.warns(), "");
}

#[test]
fn missing_tag_gives_no_warning_about_pods() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .tags(&["1.0.1"])
        .pod("app", &digest(9).to_string())
        .decide("app");
    assert_eq!(judged.warns(), "running-tag-gone");
}

#[test]
fn untagged_image_is_checked_as_latest() {
    let judged = Scenario::following("semver:*", "org/app")
        .image("latest", index())
        .pod("app", &digest(9).to_string())
        .decide("app");
    assert_eq!(judged.warns(), "mutable-tag moved-tag");
}

#[test]
fn pods_are_compared_with_each_other_without_a_registry() {
    let mut scenario = Scenario::deployment().container("app", "org/app:latest");
    for pod in [9, 9, 1] {
        scenario = scenario.pod("app", &digest(pod).to_string());
    }
    let judged = scenario.decide("app");
    assert_eq!(
        judged.warning(WarningCode::MixedImages),
        "2 of 3 Pods run sha256:0909090, 1 of 3 Pods run sha256:0101010"
    );
    assert_eq!(judged.asked(), [""; 0]);
    let invalid = scenario.clone().annotation("fluxcd.io/tag.app", "semver:?");
    assert_eq!(invalid.decide("app").warns(), "invalid-policy mixed-images");
    let ignored = scenario.annotation("fluxcd.io/ignore", "true");
    assert_eq!(ignored.decide("app").warns(), "");
}

#[test]
fn assumed_policy_compares_pods_with_the_registry() {
    let judged = Scenario::deployment()
        .container("app", "org/app:1.0.0")
        .settings(|s| s.assume = Some("auto".to_owned()))
        .image("1.0.0", index())
        .pod("app", &digest(2).to_string())
        .pod("app", &digest(3).to_string())
        .decide("app");
    assert_eq!(judged.warns(), "", "two platforms of one image");
}

#[test]
fn known_configs_are_not_requested() {
    let scenario = scenario(&[12]);
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let mut metadata = RepositoryMetadata::default();
    for fact in [Fact::Tags, Fact::Digest(tag()), Fact::Configs(tag())] {
        scenario.oracle.answer(&fact, &mut metadata);
    }
    let image = metadata.images.get_mut(&tag()).expect("asked for");
    image.configs_asked = false;
    assert_eq!(subjects[0].needs(&metadata), []);
    assert_eq!(subjects[0].decide(&metadata).warnings, []);
}

fn tag() -> TagOrDigest {
    "1.0.0".parse().expect("a tag")
}
