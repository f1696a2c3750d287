//! Broken, huge, or hostile manifests.

use std::time::Duration;

use super::{AUTOMATED, LOCKED, automated, deployment, text, with_manifest};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

fn status(environment: &TestEnvironment) -> Outcome {
    environment.run(["status", "-f", "web.yaml", "-o", "json"])
}

/// Asserts that the output holds no terminal control characters.
#[track_caller]
fn assert_harmless(outcome: &Outcome) {
    for stream in [&outcome.stdout, &outcome.stderr] {
        let obeyed = stream.chars().find(|c| *c != '\n' && c.is_control());
        assert_eq!(obeyed, None, "{outcome:#?}");
    }
}

#[test]
fn huge_annotation_affects_only_its_row_and_is_shortened_in_messages() {
    let policy = format!("semver:{}", ">=1 ".repeat(50_000));
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let image = registry.image("org/app:1.0.0");
    let bad = automated(&policy, &image).replace("name: web", "name: bad");
    let environment = with_manifest(&format!("{bad}---\n{}", automated("semver:~1.0", &image)));
    let outcome = status(&environment).expect(0);
    let items = outcome.items();
    assert_eq!(text(&items[0], "reason"), "invalid-policy");
    assert!(
        text(&items[0], "message").len() < 2000,
        "{}",
        items[0]["message"]
    );
    assert_eq!(text(&items[1], "outcome"), "update");
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
}

#[test]
fn regex_bomb_is_refused_or_harmless() {
    let registry = TestRegistry::start();
    registry.list(
        "org/app",
        ["1.0.0", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"],
    );
    for bomb in [
        "regex:((a{1000}){1000}){1000}",
        "regex:^(a+)+$",
        "regex:(a|aa|.*.*.*)*$",
    ] {
        let environment = with_manifest(&automated(bomb, &registry.image("org/app:1.0.0")));
        let outcome = status(&environment).expect(0);
        assert!(
            outcome.took < Duration::from_secs(10),
            "{bomb}: {:?}",
            outcome.took
        );
        if let Some(peak) = outcome.peak {
            assert!(peak < 100 * 1024, "{bomb}: {peak} KiB");
        }
        assert_eq!(outcome.items().len(), 1, "{bomb}");
    }
}

#[test]
fn yaml_alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let good = automated("semver:>>", "org/app:1");
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: bomb}}\n{bomb}---\n{good}"
    );
    let outcome = status(&with_manifest(&manifest));
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
    if let Some(peak) = outcome.peak {
        assert!(peak < 100 * 1024, "{peak} KiB");
    }
    let outcome = outcome.expect(1);
    assert!(outcome.stderr.contains("web.yaml:"), "{outcome:#?}");
    assert_eq!(outcome.items().len(), 1, "the good document is shown");
}

#[test]
fn invalid_document_is_named_and_the_others_are_shown() {
    let good =
        |name| automated("semver:>>", "org/app:1").replace("name: web", &format!("name: {name}"));
    let manifest = format!(
        "{}---\nkind: Deployment\nspec: [\n---\n{}",
        good("one"),
        good("two")
    );
    let line = good("one").lines().count() + 2;
    let outcome = status(&with_manifest(&manifest)).expect(1);
    let names: Vec<String> = outcome
        .items()
        .iter()
        .map(|i| text(&i["workload"], "name").to_owned())
        .collect();
    assert_eq!(names, ["one", "two"]);
    let place = outcome
        .stderr
        .lines()
        .find_map(|l| l.strip_prefix("error: web.yaml:"))
        .unwrap_or_else(|| panic!("{outcome:#?}"));
    let named: usize = place
        .split(':')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("line");
    assert!((line..=line + 3).contains(&named), "{line}: {place}");
    assert_eq!(outcome.json()["errors"][0]["reason"], "InvalidDocument");
}

#[test]
fn terminal_control_characters_are_never_printed() {
    let evil = "\\e[31m\\e]0;title\\a\\u202e\\x9b";
    let policy = format!("fluxcd.io/tag.app: \"semver:{evil}\"");
    let message = format!("fluxcd.io/locked_msg: \"{evil}gone\"");
    let user = format!("fluxcd.io/locked_user: \"{evil}Eve\"");
    let manifest = [
        deployment("web", &[AUTOMATED, &policy], &[("app", "org/app:1")]),
        deployment("db", &[LOCKED, &message, &user], &[("app", "org/app:1")]),
    ];
    let environment = with_manifest(&manifest.join("---\n"));
    for format in ["table", "wide", "json", "yaml", "name"] {
        let outcome = environment
            .run(["status", "-f", "web.yaml", "-o", format])
            .expect(0);
        assert_harmless(&outcome);
        if format == "table" {
            assert!(outcome.stdout.contains("Eve"), "{outcome:#?}");
        }
    }
    for name in ["web", "db"] {
        let target = format!("deployment/{name}");
        assert_harmless(
            &environment
                .run(["explain", &target, "-f", "web.yaml"])
                .expect(0),
        );
    }
}

#[test]
fn control_characters_in_arguments_are_never_printed() {
    let environment = TestEnvironment::new();
    let evil = "\u{1b}[31m";
    for args in [
        vec!["status", "-f", evil],
        vec!["status", evil],
        vec!["status", "--assume", evil],
        vec!["test", evil, "--policy", "glob:*"],
        vec!["test", "a", "--policy", evil],
        vec!["status", "-o", evil],
        vec!["status", "--from-snapshot", evil],
        vec!["status", "--oci-layout", evil, "-f", "-"],
        vec!["status", "--only", evil],
        vec![evil],
    ] {
        let outcome = environment.run(&args);
        assert_ne!(outcome.code, Some(0), "{args:?}");
        assert_harmless(&outcome);
    }
}

#[test]
fn unquoted_boolean_is_not_guessed() {
    let manifest = deployment(
        "web",
        &["fluxcd.io/automated: true"],
        &[("app", "org/app:1")],
    );
    let outcome = status(&with_manifest(&manifest));
    // Kubernetes refuses this object.
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("fluxcd.io/automated"), "{outcome:#?}");
    assert!(
        said.contains("quote") || said.contains("string"),
        "{outcome:#?}"
    );
    assert!(!said.contains("\"state\": \"automated\""), "{outcome:#?}");
}

#[test]
fn missing_and_empty_files_have_different_messages() {
    let environment = with_manifest("kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n");
    std::fs::create_dir(environment.home().join("empty")).expect("folder");
    for (file, code, expected) in [
        (
            "nosuch.yaml",
            1,
            "error: the path \"nosuch.yaml\" does not exist",
        ),
        (
            "empty",
            1,
            "error: error reading [empty]: recognized file extensions are [.json .yaml .yml]",
        ),
        ("web.yaml", 0, "No workloads found in the files."),
        (
            "https://example.com/x.yaml",
            1,
            "error: \"https://example.com/x.yaml\" is a URL",
        ),
    ] {
        let outcome = environment.run(["status", "-f", file]).expect(code);
        assert!(outcome.stderr.starts_with(expected), "{outcome:#?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let environment = TestEnvironment::new();
    let manifest = automated("semver:>>", "org/app:1");
    let outcome = environment
        .program(["status", "-f", "-", "-o", "json"])
        .stdin(manifest)
        .run()
        .expect(0);
    assert_eq!(text(&outcome.item(), "reason"), "invalid-policy");
}
