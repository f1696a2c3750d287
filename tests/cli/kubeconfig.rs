//! Kubeconfigs: which servers get credentials, and that errors in an unreadable file
//! do not quote it.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::tls::Authority;
use crate::support::socks::{Passed, SocksProxy};

/// The start of every planted secret.
const PLANTED: &str = "planted";

fn refuse(_: &Head) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401,
        "reason": "Unauthorized", "message": "Unauthorized"});
    (401, status.to_string())
}

/// An empty list for every kind, and no versions for every group.
fn nothing(head: &Head) -> (u16, String) {
    if head.header("authorization").is_none() {
        return refuse(head);
    }
    let body = if head.line().contains('?') {
        json!({"kind": "List", "metadata": {}, "items": []})
    } else {
        json!({"kind": "APIGroup", "versions": []})
    };
    (200, body.to_string())
}

pub(super) fn kubeconfig(cluster: &Value, user: &Value) -> String {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "production",
        "contexts": [{"name": "production", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}]})
    .to_string()
}

fn script(environment: &TestEnvironment, name: &str, lines: &str) {
    let path = environment.write(name, format!("#!/bin/sh\n{lines}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
}

pub(super) fn plugin(lines: &str) -> (TestEnvironment, Value) {
    let environment = TestEnvironment::new();
    script(&environment, "bin/login", lines);
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "login", "interactiveMode": "Never",
        "args": ["get-token", "--client-secret=planted-argument", "--token", "planted-flag"],
        "env": [{"name": "ANYTHING", "value": "planted-variable"}]}});
    (environment, user)
}

fn credential(token: &str) -> String {
    json!({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": token}})
    .to_string()
}

/// Runs `status` with a kubeconfig at the highest log level, and asserts that the
/// output holds no planted secret.
#[track_caller]
pub(super) fn status(environment: &TestEnvironment, config: &str, more: &[&str]) -> Outcome {
    environment.write("config", config);
    let args = ["status", "--kubeconfig", "config", "-n", "shop", "-v=9"];
    let outcome = environment.run(args.iter().chain(more));
    assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
    for stream in [&outcome.stdout, &outcome.stderr] {
        let stream = stream.to_lowercase();
        assert!(!stream.contains(PLANTED), "{outcome:#?}");
    }
    outcome
}

#[test]
fn plain_http_server_gets_no_credentials_and_is_named_when_it_refuses() {
    let server = ApiServer::plain(refuse);
    let environment = TestEnvironment::new();
    environment.write("token", "planted-file");
    script(
        &environment,
        "bin/login",
        &format!("touch was-run; echo '{}'", credential("planted-plugin")),
    );
    let address = server.address().to_string();
    let plain = format!("http://{address}");
    for user in [
        json!({"token": "planted-token"}),
        json!({"tokenFile": "token"}),
        json!({"username": "planted-user", "password": "planted-password"}),
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "login",
            "interactiveMode": "Never"}}),
        json!({"auth-provider": {"name": "oidc", "config": {"id-token": "planted-id"}}}),
        json!({"client-certificate-data": "cGxhbnRlZA==", "client-key-data": "cGxhbnRlZA=="}),
        json!({}),
    ] {
        let mut user = user;
        let is_empty = user == json!({});
        user["as"] = "eve".into();
        user["as-groups"] = json!(["ops"]);
        let config = |server: &str| kubeconfig(&json!({"server": server}), &user);
        for (server_url, flags) in [
            (plain.as_str(), &[][..]),
            (address.as_str(), &[]),
            ("https://production.invalid", &["-s", &address]),
            ("https://production.invalid", &["-s", &plain]),
            (
                "https://production.invalid",
                &["-s", &address, "--token", "planted-flag"],
            ),
            (
                "https://production.invalid",
                &["-s", &address, "--insecure-skip-tls-verify"],
            ),
        ] {
            let outcome = status(&environment, &config(server_url), flags).expect(1);
            let heads = server.take_heads();
            assert!(!heads.is_empty(), "{outcome:#?}");
            for head in heads {
                assert_eq!(head.header("authorization"), None, "{user} {flags:?}");
                assert_eq!(head.header("impersonate-user"), Some("eve"));
                assert_eq!(head.header("impersonate-group"), Some("ops"));
            }
            let hint = format!("no credentials were sent, because the server http://{address}/");
            let has_some = !is_empty || flags.contains(&"--token");
            assert_eq!(outcome.stderr.contains(&hint), has_some, "{outcome:#?}");
        }
    }
    assert!(!environment.home().join("was-run").exists());
}

