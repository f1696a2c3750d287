//! The commands that edit annotations, on manifests.

use std::fs;

use super::{AUTOMATED, LOCKED, deployment, with_manifest};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// An image of a registry that does not exist.
const DEAD: &str = "127.0.0.1:1/org/app:1.0.0";

fn run(environment: &TestEnvironment, words: &str, more: &[&str]) -> Outcome {
    let words = words.split(' ').chain(["-f", "web.yaml"]);
    environment.run(words.chain(more.iter().copied()))
}

fn manifest(environment: &TestEnvironment) -> String {
    fs::read_to_string(environment.home().join("web.yaml")).expect("the manifest")
}

/// `deployment/web` with a comment, on a registry with 1.0.0, 1.0.1 and 1.3.0.
fn web(registry: &TestRegistry) -> (TestEnvironment, String) {
    registry.tag("org/app", ["1.0.0", "1.0.1", "1.3.0"]);
    let image = registry.image("org/app:1.0.0");
    let text = deployment("web", &["team: shop # ours"], &[("app", &image)]);
    (with_manifest(&text), text)
}

#[test]
fn effect_is_shown_and_annotations_are_written_in_place() {
    let registry = TestRegistry::start();
    let (environment, before) = web(&registry);
    let outcome = run(
        &environment,
        "automate deployment/web --tag app=semver:~1.0 --yes",
        &[],
    )
    .expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web annotated\n");
    let row = outcome
        .stderr
        .lines()
        .find(|l| l.starts_with("deployment/web "));
    let words: Vec<&str> = row.expect("a row").split_whitespace().collect();
    assert_eq!(
        words[..6],
        [
            "deployment/web",
            "app",
            "automated",
            "semver:~1.0",
            "1.0.0",
            "1.0.1"
        ]
    );
    let after = manifest(&environment);
    assert!(
        after.contains("    fluxcd.io/automated: \"true\"\n"),
        "{after}"
    );
    assert!(
        after.contains("    fluxcd.io/tag.app: semver:~1.0\n"),
        "{after}"
    );
    let rest: Vec<&str> = after
        .lines()
        .filter(|l| !l.contains("fluxcd.io/"))
        .collect();
    assert_eq!(rest, before.lines().collect::<Vec<_>>());
    // Status agrees with the preview, and a second run changes nothing.
    let status = run(&environment, "status -o json", &[]).expect(0);
    assert_eq!(status.item()["outcome"], "update");
    let again = run(
        &environment,
        "automate deployment/web --tag app=semver:~1.0",
        &[],
    );
    assert_eq!(again.expect(0).stdout, "deployment.apps/web unchanged\n");
    assert_eq!(manifest(&environment), after);
}

#[test]
fn nothing_is_written_without_confirmation_or_in_a_dry_run() {
    let text = [
        deployment("web", &["team: shop"], &[("app", DEAD)]),
        deployment("api", &["team: shop"], &[("app", DEAD)]),
    ]
    .join("---\n");
    let environment = with_manifest(&text);
    let outcome = run(&environment, "lock --all", &[]).expect(1);
    assert_eq!(outcome.stdout, "");
    let last = outcome.stderr.lines().next_back();
    assert_eq!(
        last,
        Some(
            "error: refusing to change 2 workloads without a terminal; pass --yes, or --dry-run \
             to preview"
        )
    );
    let outcome = run(&environment, "lock --all --dry-run", &[]).expect(0);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/api annotated (dry run)\ndeployment.apps/web annotated (dry run)\n"
    );
    assert!(
        outcome.stderr.ends_with("2 would be annotated (dry run)\n"),
        "{outcome:#?}"
    );
    assert_eq!(manifest(&environment), text);
}

