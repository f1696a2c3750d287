//! Product decision 12: the elected image runs where the workload runs.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{image, time};
use crate::support::scenario::Scenario;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// 1.0.0 runs on a cluster with nodes of both platforms.
fn scenario() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0").nodes(&BOTH)
}

#[test]
fn every_possible_platform_of_the_running_image_is_demanded() {
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
fn a_platform_that_the_running_image_lacks_is_not_demanded() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&["linux/amd64"]))
        .image("1.0.1", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn a_platform_on_which_the_workload_cannot_run_is_not_demanded() {
    let judged = scenario()
        .node_selector("kubernetes.io/arch", "arm64")
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&["linux/arm64"]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn where_the_running_platforms_are_unknown_any_possible_one_will_do() {
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

#[test]
fn where_the_running_platforms_cannot_be_had_only_certainty_elects() {
    let running = || image().platforms_fail(FetchFailureKind::RateLimited);
    for (offered, says) in [
        (&BOTH[..], "update newer-image 1.0.1"),
        (&["linux/amd64"][..], "unknown rate-limited 1.0.1"),
        (&["windows/amd64"][..], "unknown wrong-platform -"),
    ] {
        let judged = scenario()
            .image("1.0.0", running())
            .image("1.0.1", image().platforms(offered))
            .settings(|_| {})
            .decide("app");
        let says_nobody = judged.says();
        // A refused tag leads on to the running one, which is never asked for.
        let expected = if says.contains("wrong-platform") {
            "keep up-to-date 1.0.0"
        } else {
            says
        };
        assert_eq!(says_nobody, expected, "{offered:?}");
    }
}

#[test]
fn platforms_that_cannot_be_had_decide_nothing() {
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
fn a_tag_whose_manifest_is_gone_is_passed_over() {
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
fn where_nothing_is_known_of_the_workload_the_running_images_platforms_are_demanded() {
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
fn a_running_image_that_tells_no_platform_demands_none() {
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
fn an_image_that_names_no_platform_proves_nothing() {
    let judged = scenario()
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&[]))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn platforms_are_asked_of_the_tag_about_to_be_elected_and_of_the_running_one() {
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

/// Facts of one round have no order.
fn sorted_tail(mut asked: Vec<String>) -> Vec<String> {
    asked[1..].sort();
    asked
}

#[test]
fn an_up_to_date_container_is_not_asked_for_platforms() {
    let judged = scenario().tags(&["1.0.0", "0.9.0"]).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.asked(), ["tags"]);
}

#[test]
fn the_flag_counts_instead_of_the_nodes_and_below_the_selector() {
    let images = |scenario: Scenario| {
        scenario
            .image("1.0.0", image().platforms(&BOTH))
            .image("1.0.1", image().platforms(&["linux/arm64"]))
    };
    let flag = |scenario: Scenario, names: &[&str]| {
        let platforms = names
            .iter()
            .map(|n| n.parse().expect("a platform"))
            .collect();
        images(scenario)
            .settings(|s| s.platforms = platforms)
            .decide("app")
    };
    assert_eq!(flag(scenario(), &["linux/arm64"]).elected(), "1.0.1");
    assert_eq!(flag(scenario(), &["linux/amd64"]).elected(), "1.0.0");
    let selective = scenario().node_selector("kubernetes.io/arch", "arm64");
    assert_eq!(flag(selective, &BOTH).elected(), "1.0.1");
}

#[test]
fn a_selected_platform_without_a_node_yet_is_still_the_one_that_counts() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .node_selector("kubernetes.io/arch", "arm64")
        .image("1.0.0", image().platforms(&BOTH))
        .image("1.0.1", image().platforms(&["linux/amd64"]))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
}

#[test]
fn nothing_fits_is_unknown() {
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
         tag may be elected"
    );
    assert_eq!(judged.warns(), "", "the message says it");
}

#[test]
fn a_variant_of_the_architecture_fits_a_node_that_names_none() {
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
fn the_facts_say_when_the_images_were_built() {
    let judged = Scenario::following("glob:*", "org/app:a")
        .image("a", crate::support::oracle::built("2026-01-01"))
        .image("b", crate::support::oracle::built("2026-01-02"))
        .decide("app");
    let facts = judged.facts.clone().expect("facts");
    assert_eq!(facts.current_created, Some(time("2026-01-01")));
    assert_eq!(facts.latest_created, Some(time("2026-01-02")));
}
