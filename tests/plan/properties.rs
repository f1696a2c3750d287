//! Properties of every workload: the elected images are written, siblings are not
//! changed, and nothing is left to do.

use kubectl_imgpolicy::plan::{LockNote, Overrides, Plan, plan_rollback};
use kubectl_imgpolicy::workload::Container;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::{annotation, observed, planned, updated, written};
use crate::support::oracle::built;
use crate::support::scenario::Scenario;

const IMAGES: [&str; 8] = [
    "org/app:1.0.0",
    "docker.io/org/app:1.0.1",
    "two/app:1.0.0",
    "q.example:5000/one/app:1.1.0",
    "org/side:1.0.0",
    "org/side:1.2.0",
    "org/app",
    "org/side:latest",
];

const POLICIES: [&str; 8] = [
    "semver:~1.0",
    "semver:^1",
    "glob:*",
    "regex:^1\\.(?P<build>[0-9]+)",
    "alphabetical",
    "digest:1.0.0",
    "semver:broken",
    "semver:~7",
];

/// Container names, some of which are also image names.
const NAMES: [&str; 4] = ["app", "side", "one-app", "setup"];

prop_compose! {
    fn any_scenario()(
        names in subsequence(NAMES.to_vec(), 1..=4),
        images in prop::collection::vec(select(IMAGES.to_vec()), 4),
        policies in prop::collection::vec(prop::option::of(select(POLICIES.to_vec())), 4),
        tags in subsequence(vec!["1.0.0", "1.0.1", "1.1.0", "1.2.0", "2.0.0"], 0..=5),
        is_locked in prop::bool::weighted(0.1),
        requested in prop::option::of(select(vec!["org/app:1.0.1", "org/side:1.1.0", "org/app:9"])),
    ) -> Scenario {
        let mut scenario = Scenario::deployment().annotation("fluxcd.io/automated", "true");
        for ((name, image), policy) in names.iter().zip(images).zip(policies) {
            scenario = match *name {
                "setup" => scenario.init_container(name, image),
                _ => scenario.container(name, image),
            };
            if let Some(policy) = policy {
                scenario = scenario.annotation(&format!("fluxcd.io/tag.{name}"), policy);
            }
        }
        for (day, tag) in tags.iter().enumerate() {
            scenario = scenario.image(tag, built(&format!("2026-01-0{}", day + 1)));
        }
        // A requested image does not change decisions.
        if let Some(image) = requested {
            let image = image.parse().expect("an image");
            scenario = scenario.settings(|settings| settings.image = Some(image));
        }
        if is_locked { scenario.annotation("fluxcd.io/locked", "true") } else { scenario }
    }
}

/// The policies in the annotations.
fn policies(scenario: &Scenario) -> Vec<Option<String>> {
    let keys = NAMES.iter().map(|name| format!("fluxcd.io/tag.{name}"));
    let containers = scenario.workload().containers;
    keys.zip(NAMES)
        .filter(|(_, name)| containers.iter().any(|c| c.name == *name))
        .map(|(key, _)| annotation(scenario, &key).map(str::to_owned))
        .collect()
}

proptest! {
    #[test]
    fn planned_changes_are_written_and_nothing_is_left_to_do(scenario in any_scenario()) {
        let plan = planned(&scenario);
        if plan.changes.is_empty() {
            return Ok(());
        }
        let after = written(&scenario, &plan);
        let expected: Vec<Container> = scenario
            .workload()
            .containers
            .into_iter()
            .map(|mut container| {
                let images = &plan.changes[0].images;
                if let Some(change) = images.iter().find(|c| c.container == container.name) {
                    container.image = change.to.to_string();
                }
                container
            })
            .collect();
        prop_assert_eq!(after.workload().containers, expected);
        prop_assert_eq!(policies(&after), policies(&scenario));
        prop_assert_eq!(planned(&after).changes, Plan::default().changes);
        // The same edit again, after a lost response, is empty.
        let again = plan.changes[0].edit(&observed(after.object()), &super::author());
        prop_assert!(again.expect("an edit").is_empty());
    }

    #[test]
    fn rollback_restores_every_image(scenario in any_scenario()) {
        let plan = planned(&scenario);
        if plan.changes.is_empty() {
            return Ok(());
        }
        let after = written(&scenario, &plan);
        let back = plan_rollback(&[observed(after.object())], &[], &LockNote::default(), Overrides::default());
        let back = written(&after, &back);
        prop_assert_eq!(back.workload().containers, scenario.workload().containers);
        prop_assert_eq!(planned(&back).changes.len(), 0);
    }

    #[test]
    fn update_of_a_release_changes_only_its_image(
        tag in select(vec![json!("1.0.0"), json!(1.0), json!(null), json!("")]),
        is_text in any::<bool>(),
        top in any::<bool>(),
    ) {
        let image = match (is_text, tag) {
            (true, tag) => json!({"image": "org/app", "tag": tag}),
            (false, tag) => json!({"image": {"repository": "org/app", "tag": tag}}),
        };
        let container = if top { "chart-image" } else { "app" };
        let mut values = if top { image } else { json!({"app": image}) };
        values["replicas"] = json!(3);
        let scenario = Scenario::helm_release(values)
            .annotation("fluxcd.io/automated", "true")
            // Without a tag, only a policy that names one is followed.
            .annotation(&format!("fluxcd.io/tag.{container}"), "glob:1.0.1")
            .image("1.0.0", built("2026-01-01"))
            .image("1.0", built("2026-01-01"))
            .image("1.0.1", built("2026-01-02"))
            .image("latest", built("2026-01-02"));
        let after = updated(&scenario);
        prop_assert_eq!(&after.workload().containers[0].image, "org/app:1.0.1");
        prop_assert_eq!(&after.object()["spec"]["values"]["replicas"], &json!(3));
        prop_assert_eq!(planned(&after), Plan::default());
    }
}
