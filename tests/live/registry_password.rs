//! A registry with basic authentication over TLS, with a private authority.

use serde_json::Value;

use crate::certificates::Authority;
use crate::home::Home;
use crate::registry::{Door, PAGE, PASSWORD, Registry, USER};
use crate::token_server::basic;

/// The authority's certificate as a file in the user's home.
fn trust(home: &Home, registry: &Registry) -> String {
    match &registry.door {
        Door::Password(authority) => home.write("ca.pem", &authority.pem),
        Door::Open | Door::Token(_) => unreachable!("no TLS"),
    }
}

/// The only row of `status -f`, at the highest log level.
fn row(home: &Home, image: &str, policy: &str, more: &[&str]) -> Value {
    let file = home.workloads(&[image], policy);
    let status = ["status", "-f", &file, "-o", "json", "-v=9"];
    let run = home.run(&[&status, more].concat());
    run.hides(&secrets()).row("web-0", "app")
}

/// The password, and its encoded form in requests.
fn secrets() -> [&'static str; 2] {
    static PAIR: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let pair = PAIR.get_or_init(|| basic(USER, PASSWORD).replace("Basic ", ""));
    [PASSWORD, pair]
}

#[tokio::test]
async fn private_registry_is_read_page_by_page_with_a_password() {
    let registry = Registry::with_password().await;
    let tags = 2 * PAGE + 1;
    registry.push_versions("kept/paged", tags).await;
    let image = format!("{}/kept/paged:1.0.0", registry.host);
    let home = Home::with_password(&registry.host, USER, PASSWORD);
    let authority = trust(&home, registry);
    let pushed = registry.requests("kept/paged").len();
    let row = row(&home, &image, "semver:~1.0", &["--registry-ca", &authority]);
    assert_eq!(row["outcome"], "update", "{row:#}");
    let newest = format!("{}/kept/paged:1.0.{}", registry.host, tags - 1);
    assert_eq!(row["latest"], newest.as_str(), "{row:#}");
    // One refusal, then the pages, then the manifests and configs of the elected and the
    // running image.
    let requests = &registry.requests("kept/paged")[pushed..];
    let first = "GET /v2/kept/paged/tags/list?n=1000";
    assert_eq!(requests.len(), 1 + 3 + 4, "{requests:#?}");
    assert_eq!(requests[0], format!("{first} 401"));
    assert_eq!(requests[1], format!("{first} 200"));
    assert!(
        requests[2..4]
            .iter()
            .all(|r| r.contains("last=") && r.ends_with(" 200")),
        "{requests:#?}"
    );
}

#[tokio::test]
async fn creation_times_are_read_with_the_password() {
    let registry = Registry::with_password().await;
    registry.push_versions("kept/dated", 5).await;
    let image = format!("{}/kept/dated:1.0.0", registry.host);
    let home = Home::with_password(&registry.host, USER, PASSWORD);
    let authority = trust(&home, registry);
    let pushed = registry.requests("kept/dated").len();
    let row = row(&home, &image, "glob:*", &["--registry-ca", &authority]);
    assert_eq!(row["reason"], "newer-image", "{row:#}");
    assert!(row["latest"].to_string().contains(":1.0.4"), "{row:#}");
    let requests = &registry.requests("kept/dated")[pushed..];
    let refused = requests.iter().filter(|r| r.ends_with(" 401")).count();
    // The list, and two requests for each tag.
    assert_eq!(
        (refused, requests.len()),
        (1, 1 + 1 + 2 * 5),
        "{requests:#?}"
    );
}

#[tokio::test]
async fn wrong_and_missing_passwords_have_different_messages_with_a_login_hint() {
    let registry = Registry::with_password().await;
    registry.push_versions("kept/closed", 2).await;
    let image = format!("{}/kept/closed:1.0.0", registry.host);
    let wrong = Home::with_password(&registry.host, USER, "wrong-pass-8f8f");
    let nobody = Home::new();
    let elsewhere = Home::with_password("registry.example.com", USER, PASSWORD);
    for (home, with) in [
        (&wrong, ".docker/config.json"),
        (&nobody, "anonymously"),
        (&elsewhere, "anonymously"),
    ] {
        let authority = trust(home, registry);
        let row = row(home, &image, "semver:~1.0", &["--registry-ca", &authority]);
        assert_eq!(row["outcome"], "unknown", "{row:#}");
        assert_eq!(row["reason"], "unauthorized", "{row:#}");
        assert_eq!(row["latest"], Value::Null);
        let message = row["message"].as_str().expect("a message");
        assert!(message.contains(with), "{message}");
        let login = format!("`docker login {}`", registry.host);
        assert!(message.contains(&login), "{message}");
        assert!(!message.contains("wrong-pass"), "{message}");
    }
}

#[tokio::test]
async fn certificate_of_an_unknown_authority_is_refused_with_a_hint() {
    let registry = Registry::with_password().await;
    registry.push_versions("kept/unknown", 2).await;
    let image = format!("{}/kept/unknown:1.0.0", registry.host);
    let home = Home::with_password(&registry.host, USER, PASSWORD);
    let another = home.write("another.pem", &Authority::new("Another authority").pem);
    let pushed = registry.requests("kept/unknown").len();
    for trusted in [&["--registry-ca", &another][..], &[]] {
        let row = row(&home, &image, "semver:~1.0", trusted);
        assert_eq!(row["reason"], "registry-unreachable", "{row:#}");
        let message = row["message"].as_str().expect("a message");
        assert!(message.contains("--registry-ca"), "{message}");
        assert!(message.to_lowercase().contains("certificate"), "{message}");
    }
    // No request was sent, so no credential was sent.
    assert_eq!(registry.requests("kept/unknown").len(), pushed);
    // The flag accepts the certificate.
    let row = row(
        &home,
        &image,
        "semver:~1.0",
        &["--insecure-registry", &registry.host],
    );
    assert_eq!(row["outcome"], "update", "{row:#}");
}
