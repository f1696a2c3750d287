//! Usage errors, help, and a missing cluster.

use super::{automated, with_manifest};
use crate::support::program::TestEnvironment;

#[test]
fn usage_error_exits_with_2_and_lists_the_choices() {
    for (args, part) in [
        (&["statsu"][..], "status"),
        (&["status", "--onlly", "updates"], "--only"),
        (
            &["status", "-o", "jsno"],
            "allowed formats are: table,wide,json,yaml,name",
        ),
        (
            &["explain", "deployment/x", "-o", "wide"],
            "allowed formats are: table,json,yaml",
        ),
        (
            &["images", "-o", "name"],
            "allowed formats are: table,json,yaml",
        ),
        (
            &["test", "a", "--policy", "glob:*", "-o", "name"],
            "allowed formats are: table,json,yaml",
        ),
        (&["version", "-o", "wide"], "allowed formats are: json,yaml"),
        (
            &["status", "--only", "update"],
            "managed, updates, automated",
        ),
        (&["status", "--sort-by", "NAM"], "NAMESPACE, WORKLOAD"),
        (&["status", "--min-age", "old"], "72h"),
        (&["status", "--platform", "linux"], "linux/amd64"),
        (
            &["status", "--exclude-image", "nginx:1"],
            "use the full image name without a tag: docker.io/library/nginx",
        ),
        (
            &["explain", "deploy/x", "--include-image", ""],
            "--include-image",
        ),
        (&["status", "-A", "-f", "x"], "cannot be used with"),
        (&["status", "-R"], "--filename"),
        (&["status", "deployment", "a/b"], "TYPE/NAME"),
        (&["status", "deployment/a", "b"], "TYPE/NAME"),
        (&["explain"], "TYPE/NAME"),
        (
            &["images", "nginx", "-A"],
            "--all-namespaces applies to workloads",
        ),
        (
            &["images", "nginx", "-f", "x"],
            "--filename applies to workloads",
        ),
        (
            &["images", "nginx", "--pull-secrets=off"],
            "--pull-secrets applies to workloads",
        ),
        (
            &["status", "-f", "x", "--pull-secrets=always"],
            "--pull-secrets=always reads Secrets from a cluster, and -f uses none",
        ),
        (
            &["status", "--from-snapshot", "x", "--pull-secrets=always"],
            "--from-snapshot uses none",
        ),
        (&["status", "--pull-secrets=never"], "auto, always, off"),
        (&["test", "nginx"], "--policy"),
        (
            &["test", "a", "--policy", "glob:*", "--extract", "$v"],
            "--filter-tags",
        ),
        (
            &["status", "--request-timeout", "soon"],
            "Invalid timeout value",
        ),
        (
            &["controller", "run", "--metrics-address", "8080"],
            "such as 127.0.0.1:8080 or [::]:8080",
        ),
        (
            &["controller", "run", "--metrics-address=[::]:1", "--once"],
            "cannot be used with",
        ),
        (&["status", "--color", "sometimes"], "auto, always, never"),
        (
            &["controller", "run", "--window", "weekdays"],
            "'--window <TEXT>': \"weekdays\" is not a day: use Mon",
        ),
        (
            &["controller", "run", "--freeze", "2026-13-01"],
            "'--freeze <TEXT>': \"2026-13-01\" is not a range of dates",
        ),
    ] {
        let outcome = TestEnvironment::new().run(args).expect(2);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(
            outcome.stderr.starts_with("error: "),
            "{args:?} {outcome:#?}"
        );
        assert!(outcome.stderr.contains(part), "{args:?} {outcome:#?}");
    }
}

#[test]
fn unknown_type_error_lists_the_supported_types() {
    let outcome = TestEnvironment::new().run(["status", "deplo"]).expect(1);
    assert!(
        outcome
            .stderr
            .starts_with("error: the server doesn't have a resource type \"deplo\""),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("deployments, statefulsets"),
        "{outcome:#?}"
    );
}

#[test]
fn missing_kubeconfig_is_reported_in_kubectls_words() {
    for args in [
        &["status"][..],
        &["status", "-A"],
        &["images"],
        &["explain", "deployment/web"],
    ] {
        let outcome = TestEnvironment::new().run(args).expect(1);
        assert_eq!(outcome.stdout, "");
        assert_eq!(
            outcome.stderr.lines().next(),
            Some(
                "The connection to the server localhost:8080 was refused - \
                 did you specify the right host or port?"
            )
        );
    }
}

