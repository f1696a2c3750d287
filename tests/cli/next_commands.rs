//! The commands that `explain` suggests: each is run as it was printed, and succeeds.

use super::root;
use crate::support::program::{Outcome, TestEnvironment};

/// A Deployment with these annotations.
fn deployment(name: &str, annotations: &str, image: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  annotations:\n    \
         note: text\n{annotations}spec:\n  template:\n    spec:\n      containers:\n      - name: app\n        \
         image: {image}\n"
    )
}

const IMAGE: &str = "docker.io/org/my-app:1.0.0";

/// A name, its annotations and image, and the command that is suggested, without the flags
/// that every command repeats.
const WORKLOADS: &[(&str, &str, &str, &str)] = &[
    (
        "newer",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        IMAGE,
        "update deployment/newer -c app",
    ),
    (
        "current",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:=1.0.0\n",
        IMAGE,
        "images deployment/current",
    ),
    (
        "behind",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/locked: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        IMAGE,
        "unlock deployment/behind",
    ),
    (
        "locked",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/locked: 'true'\n    fluxcd.io/tag.app: semver:=1.0.0\n",
        IMAGE,
        "",
    ),
    ("ignored", "    fluxcd.io/ignore: 'true'\n", IMAGE, ""),
    ("manual", "", IMAGE, "automate deployment/manual"),
    (
        "typo",
        "    fluxcd.io/automated: 'True'\n    fluxcd.io/tag.app: semver:~1.0\n",
        IMAGE,
        "automate deployment/typo --overwrite",
    ),
    (
        "switched-off",
        "    fluxcd.io/automated: 'false'\n    fluxcd.io/tag.app: semver:~1.0\n",
        IMAGE,
        "automate deployment/switched-off --overwrite",
    ),
    (
        "old",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        "docker.io/org/my-app:1.2.0",
        "images deployment/old",
    ),
    (
        "nothing",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:^7\n",
        IMAGE,
        "images deployment/nothing",
    ),
    (
        "young",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n    imgpolicy.dev/min-age: 9000d\n",
        IMAGE,
        "images deployment/young",
    ),
    (
        "invalid",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~~1\n",
        IMAGE,
        "images docker.io/org/my-app:1.0.0",
    ),
    (
        "dangling",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.ap: semver:~1.0\n",
        IMAGE,
        "policy set deployment/dangling --tag app=semver:~1.0",
    ),
    (
        "dangling-and-invalid",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.ap: semver:~~1\n",
        IMAGE,
        "images docker.io/org/my-app:1.0.0",
    ),
    (
        "gone",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        "docker.io/org/gone:1.0.0",
        "",
    ),
    (
        "malformed",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        "'My App:1'",
        "",
    ),
    (
        "tagged",
        "    fluxcd.io/automated: 'true'\n    fluxcd.io/tag.app: semver:~1.0\n",
        "!!str docker.io/org/my-app:1.0.0",
        "",
    ),
];

fn explain(environment: &TestEnvironment, name: &str, layouts: &str) -> Outcome {
    let workload = format!("deployment/{name}");
    environment.run([
        "explain",
        &workload,
        "-f",
        "all.yaml",
        "--oci-layout",
        layouts,
    ])
}

#[test]
fn every_suggested_command_succeeds() {
    let layouts = root().join("docs/quickstart/images").display().to_string();
    let manifest: String = WORKLOADS
        .iter()
        .map(|(name, annotations, image, _)| deployment(name, annotations, image))
        .collect();
    for (name, _, _, expected) in WORKLOADS {
        let environment = TestEnvironment::new();
        environment.write("all.yaml", &manifest);
        let explained = explain(&environment, name, &layouts);
        let mut lines = explained.stdout.lines();
        let next = lines.find_map(|line| line.strip_prefix("Next: kubectl imgpolicy "));
        let Some(next) = next else {
            assert_eq!(*expected, "", "{name}: {explained:?}");
            continue;
        };
        // No word has a space in it, so the quotes do not matter.
        let next = next.replace('\'', "");
        let suggested = next
            .replace(&format!(" --oci-layout {layouts}"), "")
            .replace(" -f all.yaml", "");
        assert_eq!(suggested, *expected, "{explained:?}");
        // There is no terminal to ask for confirmation.
        let asks = !next.starts_with("images");
        let words = next.split(' ').chain(asks.then_some("--yes"));
        let outcome = environment.run(words).expect(0);
        assert!(!outcome.stderr.contains("error"), "{next}: {outcome:?}");
        assert!(!outcome.stdout.contains("unchanged"), "{next}: {outcome:?}");
        // What was changed is no longer suggested.
        if asks {
            let again = explain(&environment, name, &layouts);
            assert!(!again.stdout.contains(&next), "{again:?}");
        }
    }
}

#[test]
fn sentence_of_an_image_that_cannot_be_written_says_why() {
    let layouts = root().join("docs/quickstart/images").display().to_string();
    let (name, annotations, image, _) = WORKLOADS.last().expect("one");
    let environment = TestEnvironment::new();
    environment.write("all.yaml", deployment(name, annotations, image));
    let explained = explain(&environment, name, &layouts);
    let second = explained.stdout.lines().nth(1).unwrap_or_default();
    let start = "Stays at 1.0.0, although 1.0.1 is elected (1.0.1 is the highest of 2 tags that \
                 match semver:~1.0), because an update is refused: all.yaml:15: ";
    assert!(second.starts_with(start), "{second}");
    assert!(second.contains("has a YAML tag"), "{second}");
}
