//! The flags of `status` for rows, decisions, and the exit code.

use super::{AUTOMATED, LOCKED, automated, deployment, text, with_manifest};
use crate::support::content::Image;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// One workload for each kind of row, on a registry with 1.0.0, 1.0.1 and 1.3.0.
fn mixed(registry: &TestRegistry) -> TestEnvironment {
    registry.tag("org/app", ["1.0.0", "1.0.1", "1.3.0"]);
    let image = registry.image("org/app:1.0.0");
    let app = [("app", image.as_str())];
    let pinned = "fluxcd.io/tag.app: semver:1.0.0";
    let patch = "fluxcd.io/tag.app: semver:~1.0";
    let all = [
        deployment("a-update", &[AUTOMATED, patch], &app),
        deployment("b-current", &[AUTOMATED, pinned], &app),
        deployment(
            "c-broken",
            &[AUTOMATED, "fluxcd.io/tag.app: semver:>>1"],
            &app,
        ),
        deployment("d-locked", &[AUTOMATED, LOCKED, patch], &app),
        deployment("e-manual", &["note: none"], &app),
        deployment("f-policy", &[patch], &app),
        deployment("g-ignored", &["fluxcd.io/ignore: \"true\""], &app),
    ];
    with_manifest(&all.join("---\n"))
}

fn status(environment: &TestEnvironment, more: &[&str]) -> Outcome {
    environment.run(["status", "-f", "web.yaml"].iter().chain(more))
}

#[test]
fn only_keeps_the_named_rows() {
    let registry = TestRegistry::start();
    let environment = mixed(&registry);
    for (only, expected) in [
        (
            "managed",
            "a-update b-current c-broken d-locked f-policy g-ignored",
        ),
        ("updates", "a-update"),
        ("automated", "a-update b-current c-broken"),
        ("locked", "d-locked"),
        ("manual", "e-manual f-policy"),
        ("problems", "c-broken"),
        ("locked,updates", "a-update d-locked"),
    ] {
        let outcome = status(&environment, &["-o", "json", "--only", only]).expect(0);
        let names: Vec<String> = outcome
            .items()
            .iter()
            .map(|item| text(&item["workload"], "name").to_owned())
            .collect();
        assert_eq!(names.join(" "), expected, "{only}");
        // Hidden rows still count.
        assert_eq!(outcome.json()["summary"]["containers"], 7);
    }
}

#[test]
fn empty_selection_is_reported_and_exits_with_0() {
    let environment = with_manifest(&deployment("web", &["note: none"], &[("app", "a/b:1")]));
    let outcome = status(&environment, &["--only", "updates"]).expect(0);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.contains("No rows for --only updates."),
        "{outcome:#?}"
    );
}

#[test]
fn exit_code_reports_pending_updates_only_on_request() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let image = registry.image("org/app:1.0.0");
    let patch = "fluxcd.io/tag.app: semver:~1.0";
    let app = [("app", image.as_str())];
    let update = automated("semver:~1.0", &image);
    let broken = automated("semver:>>", &image);
    for (what, manifest, expected) in [
        ("up to date", automated("semver:1.0.0", &image), 0),
        ("an update", update.clone(), 10),
        ("undecided", broken.clone(), 11),
        (
            "both",
            format!("{update}---\n{}", broken.replace("name: web", "name: x")),
            11,
        ),
        ("manual", deployment("web", &["note: none"], &app), 0),
        ("a policy alone", deployment("web", &[patch], &app), 0),
        (
            "locked",
            deployment("web", &[AUTOMATED, LOCKED, patch], &app),
            0,
        ),
        ("unreadable", format!("{update}---\nkind: [\n"), 1),
    ] {
        let environment = with_manifest(&manifest);
        let outcome = status(&environment, &["--exit-code"]);
        assert_eq!(outcome.code, Some(expected), "{what}: {outcome:#?}");
        let without = status(&environment, &[]);
        assert_eq!(
            without.code,
            Some(i32::from(expected == 1)),
            "{what}: {without:#?}"
        );
    }
}