#[test]
fn https_server_gets_credentials_and_a_redirect_does_not_forward_them() {
    let authority = Authority::new();
    let certificate = authority.certify("127.0.0.1");
    let server = ApiServer::tls(&certificate, nothing);
    let moved = ApiServer::tls(&certificate, |_| (307, String::new()));
    let environment = TestEnvironment::new();
    environment.write("ca.pem", authority.pem());
    environment.write("token", "planted-file\r\n");
    script(
        &environment,
        "bin/login",
        &format!(
            "printf x >> runs; echo '{}'",
            credential("planted-plugin\\n")
        ),
    );
    let exec = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "login", "interactiveMode": "Never"}});
    for (user, flags, expected) in [
        (
            json!({"token": "planted-token\n"}),
            &[][..],
            "Bearer planted-token",
        ),
        (json!({"tokenFile": "token"}), &[], "Bearer planted-file"),
        (
            json!({"username": "me", "password": "planted\u{1}ä"}),
            &[],
            "Basic bWU6cGxhbnRlZAHDpA==",
        ),
        (exec, &[], "Bearer planted-plugin"),
        (
            json!({}),
            &["--token", "planted-flag"],
            "Bearer planted-flag",
        ),
    ] {
        let cluster = |server: &ApiServer| {
            json!({"server": format!("https://{}", server.address()),
                "certificate-authority": "ca.pem"})
        };
        let config = kubeconfig(&cluster(&server), &user);
        status(&environment, &config, flags).expect(0);
        let heads = server.take_heads();
        assert!(!heads.is_empty());
        for head in heads {
            assert_eq!(head.header("authorization"), Some(expected));
        }
        let config = kubeconfig(&cluster(&moved), &user);
        let outcome = status(&environment, &config, flags).expect(1);
        assert!(
            outcome.stderr.contains("a redirect (HTTP 307)"),
            "{outcome:#?}"
        );
        moved.take_heads();
    }
    // Once per run, because it may ask for a password.
    let runs = std::fs::read_to_string(environment.home().join("runs")).expect("runs");
    assert_eq!(runs, "xx");
}

#[test]
fn unreadable_kubeconfig_is_reported_by_position_without_its_text() {
    let environment = TestEnvironment::new();
    let head = "apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user:\n    token: PLANTED-1\n";
    for (rest, place) in [
        ("   bad: [\n", Some("line 7, column ")),
        ("    exec: {args: [a, b\n", Some("line ")),
        ("    \"unterminated: PLANTED-2\n", Some("line ")),
        ("\tpassword: PLANTED-2\n", Some("line ")),
        ("    password: {PLANTED-2: x}\n", Some("line 7, column ")),
        ("    password: [PLANTED-2]\n", Some("line 7, column ")),
        ("    tokenFile: {a: PLANTED-2}\n", Some("line 7, column ")),
        ("    exec: PLANTED-2\n", Some("line 7, column ")),
        ("    exec: {env: PLANTED-2}\n", Some("line 7, column ")),
        ("    exec: {env: [PLANTED-2]}\n", Some("line 7, column ")),
        (
            "    exec: {interactiveMode: PLANTED-2}\n",
            Some("line 7, column "),
        ),
        (
            "    exec: {provideClusterInfo: PLANTED-2}\n",
            Some("line 7, column "),
        ),
        (
            "    auth-provider: {config: PLANTED-2}\n",
            Some("line 7, column "),
        ),
        ("    as-groups: PLANTED-2\n", Some("line 7, column ")),
        ("    token: PLANTED-2\n", Some("line ")),
        ("clusters: PLANTED-2\n", Some("line 7, column ")),
        ("clusters: [{cluster: {server: x}}]\n", Some("line ")),
        ("contexts: [PLANTED-2]\n", Some("line 7, column ")),
        ("current-context: [PLANTED-2]\n", Some("line 7, column ")),
        ("*PLANTED-2 : x\n", Some("line 7, column ")),
        ("--- !!PLANTED-2 [\n", Some("line ")),
        ("---\nkind: PLANTED-2\n", None),
        ("\u{0}PLANTED-2\n", Some("line ")),
    ] {
        let outcome = status(&environment, &format!("{head}{rest}"), &[]).expect(1);
        let start = "error: error loading config file \"config\": ";
        assert!(outcome.stderr.starts_with(start), "{rest} {outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
        if let Some(place) = place {
            assert!(outcome.stderr.contains(place), "{rest} {outcome:#?}");
        }
    }
    for bytes in [
        &b"users: PLANTED-1 \xff"[..],
        b"\xff\xfeP\0L",
        b"\xfe\xff\xd8\x00",
        b"\xff\xfe",
    ] {
        environment.write("config", bytes);
        let outcome = environment.run(["status", "--kubeconfig", "config", "-v=9"]);
        assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
        assert!(!outcome.stderr.contains("PLANTED"), "{outcome:#?}");
    }
    // With several files, the bad one is named.
    environment.write("first", "kind: Config\n");
    environment.write("second", format!("{head}   bad: [\n"));
    let list = std::env::join_paths(["first", "second"]).expect("a list");
    let outcome = environment
        .program(["status"])
        .env("KUBECONFIG", list.to_str().expect("text"))
        .run()
        .expect(1);
    assert!(
        outcome
            .stderr
            .contains("config file \"second\": yaml: line 7"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains("PLANTED"), "{outcome:#?}");
}

#[test]
fn refused_credential_is_fetched_again_once() {
    let authority = Authority::new();
    let server = ApiServer::tls(&authority.certify("127.0.0.1"), |head| {
        match head.header("authorization") {
            Some("Bearer planted-2") => nothing(head),
            _ => refuse(head),
        }
    });
    let environment = TestEnvironment::new();
    environment.write("ca.pem", authority.pem());
    script(
        &environment,
        "bin/login",
        &format!(
            "printf x >> runs; echo '{}' | sed s/N/$(wc -c < runs | tr -d ' ')/",
            credential("planted-N")
        ),
    );
    let cluster = json!({"server": format!("https://{}", server.address()),
        "certificate-authority": "ca.pem"});
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "login", "interactiveMode": "Never"}});
    status(&environment, &kubeconfig(&cluster, &user), &[]).expect(0);
    let runs = || {
        std::fs::read_to_string(environment.home().join("runs"))
            .expect("runs")
            .len()
    };
    assert_eq!(runs(), 2);
    status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
    assert_eq!(
        runs(),
        4,
        "a token that is refused twice is not fetched again"
    );
}

