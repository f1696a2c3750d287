//! Proxies in the environment, tested with the program because tests must not change
//! their own environment.

use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;
use crate::support::registry::proxy::TestProxy;
use crate::support::registry::tls::Authority;
use crate::support::socks::SocksProxy;

/// A host that does not resolve.
const HOST: &str = "registry.invalid";

/// A TLS registry with a certificate for [`HOST`], and the authority of that.
fn behind() -> (TestRegistry, Authority) {
    let authority = Authority::new();
    let registry = TestRegistry::start_tls(&authority.certify(HOST));
    registry.list("org/app", ["1.0.0", "1.1.0"]);
    (registry, authority)
}

/// A proxy's URL with a password.
fn with_password(host: &str) -> String {
    format!("http://me:hunter2@{host}")
}

/// Tests a policy on an image of the host, with verbose output.
fn ask(authority: &Authority, variables: &[(&str, &str)], more: &[&str]) -> Outcome {
    let env = TestEnvironment::new();
    env.write("ca.pem", authority.pem());
    let image = format!("{HOST}/org/app:1.0.0");
    let args = [
        "test",
        &image,
        "--policy",
        "semver:*",
        "--registry-ca",
        "ca.pem",
        "-v=9",
    ];
    let mut run = env.program(args.iter().chain(more));
    for (name, value) in variables {
        run = run.env(name, value);
    }
    let outcome = run.run();
    for secret in ["hunter2", "bWU6aHVudGVyMg"] {
        assert!(!outcome.stdout.contains(secret), "{outcome:#?}");
        assert!(!outcome.stderr.contains(secret), "{outcome:#?}");
    }
    outcome
}

#[test]
fn https_uses_its_proxy_which_gets_only_its_own_password() {
    let (registry, authority) = behind();
    let proxy = TestProxy::to(&registry);
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let url = with_password(&proxy.host());
        let outcome = ask(&authority, &[(variable, &url)], &[]).expect(0);
        assert!(outcome.stdout.contains("1.1.0"), "{outcome:#?}");
    }
    let heads = proxy.heads();
    assert_eq!(heads.len(), 3);
    for head in heads {
        let head = head.to_ascii_lowercase();
        assert!(
            head.starts_with("connect registry.invalid:443 http/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains("proxy-authorization: basic bwu6ahvudgvymg==\r\n"),
            "{head}"
        );
    }
    assert_eq!(registry.connections(), 3);
    assert!(
        registry
            .requests()
            .iter()
            .all(|r| r.authorization.is_none())
    );
}

#[test]
fn hosts_in_no_proxy_are_contacted_directly() {
    let (registry, authority) = behind();
    let proxy = TestProxy::to(&registry);
    let url = with_password(&proxy.host());
    for exempt in [
        HOST,
        "invalid",
        "*",
        "*.invalid",
        ".invalid",
        "registry.invalid:443",
        "*.invalid:443",
        "10.0.0.0/8, *.invalid",
    ] {
        let variables = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", exempt)];
        let outcome = ask(&authority, &variables, &[]).expect(1);
        assert!(
            outcome.stdout.contains("registry-unreachable"),
            "{outcome:#?}"
        );
        assert!(!outcome.stdout.contains(&proxy.host()), "{outcome:#?}");
    }
    assert_eq!(proxy.heads(), [""; 0]);
    for other in [
        "example.invalid",
        "*.registry.invalid",
        "registry.invalid:80",
    ] {
        let variables = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", other)];
        ask(&authority, &variables, &[]).expect(0);
    }
}

