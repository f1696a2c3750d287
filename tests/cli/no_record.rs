//! `--no-record`: images change, and no annotation says so.

use super::git::{OLD, trailer, update as update_in_git, with_update};
use super::{automated, root, with_manifest};
use crate::support::program::{Outcome, TestEnvironment};

const NEW: &str = "docker.io/org/my-app:1.0.1";

fn run(environment: &TestEnvironment, words: &[&str]) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    environment.run(words.iter().copied().chain(["--oci-layout", &layout]))
}

fn manifest(environment: &TestEnvironment) -> String {
    std::fs::read_to_string(environment.home().join("web.yaml")).expect("a file")
}

#[test]
fn update_without_a_record_changes_only_the_image() {
    let before = automated("semver:~1.0", OLD);
    let environment = with_manifest(&before);
    let words = ["update", "-f", "web.yaml", "--no-record"];
    let outcome = run(&environment, &[&words[..], &["--yes"]].concat()).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web image updated\n");
    assert!(!outcome.stderr.contains("annotations"), "{outcome:#?}");
    assert_eq!(manifest(&environment), before.replace(OLD, NEW));

    let again = run(
        &environment,
        &[&words[..], &["--yes", "-o", "json"]].concat(),
    )
    .expect(0);
    assert!(again.items().is_empty(), "{again:#?}");
    let rollback = run(&environment, &["rollback", "-f", "web.yaml", "--yes"]);
    assert!(
        rollback.stderr.contains("nothing to roll back"),
        "{rollback:#?}"
    );
    assert_eq!(manifest(&environment), before.replace(OLD, NEW));
}

#[test]
fn earlier_record_is_kept_but_not_restored() {
    let environment = with_manifest(&automated("semver:~1.0", OLD));
    run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    let recorded = manifest(&environment);
    let words = [
        "update",
        "-f",
        "web.yaml",
        "--image",
        OLD,
        "--allow-downgrade",
        "--no-record",
        "--yes",
    ];
    let outcome = run(&environment, &words).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web image updated\n",);
    let image = |image: &str| format!("image: {image}\n");
    let now = recorded.replace(&image(NEW), &image(OLD));
    assert_eq!(manifest(&environment), now);

    // The record is about an image that does not run any more.
    let rollback = run(
        &environment,
        &["rollback", "deployment/web", "-f", "web.yaml", "--yes"],
    );
    assert_eq!(rollback.code, Some(1), "{rollback:#?}");
    assert!(
        rollback.stderr.contains(
            "the last update wrote docker.io/org/my-app:1.0.1, but container app now has"
        ),
        "{rollback:#?}"
    );
    // The policy is read as before.
    let status = run(&environment, &["status", "-f", "web.yaml", "-o", "json"]).expect(0);
    let row = &status.items()[0];
    assert_eq!(row["state"], "automated", "{row}");
    assert_eq!(row["outcome"], "update", "{row}");
}

#[test]
fn rollback_without_a_record_still_locks() {
    let environment = with_manifest(&automated("semver:~1.0", OLD));
    run(&environment, &["update", "-f", "web.yaml", "--yes"]).expect(0);
    let before = manifest(&environment);
    let record = |text: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.contains("last-update"))
            .map(str::to_owned)
    };
    let words = ["rollback", "-f", "web.yaml", "--no-record", "--yes"];
    run(&environment, &words).expect(0);
    let after = manifest(&environment);
    assert!(after.contains(&format!("image: {OLD}\n")), "{after}");
    assert!(after.contains("fluxcd.io/locked: \"true\""), "{after}");
    assert!(record(&before).is_some());
    assert_eq!(record(&after), record(&before));
    // It is not rolled back a second time.
    let again = run(&environment, &words);
    assert!(
        again.stderr.contains("but container app now has"),
        "{again:#?}"
    );
    assert_eq!(manifest(&environment), after);
}

#[test]
fn commit_is_the_record_if_the_manifest_has_none() {
    let repository = with_update();
    let before = repository.read("apps/web.yaml");
    update_in_git(&repository, &["--git", ".", "--no-record", "--yes"])
        .run()
        .expect(0);
    assert_eq!(repository.read("apps/web.yaml"), before.replace(OLD, NEW));
    let image = &trailer(&repository)["images"][0];
    assert_eq!(
        (&image["from"], &image["to"], &image["policy"]),
        (&OLD.into(), &NEW.into(), &"semver:~1.0".into())
    );
    let words = ["history", "deployment/web", "--git", ".", "-o", "json"];
    let items = repository.program(&words).run().expect(0).items();
    assert_eq!(items.len(), 1, "{items:#?}");
    assert_eq!(items[0]["to"], NEW);
}
