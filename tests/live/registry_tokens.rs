//! A registry with a token server, where each user owns a folder of repositories.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::binary::{Run, imgpolicy};
use crate::control_plane::ControlPlane;
use crate::home::Home;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, workload};
use crate::registry::{PAGE, Registry};
use crate::slow_line::slow_line;
use crate::token_server::{Account, Asked, BLUE, HASTY, PUBLIC, RED, basic};

const POLICY: &str = "semver:~1.0";

/// Runs `status -f` on these images at the highest log level.
fn status(home: &Home, images: &[&str], policy: &str, more: &[&str]) -> Run {
    let file = home.workloads(images, policy);
    let status = ["status", "-f", &file, "-o", "json", "-v=9"];
    let run = home.run(&[&status, more].concat());
    for account in [RED, BLUE, HASTY] {
        let pair = basic(account.name, account.password).replace("Basic ", "");
        let secrets = [account.password, account.identity, &pair];
        assert!(run.code == 0, "{run:?}");
        for secret in secrets {
            let shown = run.stdout.contains(secret) || run.stderr.contains(secret);
            assert!(!shown, "a secret is shown: {run:?}");
        }
    }
    // Every token begins with this text.
    run.hides(&["eyJ"])
}

fn login(registry: &Registry, account: Account) -> Home {
    Home::with_password(&registry.host, account.name, account.password)
}

fn granted(method: &str, account: Account, repository: &str) -> Asked {
    Asked {
        method: method.to_owned(),
        user: Some(account.name),
        scope: format!("repository:{repository}:pull"),
        granted: true,
    }
}

#[tokio::test]
async fn users_see_their_own_and_public_repositories() {
    let (registry, _) = Registry::with_tokens().await;
    let repositories = ["red/app", "blue/app", "public/app"];
    for repository in repositories {
        registry.push_versions(repository, 3).await;
    }
    let images = repositories.map(|name| format!("{}/{name}:1.0.0", registry.host));
    let images = images.each_ref().map(String::as_str);
    for (home, sees) in [
        (login(registry, RED), [true, false, true]),
        (login(registry, BLUE), [false, true, true]),
        (Home::new(), [false, false, true]),
    ] {
        let run = status(&home, &images, POLICY, &[]);
        for (n, sees) in sees.into_iter().enumerate() {
            let row = run.row(&format!("web-{n}"), "app");
            let expected = if sees { "newer-image" } else { "unauthorized" };
            assert_eq!(row["reason"], expected, "{row:#}");
            if !sees {
                let message = row["message"].as_str().expect("a message");
                let login = format!("`docker login {}`", registry.host);
                assert!(message.contains(&login), "{message}");
            }
        }
    }
    assert!(images[2].contains(PUBLIC));
}

#[tokio::test]
async fn two_namespaces_with_pull_secrets_see_their_own_repositories_in_one_run() {
    let plane = ControlPlane::shared();
    let (registry, tokens) = Registry::with_tokens().await;
    for account in [RED, BLUE] {
        let (namespace, repository) = (account.name, format!("{}/pulled", account.name));
        registry.push_versions(&repository, 2).await;
        let config = json!({"auths": {&registry.host:
            {"username": account.name, "password": account.password}}});
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"namespace": namespace, "name": "registry"},
            "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}});
        let pulling = |name: &str| {
            let image = format!("{}/{name}/pulled:1.0.0", registry.host);
            let workload = workload("Deployment", namespace, name, &image);
            let mut workload = automated(workload, POLICY);
            workload["metadata"]["labels"] = json!({"test": "pulled"});
            workload["spec"]["template"]["spec"]["imagePullSecrets"] =
                json!([{"name": "registry"}]);
            workload
        };
        plane.namespace(namespace).await;
        let objects = [secret, pulling(RED.name), pulling(BLUE.name)];
        plane.apply(&objects).await;
    }
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let status = ["status", "-A", "-l", "test=pulled", "-o", "json", "-v=9"];
    let run = imgpolicy(&kubeconfig, &status).hides(&[RED.password, BLUE.password, "eyJ"]);
    let list = run.json();
    let items = list["items"].as_array().expect("a list");
    let row = |item: &Value| {
        let (workload, reason) = (&item["workload"], &item["reason"]);
        format!("{} {} {reason}", workload["namespace"], workload["name"]).replace('"', "")
    };
    assert_eq!(
        items.iter().map(row).collect::<Vec<_>>(),
        [
            "blue blue newer-image",
            "blue red unauthorized",
            "red blue unauthorized",
            "red red newer-image",
        ],
        "{run:?}"
    );
    // Each was requested anonymously first, then by both users.
    for account in [RED, BLUE] {
        let asked = tokens.asked(&format!("{}/pulled", account.name));
        let mut users: Vec<_> = asked.iter().map(|asked| asked.user).collect();
        users.sort_unstable();
        users.dedup();
        assert_eq!(users, [None, Some(BLUE.name), Some(RED.name)], "{asked:?}");
    }
}