#[test]
fn oidc_provider_is_reported_without_its_tokens() {
    let environment = TestEnvironment::new();
    let cluster = json!({"server": "https://127.0.0.1:1"});
    let token = |claims: &str| format!("e30.{}.planted-signature", URL_SAFE_NO_PAD.encode(claims));
    for (id_token, says) in [
        (
            "planted-id".to_owned(),
            "its id-token is not a valid JSON Web Token",
        ),
        (
            token("\"planted-claims\""),
            "its id-token is not a valid JSON Web Token",
        ),
        (
            token("{\"exp\": \"planted-time\"}"),
            "its id-token is not a valid JSON Web Token",
        ),
        (
            token("{\"exp\": 1}"),
            "its id-token has expired, and there is no client-secret to get another one",
        ),
    ] {
        let user = json!({"auth-provider": {"name": "oidc", "config": {"id-token": id_token,
            "idp-issuer-url": "https://127.0.0.1:1", "client-id": "c",
            "refresh-token": "planted-refresh"}}});
        let outcome = status(&environment, &kubeconfig(&cluster, &user), &[]).expect(1);
        let line = format!("getting credentials: the oidc auth provider: {says}");
        assert!(outcome.stderr.contains(&line), "{outcome:#?}");
    }
}

#[test]
fn socks_proxy_gets_its_login_and_no_message_shows_a_proxy_login() {
    let authority = Authority::new();
    let server = ApiServer::tls(&authority.certify("api.invalid"), nothing);
    let proxy = SocksProxy::to(server.address());
    let environment = TestEnvironment::new();
    environment.write("ca.pem", authority.pem());
    let through = |proxy: &str| {
        let cluster = json!({"server": "https://api.invalid:6443", "proxy-url": proxy,
            "certificate-authority": "ca.pem"});
        status(
            &environment,
            &kubeconfig(&cluster, &json!({"token": "planted-token"})),
            &[],
        )
    };
    for (url, login) in [
        (format!("socks5://{}", proxy.host()), None),
        (
            format!("socks5://me:planted%40p@{}", proxy.host()),
            Some("me:planted@p".to_owned()),
        ),
        (
            format!("socks5h://me:planted-p@{}", proxy.host()),
            Some("me:planted-p".to_owned()),
        ),
    ] {
        through(&url).expect(0);
        let last = proxy.passed().pop().expect("passed");
        let target = "api.invalid:6443".to_owned();
        assert_eq!(last, Passed { login, target });
    }
    let dead = "127.0.0.1:1";
    for url in [
        format!("http://me:planted-p@{dead}"),
        format!("https://me:planted-p@{dead}"),
        format!("socks5://me:planted-p@{dead}"),
        format!("ftp://me:planted-p@{dead}"),
        format!("http://me:planted p@{dead}"),
        format!("http://me:planted/p@{dead}"),
        format!("me:planted-p@{dead}"),
        "http://me:planted-p@".to_owned(),
        "http://planted-p@[::1".to_owned(),
    ] {
        let outcome = through(&url).expect(1);
        assert_eq!(
            outcome
                .stderr
                .lines()
                .filter(|l| !l.contains("DEBUG"))
                .count(),
            1,
            "{outcome:#?}"
        );
    }
}