#[test]
fn policy_that_matches_no_tag_causes_a_warning() {
    let registry = TestRegistry::start();
    let (environment, _) = web(&registry);
    let outcome = run(
        &environment,
        "policy set deployment/web --tag app=semver:~9 --yes",
        &[],
    )
    .expect(0);
    let warning = "warning: container app of deployment/web: ";
    let line = outcome
        .stderr
        .lines()
        .find(|line| line.starts_with(warning));
    assert!(
        line.expect("a warning").contains("semver:~9"),
        "{outcome:#?}"
    );
    assert!(manifest(&environment).contains("fluxcd.io/tag.app: semver:~9"));
}

#[test]
fn dead_registry_hides_the_effect_but_annotations_are_written() {
    let environment = with_manifest(&deployment("web", &["team: shop"], &[("app", DEAD)]));
    let outcome = run(&environment, "automate deployment/web --yes", &[]).expect(0);
    let warning = "warning: the effect on container app of deployment/web is not known: ";
    assert!(outcome.stderr.contains(warning), "{outcome:#?}");
    assert!(manifest(&environment).contains(AUTOMATED));
    // These commands never contact a registry.
    for words in [
        "lock deployment/web",
        "unlock deployment/web",
        "deautomate deployment/web",
    ] {
        let outcome = run(&environment, words, &["--yes"]).expect(0);
        assert_eq!(outcome.stdout, "deployment.apps/web annotated\n", "{words}");
        assert!(!outcome.stderr.contains("warning"), "{words} {outcome:#?}");
    }
    let text = manifest(&environment);
    assert!(
        !text.contains("fluxcd.io") && !text.contains("imgpolicy.dev"),
        "{text}"
    );
}

#[test]
fn uneditable_workload_does_not_stop_the_others() {
    let text = [
        deployment("a", &["team: shop"], &[("app", DEAD)]),
        deployment("b", &["team: shop"], &[("side", DEAD)]),
        deployment("c", &["fluxcd.io/tag.app: 'glob:*'"], &[("app", DEAD)]),
    ]
    .join("---\n");
    let environment = with_manifest(&text);
    let outcome = run(
        &environment,
        "policy set --all --tag app=semver:~1 --yes",
        &[],
    )
    .expect(1);
    assert_eq!(outcome.stdout, "deployment.apps/a annotated\n");
    for line in [
        "error: deployment/b: unable to find container named \"app\" (there are side)",
        "error: deployment/c: --overwrite is false but found the following declared \
         annotation(s): 'fluxcd.io/tag.app' already has a value (glob:*)",
        "1 annotated, 2 failed",
    ] {
        assert!(
            outcome.stderr.lines().any(|l| l == line),
            "{line} {outcome:#?}"
        );
    }
    let alone = run(
        &environment,
        "policy set deployment/b --tag app=semver:~1 --yes",
        &[],
    );
    assert_eq!(
        alone.expect(1).stderr,
        "error: deployment/b: unable to find container named \"app\" (there are side)\n"
    );
}

#[test]
fn edited_standard_input_goes_to_stdout_and_everything_else_to_stderr() {
    let text = deployment("web", &["team: shop # ours"], &[("app", DEAD)]);
    let environment = TestEnvironment::new();
    let piped = |words: &str| {
        environment
            .program(words.split(' '))
            .stdin(text.clone())
            .run()
    };
    let outcome = piped("lock deployment/web --by alice -m freeze -f -").expect(0);
    assert!(
        outcome.stderr.contains("deployment.apps/web annotated\n"),
        "{outcome:#?}"
    );
    let lines: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|l| !l.contains("locked"))
        .collect();
    assert_eq!(lines, text.lines().collect::<Vec<_>>());
    assert!(
        outcome.stdout.contains("fluxcd.io/locked_user: alice"),
        "{outcome:#?}"
    );
    // No byte is added, not even at the end.
    let without_end = text.trim_end();
    let outcome = environment
        .program("deautomate deployment/web --explicit -f -".split(' '))
        .stdin(without_end.to_owned())
        .run()
        .expect(0);
    assert!(!outcome.stdout.ends_with('\n'), "{outcome:#?}");
    // Input without changes is printed as it is.
    let outcome = piped("unlock deployment/web -f -").expect(0);
    assert_eq!(outcome.stdout, text);
    // A preview prints no manifests.
    let outcome = piped("lock deployment/web -f - --dry-run -o name").expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web\n");
    piped("lock deployment/web -f - -o json").expect(2);
}