#[test]
fn assumed_policy_is_shown_in_brackets_and_changes_no_outcome() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.2.3", "1.3.0", "2.0.0"]);
    let image = registry.image("org/app:1.2.3");
    let environment = with_manifest(&deployment("web", &["note: none"], &[("app", &image)]));
    let table = status(&environment, &["--assume", "auto", "--no-headers"]).expect(0);
    let cells: Vec<&str> = table.stdout.split_whitespace().collect();
    assert_eq!(cells[..3], ["deployment/web", "app", "manual"]);
    assert!(cells.contains(&"(1.3.0)"), "{table:#?}");
    let item = status(&environment, &["--assume", "auto", "-o", "json"])
        .expect(0)
        .item();
    assert_eq!(
        (text(&item, "outcome"), text(&item, "reason")),
        ("keep", "manual")
    );
    assert!(
        item["policy"].is_null() && item["latest"].is_null(),
        "{item}"
    );
    let suggestion = &item["suggestion"];
    assert_eq!(suggestion["policy"]["filter"], "semver:^1.2");
    assert_eq!(suggestion["latest"], registry.image("org/app:1.3.0"));
    assert_eq!(suggestion["reason"], "newer-image");
    let given = status(&environment, &["--assume", "semver:*", "-o", "json"])
        .expect(0)
        .item();
    assert_eq!(
        given["suggestion"]["latest"],
        registry.image("org/app:2.0.0")
    );
}

#[test]
fn without_any_policy_the_next_step_is_suggested() {
    let environment = with_manifest(&deployment("web", &["note: none"], &[("app", "a/b:1")]));
    let outcome = status(&environment, &[]).expect(0);
    assert!(outcome.stderr.contains("--assume auto"), "{outcome:#?}");
}

#[test]
fn too_young_image_waits() {
    let registry = TestRegistry::start();
    registry.push("org/app", "1.0.0", Image::built("2020-01-01T00:00:00Z"));
    registry.push("org/app", "1.0.1", Image::built("2021-01-01T00:00:00Z"));
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    let by_image = ["-o", "json", "--min-age", "3d", "--min-age-clock=image"];
    let old = status(&environment, &by_image).expect(0).item();
    assert_eq!(old["facts"]["ageClock"], "image");
    assert_eq!(
        (text(&old, "outcome"), text(&old, "reason")),
        ("update", "newer-image")
    );
    // If the running image is electable, it is kept.
    let young = status(&environment, &["-o", "json", "--min-age", "36500d"])
        .expect(0)
        .item();
    assert_eq!(
        (text(&young, "outcome"), text(&young, "reason")),
        ("keep", "up-to-date")
    );
    let outside = automated("semver:~1.0.1", &registry.image("org/app:1.0.0"));
    environment.write("web.yaml", outside);
    let young = status(&environment, &["-o", "json", "--min-age", "36500d"])
        .expect(0)
        .item();
    assert_eq!(
        (text(&young, "outcome"), text(&young, "reason")),
        ("unknown", "too-young")
    );
}

#[test]
fn image_without_the_platform_is_not_elected() {
    let registry = TestRegistry::start();
    let built = || Image::built("2021-01-01T00:00:00Z");
    registry.push("org/app", "1.0.0", built());
    registry.push("org/app", "1.0.1", built().label("1"));
    registry.push("org/app", "1.0.2", built().platform("linux/arm64"));
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    for (flags, expected) in [
        (&["--platform", "linux/amd64"][..], "org/app:1.0.1"),
        // The platform of the running image.
        (&[][..], "org/app:1.0.1"),
        (&["--platform", "linux/arm64"], "org/app:1.0.2"),
    ] {
        let item = status(&environment, &[&["-o", "json"], flags].concat())
            .expect(0)
            .item();
        assert_eq!(text(&item, "latest"), registry.image(expected), "{flags:?}");
    }
}
