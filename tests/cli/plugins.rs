//! Credential plugins that fail or cannot prompt, and how they are reported.
#![cfg(unix)]

use serde_json::json;

use super::kubeconfig::{kubeconfig, plugin, status};
use crate::support::program::TestEnvironment;

#[test]
fn failing_credential_plugin_is_reported_without_its_secrets() {
    let cluster = json!({"server": "https://127.0.0.1:1"});
    for (lines, says) in [
        (
            "echo 'log in first' >&2; exit 3",
            "exec: executable login failed with exit code 3: log in first",
        ),
        ("exit 7", "exec: executable login failed with exit code 7"),
        (
            "echo planted-output; exit 3",
            "exec: executable login failed with exit code 3",
        ),
        // The plugin prints its arguments, as `set -x` does.
        (
            "echo \"run with $ANYTHING $* $2 $4\" >&2; exit 3",
            "exit code 3: run with [redacted] get-token --client-secret=[redacted] --token [redacted]",
        ),
        (
            "printf 'two\\nlines \\033[31m' >&2; exit 3",
            "exit code 3: two lines",
        ),
        ("kill -9 $$", "exec: executable login failed with signal: 9"),
        (
            "echo planted-output",
            "login printed something that is not an ExecCredential",
        ),
        (
            "echo '{\"status\": \"planted-output\"}'",
            "login printed something that is not an ExecCredential",
        ),
        (
            "echo '[planted-output'",
            "login printed something that is not an ExecCredential",
        ),
        // A truncated credential would still be a credential.
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"token\": \"planted-t\"}}'; printf '%1048576s' ' '",
            "exec: executable login printed more than 1048576 bytes",
        ),
        (
            "true",
            "is configured to use an ExecCredential of API version client.authentication.k8s.io/v1, plugin returned version \"\"",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"v9\", \"status\": {\"token\": \"planted-t\"}}'",
            "plugin returned version \"v9\"",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\"}'",
            "didn't return a status field",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {}}'",
            "didn't return a token or cert/key pair",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"clientKeyData\": \"planted-k\"}}'",
            "returned only certificate or key, not both",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"clientCertificateData\": \"planted-c\", \"clientKeyData\": \"planted-k\"}}'",
            "there is no valid client certificate of the credential plugin login",
        ),
        (
            "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"token\": \"planted-t\", \"expirationTimestamp\": \"planted-time\"}}'",
            "an expirationTimestamp that is not a time",
        ),
        (
            "printf '%s' '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"token\": \"planted\\nt\"}}'",
            "the token of the credential plugin login contains a character that is not allowed in a header",
        ),
    ] {
        let (environment, user) = plugin(lines);
        let outcome = status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
        assert!(outcome.stderr.contains(says), "{lines} {outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
    }
}

#[test]
fn program_that_a_plugin_leaves_behind_delays_nothing() {
    let cluster = json!({"server": "https://127.0.0.1:1"});
    let (environment, user) = plugin("sleep 60 & echo $! > left; exit 3");
    let outcome = status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
    let left = std::fs::read_to_string(environment.home().join("left")).expect("a process");
    let killed = std::process::Command::new("kill").arg(left.trim()).status();
    assert!(killed.expect("kill").success(), "it was still running");
    assert!(
        outcome.stderr.contains("failed with exit code 3"),
        "{outcome:#?}"
    );
}

#[test]
fn plugin_without_a_terminal_is_not_interactive_and_its_output_is_redacted() {
    let cluster = json!({"server": "https://127.0.0.1:1"});
    let lines = "echo \"$KUBERNETES_EXEC_INFO of $ANYTHING\" >&2; touch was-run; exit 3";
    for (mode, says, is_run) in [
        (
            json!("Never"),
            "\"interactive\":false}} of [redacted]",
            true,
        ),
        (
            json!("IfAvailable"),
            "\"interactive\":false}} of [redacted]",
            true,
        ),
        (json!(null), "\"interactive\":false}} of [redacted]", true),
        (
            json!("Always"),
            "exec plugin cannot support interactive mode: standard input is not a terminal",
            false,
        ),
    ] {
        let (environment, mut user) = plugin(lines);
        user["exec"]["interactiveMode"] = mode;
        let outcome = status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
        assert!(outcome.stderr.contains(says), "{outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
        assert_eq!(environment.home().join("was-run").exists(), is_run);
    }
}

#[test]
fn missing_credential_plugin_is_named_with_its_install_hint() {
    let environment = TestEnvironment::new();
    let cluster = json!({"server": "https://127.0.0.1:1"});
    for (command, hint, says) in [
        (
            "nosuch-login",
            Some("get it:\n  brew install login\u{1b}[0m"),
            "exec: executable nosuch-login not found; get it:   brew install login",
        ),
        (
            "nosuch-login",
            None,
            "exec: executable nosuch-login not found; install it",
        ),
        ("./nosuch", None, "not found"),
        ("nul\u{0}login", None, "exec: nullogin: "),
    ] {
        let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
            "command": command, "installHint": hint, "interactiveMode": "Never",
            "env": [{"name": "SECRET", "value": "planted-variable"}]}});
        let outcome = status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
        assert!(outcome.stderr.contains(says), "{outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
    }
}