#[tokio::test]
async fn one_token_serves_all_pages_and_times_of_a_repository() {
    let (registry, tokens) = Registry::with_tokens().await;
    let (repository, tags) = ("red/once", 2 * PAGE);
    registry.push_versions(repository, tags).await;
    let pushed = registry.requests(repository).len();
    let image = format!("{}/{repository}:1.0.0", registry.host);
    let run = status(&login(registry, RED), &[&image], "glob:*", &[]);
    let row = run.row("web-0", "app");
    let newest = format!("{}/{repository}:1.0.{}", registry.host, tags - 1);
    assert_eq!(row["latest"], newest.as_str(), "{row:#}");
    assert_eq!(tokens.asked(repository), [granted("GET", RED, repository)]);
    let requests = &registry.requests(repository)[pushed..];
    let count = |what: &str| requests.iter().filter(|r| r.contains(what)).count();
    assert_eq!(count(" 401"), 1, "{requests:#?}");
    // The registry announces another page when the last one was full.
    let pages = count("/tags/list") - 1;
    assert!((2..=3).contains(&pages), "{requests:#?}");
    assert_eq!(requests.len(), 1 + pages + 2 * tags, "{requests:#?}");
}

#[tokio::test]
async fn token_server_refuses_a_wrong_password() {
    let (registry, tokens) = Registry::with_tokens().await;
    let repository = "red/wrong";
    registry.push_versions(repository, 2).await;
    let image = format!("{}/{repository}:1.0.0", registry.host);
    let home = Home::with_password(&registry.host, RED.name, BLUE.password);
    let row = status(&home, &[&image], POLICY, &[]).row("web-0", "app");
    assert_eq!(row["reason"], "unauthorized", "{row:#}");
    let message = row["message"].as_str().expect("a message");
    assert!(message.contains("token endpoint"), "{message}");
    assert!(message.contains(".docker/config.json"), "{message}");
    assert!(message.contains("docker login"), "{message}");
    let asked = tokens.asked(repository);
    assert!(asked.iter().all(|asked| !asked.granted), "{asked:?}");
}

#[tokio::test]
async fn identity_token_is_exchanged_and_never_sent_to_the_registry() {
    let (registry, tokens) = Registry::with_tokens().await;
    let repository = "blue/identity";
    registry.push_versions(repository, 3).await;
    let image = format!("{}/{repository}:1.0.0", registry.host);
    let home = Home::with_identity(&registry.host, BLUE.identity);
    let row = status(&home, &[&image], POLICY, &[]).row("web-0", "app");
    assert_eq!(row["outcome"], "update", "{row:#}");
    assert_eq!(
        tokens.asked(repository),
        [granted("POST", BLUE, repository)]
    );

    let stale = Home::with_identity(&registry.host, "an-old-identity-3d3d");
    let row = status(&stale, &[&image], POLICY, &[]).row("web-0", "app");
    assert_eq!(row["reason"], "unauthorized", "{row:#}");
    assert!(!row.to_string().contains("an-old-identity"), "{row:#}");
}

#[tokio::test]
async fn token_that_expires_during_a_scan_is_renewed() {
    let (registry, tokens) = Registry::with_tokens().await;
    // With one request at a time, the scan takes twice the lifetime of the token.
    let (repository, tags) = ("hasty/app", 20);
    registry.push_versions(repository, tags).await;
    let pushed = registry.requests(repository).len();
    let host = slow_line(&registry.host, HASTY.lifetime / tags as u32);
    let image = format!("{host}/{repository}:1.0.0");
    let home = Home::with_password(&host, HASTY.name, HASTY.password);
    let run = status(&home, &[&image], "glob:*", &["--max-connections=1"]);
    let row = run.row("web-0", "app");
    let newest = format!("{host}/{repository}:1.0.{}", tags - 1);
    assert_eq!(row["latest"], newest.as_str(), "{row:#}");
    let asked = tokens.asked(repository);
    assert!(asked.len() >= 2, "{asked:?}");
    assert!(asked.iter().all(|asked| asked.granted), "{asked:?}");
    // The token is renewed before it expires, so the registry refuses nothing.
    let requests = &registry.requests(repository)[pushed..];
    let refused = requests.iter().filter(|r| r.ends_with(" 401")).count();
    assert_eq!(refused, 1, "{requests:#?}");
}

#[tokio::test]
async fn test_registry_refuses_invalid_tokens() {
    let (registry, tokens) = Registry::with_tokens().await;
    registry.push_versions("red/real", 1).await;
    let url = format!("{}/v2/red/real/tags/list", registry.url());
    let ask = async |token: Option<String>| {
        let mut request = registry.client().get(&url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send().await.expect("an answer").status()
    };
    let minute = Duration::from_secs(60);
    let right = tokens.pass("red/real", minute);
    let (signed, _) = right.rsplit_once('.').expect("a signature");
    let forged = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(ask(Some(right)).await, StatusCode::OK);
    let elsewhere = tokens.pass("red/other", minute);
    for token in [None, Some(forged), Some(elsewhere)] {
        assert_eq!(ask(token).await, StatusCode::UNAUTHORIZED);
    }
    let short = tokens.pass("red/real", Duration::ZERO);
    let status = async || ask(Some(short.clone())).await;
    let mut ended = false;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ended |= status().await == StatusCode::UNAUTHORIZED;
    }
    assert!(ended, "the token never expires");
}

#[tokio::test]
async fn concurrent_requests_share_one_token() {
    let (registry, tokens) = Registry::with_tokens().await;
    let repository = "blue/shared";
    registry.push_versions(repository, 3).await;
    let image = format!("{}/{repository}:1.0.0", registry.host);
    let images = vec![image.as_str(); 20];
    let run = status(&login(registry, BLUE), &images, "glob:*", &[]);
    let rows: Value = run.json();
    assert_eq!(rows["summary"]["updates"], 20, "{rows:#}");
    assert_eq!(tokens.asked(repository).len(), 1);
}