#[test]
fn locks_are_listed_before_removal_and_can_be_filtered() {
    let lock = |name: &str, by: &str, message: &str| {
        let by = format!("flux.weave.works/locked_user: {by}");
        let message = format!("fluxcd.io/locked_msg: {message}");
        let at = "imgpolicy.dev/locked-at: \"2020-01-01T00:00:00Z\"";
        deployment(name, &[LOCKED, &by, &message, at], &[("app", DEAD)])
    };
    let text = [
        lock("a", "alice", "freeze"),
        lock("b", "bob", "release freeze"),
        deployment("c", &["team: shop"], &[("app", DEAD)]),
    ]
    .join("---\n");
    let environment = with_manifest(&text);
    let shown = run(&environment, "unlock --all --dry-run", &[]).expect(0);
    assert!(!shown.stdout.contains("/c "), "{shown:#?}");
    let mut rows = shown.stderr.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    assert_eq!(
        rows.next().as_deref(),
        Some("WORKLOAD LOCKED-BY AGE MESSAGE")
    );
    let row = rows.next().expect("a row");
    assert!(
        row.starts_with("deployment/a alice ") && row.ends_with("freeze"),
        "{row}"
    );
    for (narrowed, expected) in [
        ("unlock --all --locked-by bob", "deployment.apps/b"),
        ("unlock --all --msg release", "deployment.apps/b"),
        (
            "unlock --all --msg freeze --locked-by alice",
            "deployment.apps/a",
        ),
        ("unlock --all --locked-by carol", ""),
    ] {
        let outcome = run(&environment, narrowed, &["--dry-run", "-o", "name"]).expect(0);
        assert_eq!(outcome.stdout.trim_end(), expected, "{narrowed}");
    }
    let outcome = run(
        &environment,
        "unlock deployment/a --locked-by bob --yes",
        &[],
    )
    .expect(0);
    assert!(
        outcome.stderr.contains("deployment/a stays locked"),
        "{outcome:#?}"
    );
    run(&environment, "unlock --all --yes", &[]).expect(0);
    assert!(!manifest(&environment).contains("locked"));
}

#[test]
fn lock_is_replaced_only_with_overwrite() {
    let text = deployment("web", &["keel.sh/policy: minor"], &[("app", DEAD)]);
    let environment = with_manifest(&text);
    let first = run(
        &environment,
        "lock deployment/web --by alice -m freeze --yes",
        &[],
    )
    .expect(0);
    let warning = "warning: this lock does not stop Keel, which updates deployment/web";
    assert!(first.stderr.contains(warning), "{first:#?}");
    let locked = manifest(&environment);
    let same = run(
        &environment,
        "lock deployment/web --by alice -m freeze",
        &[],
    )
    .expect(0);
    assert_eq!(same.stdout, "deployment.apps/web unchanged\n");
    let other = run(&environment, "lock deployment/web --by bob --yes", &[]).expect(1);
    assert!(
        other
            .stderr
            .starts_with("error: deployment/web: --overwrite is false but found"),
        "{other:#?}"
    );
    assert_eq!(manifest(&environment), locked);
    run(
        &environment,
        "lock deployment/web --by bob --yes --overwrite",
        &[],
    )
    .expect(0);
    assert!(manifest(&environment).contains("fluxcd.io/locked_user: bob"));
}