#[test]
fn port_of_the_metrics_that_is_taken_is_an_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address");
    let flag = format!("--metrics-address={address}");
    let outcome = TestEnvironment::new().run(["controller", "run", &flag]);
    let expected = format!("error: --metrics-address {address}: Address already in use");
    let outcome = outcome.expect(1);
    assert!(outcome.stderr.starts_with(&expected), "{outcome:#?}");
}

#[test]
fn missing_oci_layout_folder_is_an_error() {
    let environment = with_manifest(&automated("semver:*", "org/app:1"));
    let outcome = environment.run(["status", "-f", "web.yaml", "--oci-layout", "nosuch"]);
    assert_eq!(
        outcome.expect(1).stderr,
        "error: --oci-layout nosuch: no such directory\n"
    );
}

#[test]
fn types_are_accepted_in_all_of_kubectls_spellings() {
    let environment = with_manifest(&automated("semver:>>", "org/app:1"));
    for words in [
        &["all"][..],
        &["deploy"],
        &["deployments.apps"],
        &["sts,deployment"],
        &["deployment", "web"],
        &["deployment/web"],
        &["deployment.apps/web"],
    ] {
        let args = ["status", "-f", "web.yaml", "-o", "name"];
        let outcome = environment.run(args.iter().chain(words)).expect(0);
        assert_eq!(outcome.stdout, "deployment.apps/web\n", "{words:?}");
    }
}

#[test]
fn invalid_assumed_policy_fails_before_anything_is_read() {
    let outcome = TestEnvironment::new()
        .run(["status", "-f", "nosuch", "--assume", "semver:>>"])
        .expect(1);
    assert!(
        outcome.stderr.starts_with("error: --assume "),
        "{outcome:#?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn help_begins_with_examples_and_needs_no_command() {
    let bare = TestEnvironment::new().run([""; 0]).expect(0);
    let examples = bare.stdout.find("Examples:").expect("examples");
    let usage = bare.stdout.find("Usage: ").expect("usage");
    assert!(examples < usage);
    for command in [
        "status",
        "explain",
        "test",
        "images",
        "automate",
        "deautomate",
        "lock",
        "unlock",
    ] {
        let short = TestEnvironment::new().run([command, "-h"]).expect(0);
        assert!(short.stdout.contains("Examples:\n  # "), "{command}");
        assert!(
            short.stdout.lines().all(|line| line.chars().count() <= 100),
            "{command}"
        );
        let long = TestEnvironment::new().run([command, "--help"]).expect(0);
        let words = |text: &str| text.split_whitespace().count();
        assert!(words(&long.stdout) >= words(&short.stdout), "{command}");
    }
}

#[test]
fn kubectls_spellings_of_the_log_level_are_accepted() {
    for level in ["-v", "-v=6", "-v6", "--v=6"] {
        TestEnvironment::new().run(["version", level]).expect(0);
    }
    for words in [["-v", "6"], ["--v", "6"]] {
        TestEnvironment::new()
            .run(["version"].iter().chain(&words))
            .expect(0);
    }
}

#[cfg(unix)]
#[test]
fn line_breaks_and_escapes_in_foreign_text_are_cleaned_in_messages() {
    let environment = TestEnvironment::new();
    let evil = "evil\nhint: run rm \u{202e}\u{1b}[31m.yaml";
    environment.write(evil, "a: [\n");
    let snapshot = format!("{{\"apiVersion\": {evil:?}}}");
    environment.write("snapshot.json", snapshot.replace("\\u{202e}\\u{1b}", ""));
    for args in [
        &["status", "--evil\nhint: run rm \u{202e}\u{1b}[31m"][..],
        &["status", "--only", "evil\nhint: run rm \u{202e}\u{1b}[31m"],
        &["status", "--only=evil\nhint: run rm \u{202e}\u{1b}[31m"],
        &["evil\nhint: run rm \u{202e}\u{1b}[31m"],
        &["status", "-f", "."],
        &["status", "-f", evil],
        &["status", "-f", "gone\nhint: run rm \u{1b}[31m"],
        &["status", "x\nhint: run rm/y", "-f", "."],
        &["status", "--kubeconfig", "gone\nhint: run rm"],
        &["status", "--kubeconfig", evil],
        &["status", "-s", "http://127.0.0.1:1\nhint: run rm"],
        &["status", "--context", "gone\nhint: run rm"],
        &["status", "--from-snapshot", "snapshot.json"],
        &["status", "-f", ".", "-v=9"],
    ] {
        let outcome = environment.run(args);
        assert_ne!(outcome.code, Some(0), "{args:?}");
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            !text.lines().any(|line| line.starts_with("hint: run")),
            "{args:?} {text}"
        );
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{args:?} {text:?}");
    }
}
