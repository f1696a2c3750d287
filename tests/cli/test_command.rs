//! `test`: tries a policy on tags.

use serde_json::{Value, json};

use super::text;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// Tries a policy on tags from standard input, without files or registries.
fn tried(image: &str, policy: &str, more: &[&str], tags: &str) -> Outcome {
    let environment = TestEnvironment::new();
    let args = ["test", image, "--policy", policy, "--tags-from", "-"];
    environment
        .program(args.iter().chain(more))
        .without("HOME")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .stdin(tags)
        .run()
}

fn latest(image: &str, policy: &str, more: &[&str], tags: &str) -> Value {
    let more = [&["-o", "json"], more].concat();
    tried(image, policy, &more, tags).expect(0).json()["latest"].clone()
}

#[test]
fn json_is_the_documented_object() {
    let outcome = tried(
        "org/my-app:1.0.0",
        "semver:~1.0",
        &["-o", "json"],
        "1.0.0\n1.0.1\n1.2.0\nlatest\n",
    );
    assert_eq!(
        outcome.expect(0).json(),
        json!({
            "image": "org/my-app:1.0.0",
            "policy": {"filter": "semver:~1.0", "order": "semver", "origin": "flag --policy"},
            "latest": "1.0.1",
            "tags": [
                {"tag": "1.0.1", "verdict": "elected", "rank": 1},
                {"tag": "1.0.0", "verdict": "accepted", "rank": 2},
                {"tag": "latest", "verdict": "rejected", "reason": "latest"},
                {"tag": "1.2.0", "verdict": "rejected", "reason": "out-of-range"}
            ]
        })
    );
}

#[test]
fn no_elected_tag_is_null_and_exits_with_0() {
    assert_eq!(
        latest("org/app:1.0.0", "semver:~7", &[], "1.0.0\n"),
        Value::Null
    );
}

#[test]
fn tags_with_times_are_read_from_json_lines() {
    let tags = r#"{"tag": "a", "created": "2024-01-02T00:00:00Z"}
{"tag": "b", "created": "2024-01-03T00:00:00Z", "digest": null}

{"tag": "c", "created": "2024-01-01T00:00:00+02:00"}
"#;
    assert_eq!(latest("org/app:c", "glob:*", &[], tags), "b");
}

#[test]
fn broken_line_is_reported_with_file_and_line() {
    for (name, flag) in [("-", "-"), ("tags.jsonl", "tags.jsonl")] {
        let tags = "1.0.0\n{\"tag\": \"1.0.1\"}\n{\"tag\": \n";
        let environment = TestEnvironment::new();
        environment.write("tags.jsonl", tags);
        let outcome = environment
            .program([
                "test",
                "org/app",
                "--policy",
                "semver:*",
                "--tags-from",
                flag,
            ])
            .stdin(tags)
            .run()
            .expect(1);
        assert_eq!(outcome.stdout, "");
        let start = format!("error: --tags-from {name}:3: ");
        assert!(outcome.stderr.starts_with(&start), "{outcome:#?}");
    }
}

#[test]
fn line_that_is_not_a_tag_is_skipped_and_counted() {
    let tried = |tags| tried("org/app:1.0.0", "semver:*", &[], tags).expect(0);
    let one = tried("1.0.0\n# new\n1.0.1\n");
    assert_eq!(
        one.stderr,
        "--tags-from: 1 line is not a valid tag and was skipped\n"
    );
    let two = tried("1.0.0\n# new\n1.0.1 2024-01-01\n");
    assert_eq!(
        two.stderr,
        "--tags-from: 2 lines are not valid tags and were skipped\n"
    );
    assert_eq!(tried("1.0.0\r\n\r\n 1.0.1\t\r\n").stderr, "");
}

#[test]
fn misspelt_field_of_a_line_is_refused() {
    let outcome = tried(
        "org/app",
        "glob:*",
        &[],
        "{\"tag\":\"a\",\"creted\":\"2024-01-01T00:00:00Z\"}\n",
    );
    assert!(
        outcome.clone().expect(1).stderr.contains("creted"),
        "{outcome:#?}"
    );
}

#[test]
fn filters_of_a_policy_can_be_tried() {
    let variants = "1.25.3-alpine\n1.25.4-alpine\n1.25.5\n1.25.4-slim\n";
    let filter = ["--filter-tags", "^(?P<v>.*)-alpine$", "--extract", "$v"];
    let plain = "1.0.0\n1.0.1\n1.0.2\n";
    let named = "v1.0.0\nv1.0.1\n1.0.9\n";
    for (image, more, tags, expected) in [
        (
            "nginx:1.25.3-alpine",
            &filter[..],
            variants,
            "1.25.4-alpine",
        ),
        ("app:1.0.0", &["--ignore-tags", "2$"], plain, "1.0.1"),
        (
            "app:1.0.0",
            &["--ignore-tags", "2$", "--ignore-tags", "1$"],
            plain,
            "1.0.0",
        ),
        ("app:1.0.0", &["--allow-tags", "^1.0.[01]$"], plain, "1.0.1"),
        ("app:v1.0.0", &["--identifier", "v"], named, "v1.0.1"),
    ] {
        assert_eq!(latest(image, "semver:*", more, tags), expected, "{more:?}");
    }
}

#[test]
fn invalid_expression_is_reported_with_its_flag_and_position() {
    for (args, flag, part) in [
        (&["--policy", "semver:>=1 <<2"][..], "--policy", "<2"),
        (&["--policy", "regex:["], "--policy", "["),
        (&["--policy", ""], "--policy", "TYPE:EXPR"),
        (&["--policy", "digest:no tag"], "--policy", "no tag"),
        (
            &["--policy", "glob:*", "--filter-tags", "(a"],
            "--filter-tags",
            "(",
        ),
        (
            &["--policy", "glob:*", "--allow-tags", "a**b(?"],
            "--allow-tags",
            "a**",
        ),
        (
            &["--policy", "glob:*", "--ignore-tags", "(?=x)"],
            "--ignore-tags",
            "(?=",
        ),
    ] {
        let environment = TestEnvironment::new();
        let base = ["test", "org/app:1", "--tags-from", "-"];
        let outcome = environment.run(base.iter().chain(args)).expect(1);
        assert!(
            outcome.stderr.starts_with(&format!("error: {flag} ")) && outcome.stderr.contains(part),
            "{args:?}: {outcome:#?}"
        );
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn unavailable_tags_are_a_failure() {
    let registry = TestRegistry::start();
    let environment = TestEnvironment::new();
    let image = registry.image("org/nothing:1");
    registry.fault("tags", crate::support::registry::Fault::Status(404));
    let outcome = environment
        .run(["test", &image, "--policy", "semver:*"])
        .expect(1);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(
        said.contains(&registry.image("org/nothing")),
        "{outcome:#?}"
    );
}

#[test]
fn registry_is_used_when_no_tags_are_given() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let environment = TestEnvironment::new();
    let image = registry.image("org/app:1.0.0");
    let args = ["test", &image, "--policy", "semver:~1.0", "-o", "json"];
    let tried = environment.run(args).expect(0).json();
    assert_eq!(text(&tried, "latest"), "1.0.1");
    // The list, and the manifest and config of both tags.
    assert_eq!(registry.requests().len(), 5);
    registry.forget();
    let more = ["--platform", "linux/amd64", "--cache", "off"];
    environment.run(args.iter().chain(&more)).expect(0);
    assert_eq!(registry.requests().len(), 3);
}