#[test]
fn an_invalid_proxy_is_refused_and_not_ignored() {
    let (registry, authority) = behind();
    for (url, part) in [
        (
            "http://me:hunter2 x@proxy",
            "HTTPS_PROXY is not a valid URL",
        ),
        ("http://", "HTTPS_PROXY is not a valid URL"),
        ("http://proxy:99999", "HTTPS_PROXY is not a valid URL"),
        (
            "ftp://me:hunter2@proxy",
            "HTTPS_PROXY has the scheme \"ftp\", which is not supported",
        ),
    ] {
        let outcome = ask(&authority, &[("HTTPS_PROXY", url)], &[]).expect(1);
        let parts = [
            "registry-unreachable",
            "registry.invalid cannot be reached",
            part,
        ];
        for part in parts {
            assert!(outcome.stdout.contains(part), "{part}: {outcome:#?}");
        }
    }
    assert_eq!(registry.requests(), []);
    // It is only for https.
    let plain = TestRegistry::start();
    plain.list("org/app", ["1.0.0", "1.1.0"]);
    let proxy = TestProxy::to(&plain);
    let url = format!("http://{}", proxy.host());
    let variables = [
        ("HTTPS_PROXY", "ftp://proxy"),
        ("HTTP_PROXY", url.as_str()),
        ("NO_PROXY", "registry.invalid:443"),
    ];
    ask(&authority, &variables, &["--insecure-registry", HOST]).expect(0);
}

#[test]
fn a_socks_proxy_resolves_the_name() {
    let (registry, authority) = behind();
    let address = registry.host().parse().expect("an address");
    let proxy = SocksProxy::to(address);
    for scheme in ["socks5", "socks5h"] {
        let url = format!("{scheme}://me:hunter2@{}", proxy.host());
        ask(&authority, &[("HTTPS_PROXY", &url)], &[]).expect(0);
    }
    let passed = proxy.passed();
    assert_eq!(passed.len(), 2);
    for passed in passed {
        assert_eq!(passed.target, "registry.invalid:443");
        assert_eq!(passed.login.as_deref(), Some("me:hunter2"));
    }
}

#[test]
fn plain_http_uses_the_proxy_for_plain_http() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1.0.0", "1.1.0"]);
    let proxy = TestProxy::to(&registry);
    let url = with_password(&proxy.host());
    let variables = [("HTTP_PROXY", url.as_str())];
    let outcome = ask(
        &Authority::new(),
        &variables,
        &["--insecure-registry", HOST],
    )
    .expect(0);
    assert!(outcome.stdout.contains("1.1.0"), "{outcome:#?}");
    let heads = proxy.heads();
    let line = "GET http://registry.invalid/v2/org/app/tags/list?n=1000 HTTP/1.1\r\n";
    assert!(heads[0].starts_with(line), "{heads:?}");
}

#[test]
fn loopback_never_uses_a_proxy() {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1.0.0"]);
    let proxy = TestProxy::refusing(502);
    let env = TestEnvironment::new();
    let image = registry.image("org/app:1.0.0");
    let run = env.program(["test", &image, "--policy", "semver:*"]);
    let url = with_password(&proxy.host());
    run.env("HTTP_PROXY", &url)
        .env("HTTPS_PROXY", &url)
        .run()
        .expect(0);
    assert_eq!(proxy.heads(), [""; 0]);
}

#[test]
fn a_proxy_that_refuses_or_is_down_is_named_without_its_password() {
    let refusing = [407, 502].map(TestProxy::refusing);
    let (_, authority) = behind();
    for host in [
        refusing[0].host(),
        refusing[1].host(),
        "127.0.0.1:1".to_owned(),
    ] {
        let url = with_password(&host);
        let outcome = ask(&authority, &[("HTTPS_PROXY", url.as_str())], &[]).expect(1);
        for part in [
            "registry-unreachable",
            &format!(
                "registry.invalid cannot be reached: the proxy http://{host} refused the connection"
            ),
            "check HTTPS_PROXY",
        ] {
            assert!(outcome.stdout.contains(part), "{part}: {outcome:#?}");
        }
    }
}

#[test]
fn a_refusal_by_the_proxy_for_plain_http_is_not_blamed_on_the_registry() {
    for (status, part) in [
        (
            407,
            "the proxy in front of the registry requires other credentials (HTTP 407)",
        ),
        (502, "HTTP 502"),
    ] {
        let proxy = TestProxy::refusing(status);
        let url = with_password(&proxy.host());
        let variables = [("HTTP_PROXY", url.as_str())];
        let outcome = ask(
            &Authority::new(),
            &variables,
            &["--insecure-registry", HOST],
        )
        .expect(1);
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
}