#[test]
fn policy_entry_that_automates_without_an_annotation_is_reported() {
    let manifests = super::root().join("docs/quickstart/manifests");
    let manifests = manifests.to_str().expect("a path");
    let end = |more: &[&str]| {
        let words = [
            "deautomate",
            "deployment/my-app",
            "--dry-run",
            "-f",
            manifests,
        ];
        TestEnvironment::new()
            .run(words.iter().chain(more))
            .expect(0)
    };
    let outcome = end(&[]);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/my-app unchanged (dry run)\n"
    );
    let warning = "of deployment/my-app stays automated: imagePolicies entry";
    assert!(outcome.stderr.contains(warning), "{outcome:#?}");
    let outcome = end(&["--explicit"]);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/my-app annotated (dry run)\n"
    );
    assert!(!outcome.stderr.contains("warning"), "{outcome:#?}");
}

#[test]
fn results_are_printed_as_json() {
    let registry = TestRegistry::start();
    let (environment, _) = web(&registry);
    let words = "automate deployment/web --tag app=semver:~1.0 --dry-run -o json";
    let list = run(&environment, words, &[]).expect(0).json();
    assert_eq!(list["kind"], "AnnotationEditList");
    assert_eq!(list["dryRun"], "client");
    let item = &list["items"][0];
    assert_eq!(item["result"], "planned");
    assert_eq!(item["annotations"]["fluxcd.io/tag.app"], "semver:~1.0");
    assert_eq!(item["containers"][0]["outcome"], "update");
    assert_eq!(item["source"]["file"], "web.yaml");
}

#[test]
fn contradictory_flags_are_a_usage_error() {
    for (words, part) in [
        ("automate", "name the workloads to change"),
        ("lock deployment", "name the workloads to change"),
        ("unlock -A", "name the workloads to change"),
        ("policy set deployment/web", "nothing to set"),
        ("policy unset deployment/web", "nothing to remove"),
        ("lock deployment/web --all", "do not name workloads as well"),
        (
            "automate deployment/web --tag semver:~1",
            "is not CONTAINER=TYPE:EXPR",
        ),
        (
            "automate deployment/web --tag a=b --tag a=c",
            "names container a twice",
        ),
        (
            "policy set deployment/web --extract app=$v",
            "--extract app=… needs",
        ),
        (
            "lock deployment/web -f x --dry-run=server",
            "--dry-run=client",
        ),
        (
            "lock deployment/web -o wide",
            "allowed formats are: json,yaml,name",
        ),
    ] {
        let outcome = TestEnvironment::new().run(words.split(' ')).expect(2);
        assert!(outcome.stderr.contains(part), "{words} {outcome:#?}");
        assert_eq!(outcome.stdout, "", "{words}");
    }
    // A malformed expression is an error before anything is read.
    for words in [
        "automate deployment/web -f nosuch --tag app=semver:>>1",
        "policy set deployment/web -f nosuch --tag-all regex:(",
        "policy set deployment/web -f nosuch --min-age old",
    ] {
        let outcome = TestEnvironment::new().run(words.split(' ')).expect(1);
        assert_eq!(outcome.stderr.lines().count(), 1, "{words} {outcome:#?}");
        assert!(!outcome.stderr.contains("nosuch"), "{words} {outcome:#?}");
    }
}

#[test]
fn unlock_lets_images_that_failed_be_written_again() {
    let failed = r#"imgpolicy.dev/failed: '[{"container":"app","image":"org/app:2","at":"2026-11-21T11:00:00Z"}]'"#;
    let text = deployment("web", &[failed], &[("app", "org/app:1")]);
    let environment = with_manifest(&text);
    let outcome = run(&environment, "unlock --all --msg freeze --yes", &[]).expect(0);
    assert_eq!(manifest(&environment), text, "{}", outcome.stderr);
    let outcome = run(&environment, "unlock --all --yes", &[]).expect(0);
    assert_eq!(outcome.stdout, "deployment.apps/web annotated\n");
    assert!(
        outcome.stderr.contains(
            "note: deployment/web may get org/app:2 again, whose rollout failed at \
             2026-11-21T11:00:00Z\n"
        ),
        "{}",
        outcome.stderr
    );
    assert!(!manifest(&environment).contains("failed"));
}
