//! Product decision 12: the elected image supports the platforms of the workload.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{OracleImage, image, time};
use crate::support::scenario::{Judged, Scenario};

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// 1.0.0 runs on a cluster with nodes of both platforms.
fn scenario() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0").nodes(&BOTH)
}

#[test]
fn every_possible_platform_of_the_running_image_is_required() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&BOTH))
        .image("1.0.2", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "wrong-platform");
    assert_eq!(
        judged.warning(WarningCode::WrongPlatform),
        "1.0.2 does not offer linux/arm64, on which the workload runs"
    );
    assert_eq!(
        judged.message,
        "1.0.1 is the highest of 3 tags that match semver:*, leaving aside 1.0.2, which lacks a \
         platform that the workload runs on"
    );
}

#[test]
fn platform_missing_from_the_running_image_is_not_required() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&["linux/amd64"]))
        .image("1.0.1", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn platform_on_which_the_workload_cannot_run_is_not_required() {
    let judged = scenario()
        .node_selector("kubernetes.io/arch", "arm64")
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&["linux/arm64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn any_possible_platform_suffices_if_the_running_ones_are_unknown() {
    for gone in [true, false] {
        let mut scenario = scenario()
            .image("1.0.1", image().platforms(&["linux/arm64"]))
            .image("1.0.2", image().platforms(&["windows/amd64"]));
        if !gone {
            scenario = scenario.image("1.0.0", image().platforms(&[]));
        }
        let judged = scenario.decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1");
        assert_eq!(
            judged.warning(WarningCode::WrongPlatform),
            "1.0.2 does not offer linux/amd64 or linux/arm64, on which the workload runs"
        );
    }
}

fn unknown_platforms() -> OracleImage {
    image().platforms_fail(FetchFailureKind::RateLimited)
}

#[test]
fn failure_to_fetch_running_platforms_elects_only_if_all_are_offered() {
    for (offered, says) in [
        (&BOTH[..], "update newer-image 1.0.1"),
        (&["linux/amd64"][..], "unknown rate-limited 1.0.1"),
        (&["windows/amd64"][..], "unknown wrong-platform -"),
    ] {
        let judged = scenario()
            .image("1.0.0", unknown_platforms())
            .image("1.0.1", image().platforms(offered))
            .settings(|_| {})
            .decide("app");
        let says_nobody = judged.says();
        // After a refused tag comes the running one, which is never requested.
        let expected = if says.contains("wrong-platform") {
            "keep up-to-date 1.0.0"
        } else {
            says
        };
        assert_eq!(says_nobody, expected, "{offered:?}");
    }
}

#[test]
fn failure_to_fetch_platforms_leaves_the_row_undecided() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image(
            "1.0.1",
            image().platforms_fail(FetchFailureKind::Unreachable),
        )
        .decide("app");
    assert_eq!(judged.says(), "unknown registry-unreachable -");
}

#[test]
fn tag_with_a_missing_manifest_is_skipped() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&BOTH))
        .image("1.0.2", image().gone())
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "no-manifest");
    assert_eq!(judged.warns(), "");
}

#[test]
fn platforms_of_the_running_image_are_required_if_the_workloads_are_unknown() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&BOTH))
        .image("1.0.2", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(
        judged.warning(WarningCode::WrongPlatform),
        "1.0.2 does not offer linux/arm64, which the running 1.0.0 does; use --platform to say where \
         the workload runs"
    );
}

#[test]
fn running_image_without_platforms_requires_none() {
    for running in ["org/app:0.9.0", "org/app", "org/app:1.0.0"] {
        let judged = Scenario::following("semver:*", running)
            .image("1.0.0", image().platforms(&[]))
            .image("latest", image().platforms(&BOTH))
            .image("1.0.1", image().platforms(&["windows/amd64"]))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{running}");
    }
}

#[test]
fn image_without_platforms_is_not_refused() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&[]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn platforms_are_requested_for_the_elected_and_the_running_tag() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&BOTH))
        .image("1.0.2", image().platforms(&["linux/amd64"]))
        .image("0.9.0", image())
        .decide("app");
    let expected = [
        "tags",
        "platforms 1.0.0",
        "platforms 1.0.2",
        "platforms 1.0.1",
    ];
    assert_eq!(
        sorted_tail(judged.asked()),
        sorted_tail(expected.map(str::to_owned).to_vec())
    );
}

/// The facts of one round are in no particular order.
fn sorted_tail(mut asked: Vec<String>) -> Vec<String> {
    asked[1..].sort();
    asked
}

#[test]
fn up_to_date_container_requests_no_platforms() {
    let judged = scenario().tags(&["1.0.0", "0.9.0"]).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.asked(), ["tags"]);
}

fn with_images(scenario: Scenario) -> Scenario {
    scenario
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&["linux/arm64"]))
}

fn with_flag(scenario: Scenario, names: &[&str]) -> Judged {
    let platforms = names
        .iter()
        .map(|n| n.parse().expect("a platform"))
        .collect();
    with_images(scenario)
        .settings(|s| s.platforms = platforms)
        .decide("app")
}

#[test]
fn platform_flag_replaces_nodes_but_not_the_selector() {
    assert_eq!(with_flag(scenario(), &["linux/arm64"]).elected(), "1.0.1");
    assert_eq!(with_flag(scenario(), &["linux/amd64"]).elected(), "1.0.0");
    let selective = scenario().node_selector("kubernetes.io/arch", "arm64");
    assert_eq!(with_flag(selective, &BOTH).elected(), "1.0.1");
}

#[test]
fn selected_platform_applies_without_a_matching_node() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .node_selector("kubernetes.io/arch", "arm64")
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
}

#[test]
fn no_suitable_platform_is_undecided() {
    let judged = Scenario::following("semver:>1.0.0", "org/app:1.0.0")
        .nodes(&["linux/arm64"])
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image())
        .image("1.0.2", image())
        .decide("app");
    assert_eq!(judged.says(), "unknown wrong-platform -");
    assert_eq!(
        judged.message,
        "1.0.2 does not offer linux/arm64, on which the workload runs, and no other matching \
         tag can be elected"
    );
    assert_eq!(judged.warns(), "", "the message already says so");
}

#[test]
fn architecture_variant_suits_a_node_without_one() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .nodes(&["linux/arm"])
        .image("1.0.0", image().platforms(&["linux/arm/v7"]))
        .image(
            "1.0.1",
            image().platforms(&["linux/arm/v6", "linux/arm/v7"]),
        )
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn facts_contain_the_build_times() {
    let judged = Scenario::following("glob:*", "org/app:a")
        .image("a", crate::support::oracle::built("2026-01-01"))
        .image("b", crate::support::oracle::built("2026-01-02"))
        .decide("app");
    let facts = judged.facts.clone().expect("facts");
    assert_eq!(facts.current_created, Some(time("2026-01-01")));
    assert_eq!(facts.latest_created, Some(time("2026-01-02")));
}
