//! Planted secrets: each run uses every kind of credential, every server quotes back
//! what it received, and no output of the process may contain any of it.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Run, TestEnvironment};
use crate::support::registry::proxy::TestProxy;
use crate::support::registry::tls::Authority;
use crate::support::socks::{Passed, SocksProxy};

/// Needs escapes in URLs, JSON, and HTML, and covers both Base64 alphabets.
const CLUSTER_PASSWORD: &str = "Planted?>~\"1/+&<é";
const REGISTRY_PASSWORD: &str = "Planted\\?>~\"2/+&<é";
const PULL_PASSWORD: &str = "Planted?>~'3/+&<é";
const PROXY_PASSWORD: &str = "Planted?>4+&é";
const REGISTRY_PROXY_PASSWORD: &str = "Planted?>5+&é";
/// The token that the registry's token endpoint returns.
const ISSUED: &str = "planted-issued-0123456789-0123456789-0123456789-0123456789-0123456789";

/// One way to log in to a cluster and one to a registry.
struct Case {
    user: Value,
    flags: &'static [&'static str],
    docker: Value,
    challenge: &'static str,
    /// What the servers must see: a part of each `Authorization`.
    seen: Vec<String>,
    secrets: Vec<&'static str>,
}

fn cases() -> Vec<Case> {
    let basic = "Basic realm=\"x\"";
    let bearer = "Bearer realm=\"https://registry.invalid/token\",service=\"s\"";
    let login = |password: &str| format!("Basic {}", STANDARD.encode(format!("me:{password}")));
    let far = json!({"exp": 9_999_999_999_u64}).to_string();
    let id_token: &'static str = Box::leak(
        format!(
            "{}.{}.planted-signature",
            URL_SAFE_NO_PAD.encode("{}"),
            URL_SAFE_NO_PAD.encode(far)
        )
        .into_boxed_str(),
    );
    let entry = |entry: Value| json!({"auths": {"registry.invalid": entry}});
    let helper = json!({"credHelpers": {"registry.invalid": "planted"}});
    vec![
        Case {
            user: json!({"token": "planted-token+/=1\n"}),
            flags: &[],
            docker: entry(json!({"auth": STANDARD.encode(format!("me:{REGISTRY_PASSWORD}"))})),
            challenge: basic,
            seen: vec![
                "Bearer planted-token+/=1".to_owned(),
                login(REGISTRY_PASSWORD),
            ],
            secrets: vec!["planted-token+/=1", REGISTRY_PASSWORD],
        },
        Case {
            user: json!({"tokenFile": "token"}),
            flags: &[],
            docker: entry(json!({"username": "me", "password": REGISTRY_PASSWORD})),
            challenge: bearer,
            seen: vec![
                "Bearer planted-file-1".to_owned(),
                login(REGISTRY_PASSWORD),
                format!("Bearer {ISSUED}"),
            ],
            secrets: vec!["planted-file-1", REGISTRY_PASSWORD, ISSUED],
        },
        Case {
            user: json!({"username": "me", "password": CLUSTER_PASSWORD}),
            flags: &[],
            docker: helper,
            challenge: basic,
            seen: vec![login(CLUSTER_PASSWORD), login(REGISTRY_PASSWORD)],
            secrets: vec![CLUSTER_PASSWORD, REGISTRY_PASSWORD],
        },
        Case {
            user: json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                "command": "login", "interactiveMode": "Never",
                "args": ["--client-secret=planted-argument"],
                "env": [{"name": "CLIENT_SECRET", "value": "planted-variable"}]}}),
            flags: &[],
            docker: entry(json!({"auth": "", "identitytoken": "planted-identity+/=2"})),
            challenge: bearer,
            seen: vec![
                "Bearer planted-argument-planted-variable".to_owned(),
                format!("Bearer {ISSUED}"),
            ],
            secrets: vec![
                "planted-argument",
                "planted-variable",
                "planted-identity+/=2",
                ISSUED,
            ],
        },
        Case {
            user: json!({"token": "planted-not-used"}),
            flags: &["--token", "planted-flag-5"],
            docker: entry(json!({"registrytoken": "planted-registry-token"})),
            challenge: bearer,
            seen: vec![
                "Bearer planted-flag-5".to_owned(),
                "Bearer planted-registry-token".to_owned(),
            ],
            secrets: vec![
                "planted-flag-5",
                "planted-registry-token",
                "planted-not-used",
            ],
        },
        Case {
            user: json!({"auth-provider": {"name": "oidc", "config": {"id-token": id_token}}}),
            flags: &[],
            docker: json!({}),
            challenge: basic,
            seen: vec![format!("Bearer {id_token}")],
            secrets: vec![id_token, "planted-signature"],
        },
    ]
}

/// The servers that a command contacts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asks {
    Nobody,
    Cluster,
    Registry,
    Both,
}

/// All commands that contact a server or save what they received.
const COMMANDS: [(Asks, &[&str]); 17] = [
    (Asks::Both, &["status"]),
    (Asks::Both, &["status", "-o", "json"]),
    (Asks::Both, &["status", "--save-snapshot", "snapshot.json"]),
    (Asks::Both, &["explain", "deployment/web"]),
    (Asks::Cluster, &["images"]),
    (Asks::Registry, &["images", "registry.invalid/org/app"]),
    (
        Asks::Registry,
        &[
            "test",
            "registry.invalid/org/app:1.0.0",
            "--policy",
            "semver:*",
        ],
    ),
    (Asks::Both, &["update", "--all", "--dry-run"]),
    (Asks::Both, &["update", "--all", "--yes"]),
    (
        Asks::Cluster,
        &[
            "update",
            "deployment/web",
            "--image",
            "registry.invalid/org/app:2.0.0",
            "--yes",
        ],
    ),
    (Asks::Cluster, &["rollback", "deployment/web", "--yes"]),
    (Asks::Cluster, &["automate", "deployment/web", "--yes"]),
    (Asks::Cluster, &["deautomate", "deployment/web", "--yes"]),
    (
        Asks::Cluster,
        &["lock", "deployment/web", "-m", "why", "--yes"],
    ),
    (
        Asks::Cluster,
        &[
            "policy",
            "set",
            "deployment/web",
            "--tag",
            "app=glob:1.*",
            "--overwrite",
            "--yes",
        ],
    ),
    (Asks::Nobody, &["cache", "info"]),
    (Asks::Cluster, &["__complete", "status", "deployment/"]),
];

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn in_json(text: &str) -> String {
    json!(text).to_string().trim_matches('"').to_owned()
}

/// The received credential, quoted in every possible notation.
fn quoted(head: &Head) -> String {
    let shown = head.header("authorization").unwrap_or_default();
    let value = shown.split_once(' ').map_or("", |(_, value)| value);
    let decoded = STANDARD.decode(value).unwrap_or_default();
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let password = decoded
        .split_once(':')
        .map_or(value, |(_, password)| password);
    format!(
        "{shown} {password} {} {} {}",
        percent_encoded(password),
        in_json(password),
        STANDARD.encode(password)
    )
}

fn api(head: &Head) -> (u16, String) {
    let refused = |code: u16, reason: &str, message: String| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": message});
        (code, status.to_string())
    };
    if head.header("authorization").is_none() {
        return refused(401, "Unauthorized", "nothing was shown".to_owned());
    }
    let (method, path) = head.line().split_once(' ').expect("a request");
    let path = path.split('?').next().unwrap_or_default();
    let annotations = json!({"fluxcd.io/automated": "true", "fluxcd.io/tag.app": "semver:*"});
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1",
            "annotations": annotations},
        "spec": {"selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"imagePullSecrets": [{"name": "pull"}],
                "containers": [{"name": "app", "image": "registry.invalid/org/app:1.0.0"}]}}}});
    let answer = match (method, path.rsplit('/').next().unwrap_or_default()) {
        ("GET", "web") => web,
        ("GET", "deployments") => json!({"kind": "List", "metadata": {}, "items": [web]}),
        ("GET", "pull") => {
            let config = json!({"auths": {"registry.invalid":
                {"username": "me", "password": PULL_PASSWORD}}});
            json!({"kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}})
        }
        ("GET", "default") => return refused(404, "NotFound", "not found".to_owned()),
        _ => {
            let message = format!("{path} is forbidden to {}", quoted(head));
            return refused(403, "Forbidden", message);
        }
    };
    (200, answer.to_string())
}

fn registry(head: &Head) -> (u16, String) {
    let path = head.line();
    if path.contains(" /token") {
        return (200, json!({"token": ISSUED, "expires_in": 300}).to_string());
    }
    let (status, message) = match head.header("authorization") {
        None => (401, "nothing was shown".to_owned()),
        Some(_) => (403, quoted(head)),
    };
    let errors = json!({"errors": [{"code": "DENIED", "message": message}]});
    (status, errors.to_string())
}

/// The forms of a secret that must not appear anywhere.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        percent_encoded(secret),
        percent_encoded(secret).to_lowercase(),
        in_json(secret),
    ]);
    // Base64 of the secret at each of the three offsets, without the letters at the
    // borders that depend on its neighbours.
    for before in 0..3 {
        let text = format!("{}{secret}", "x".repeat(before));
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.insert(encoded[4.min(before * 4)..encoded.len() - 2].to_owned());
        }
    }
    forms
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

struct Planted {
    environment: TestEnvironment,
    /// Files of the test itself, which may hold secrets.
    given: Vec<PathBuf>,
    case: Case,
    secrets: Vec<&'static str>,
    proxy_url: String,
    api: ApiServer,
    registry: ApiServer,
    proxy: TestProxy,
    registry_proxy: SocksProxy,
    /// Each `Authorization` that a server received.
    seen: Mutex<BTreeSet<String>>,
}

impl Planted {
    fn new(case: Case) -> Self {
        let authority = Authority::new();
        let api = ApiServer::tls(&authority.certify("127.0.0.1"), api);
        let certificate = authority.certify("registry.invalid").without_http2();
        let registry = ApiServer::challenging(&certificate, case.challenge, registry);
        let proxy = TestProxy::to_address(api.address());
        let registry_proxy = SocksProxy::to(registry.address());
        let environment = TestEnvironment::new();
        let cluster = json!({"server": format!("https://{}", api.address()),
            "certificate-authority": "ca.pem",
            "proxy-url": format!("http://me:{}@{}", percent_encoded(PROXY_PASSWORD), proxy.host())});
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u",
                "namespace": "shop"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": case.user}]});
        let proxy_url = format!(
            "socks5h://me:{}@{}",
            percent_encoded(REGISTRY_PROXY_PASSWORD),
            registry_proxy.host()
        );
        let helped = json!({"Username": "me", "Secret": REGISTRY_PASSWORD}).to_string();
        let helper = format!("#!/bin/sh\ncat <<'E'\n{helped}\nE\n");
        // The output is derived from the input, so that both are used.
        let login = r#"#!/bin/sh
cat <<E
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
"status": {"token": "${1#--client-secret=}-$CLIENT_SECRET"}}
E
"#;
        let mut given = Vec::new();
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("config", config.to_string()),
            ("token", "planted-file-1\r\n".to_owned()),
            (".docker/config.json", case.docker.to_string()),
            ("bin/login", login.to_owned()),
            ("bin/docker-credential-planted", helper),
        ] {
            let path = environment.write(name, text);
            if name.starts_with("bin/") {
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(&path, mode).expect("mode");
            }
            given.push(path);
        }
        let mut secrets = case.secrets.clone();
        secrets.extend([PROXY_PASSWORD, REGISTRY_PROXY_PASSWORD, PULL_PASSWORD]);
        Self {
            environment,
            given,
            case,
            secrets,
            proxy_url,
            api,
            registry,
            proxy,
            registry_proxy,
            seen: Mutex::default(),
        }
    }

    fn program(&self, command: &[&str], level: u8) -> Run {
        let level = format!("-v={level}");
        let mut words: Vec<&str> = command.to_vec();
        if command[0] != "__complete" {
            words.push(&level);
            words.extend(self.case.flags);
            words.extend(["--kubeconfig", "config"]);
        }
        if ["status", "explain", "images", "test", "update"].contains(&command[0]) {
            words.extend(["--registry-ca", "ca.pem"]);
        }
        let run = self.environment.program(words);
        run.env("ALL_PROXY", &self.proxy_url)
            .env("KUBECONFIG", "config")
    }

    /// Runs a command and searches everything it printed and wrote for every secret.
    fn run(&self, asks: Asks, command: &[&str], level: u8) -> String {
        let outcome = self.program(command, level).run();
        let asked = [&self.api, &self.registry].map(|server| {
            let heads = server.take_heads();
            let shown = heads.iter().filter_map(|head| head.header("authorization"));
            let mut seen = self.seen.lock().expect("no panic before");
            seen.extend(shown.map(str::to_owned));
            !heads.is_empty()
        });
        let expected = match asks {
            Asks::Nobody => [false, false],
            Asks::Cluster => [true, asked[1]],
            Asks::Registry => [asked[0], true],
            Asks::Both => [true, true],
        };
        assert_eq!(asked, expected, "{command:?} {outcome:#?}");
        assert!(
            !outcome.stderr.contains("panicked") && outcome.code != Some(2),
            "{command:?} {outcome:#?}"
        );
        let mut left = Vec::new();
        files_below(self.environment.home(), &mut left);
        left.retain(|path| !self.given.contains(path));
        let said = [outcome.stdout, outcome.stderr].join("\n");
        let mut places = vec![("the output".to_owned(), said.clone())];
        for path in left {
            let bytes = std::fs::read(&path).expect("a file");
            let text = String::from_utf8_lossy(&bytes).into_owned();
            places.push((path.display().to_string(), text));
        }
        for (place, text) in places {
            for secret in &self.secrets {
                for form in forms(secret) {
                    assert!(
                        !text.contains(&form),
                        "{command:?} {level} {place} {form}\n{text}"
                    );
                }
            }
        }
        said
    }

    /// Asserts that every planted credential was used.
    fn check_use(&self) {
        let seen = self.seen.lock().expect("no panic before");
        let pull = STANDARD.encode(format!("me:{PULL_PASSWORD}"));
        let mut expected = self.case.seen.clone();
        // A token endpoint also receives it.
        expected.push(format!("Basic {pull}"));
        for expected in expected {
            assert!(seen.contains(&expected), "{expected}: {seen:#?}");
        }
        let login = STANDARD.encode(format!("me:{PROXY_PASSWORD}"));
        let heads = self.proxy.heads();
        assert!(heads.iter().any(|head| head.contains(&login)), "{heads:#?}");
        let login = Some(format!("me:{REGISTRY_PROXY_PASSWORD}"));
        let passed = self.registry_proxy.passed();
        assert!(
            passed
                .iter()
                .any(|p: &Passed| p.login == login && p.target == "registry.invalid:443"),
            "{passed:#?}"
        );
    }
}

#[test]
fn no_output_of_the_process_contains_a_credential() {
    std::thread::scope(|scope| {
        for case in cases() {
            scope.spawn(|| {
                let planted = Planted::new(case);
                for (asks, command) in COMMANDS {
                    planted.run(asks, command, 9);
                }
                // The servers quoted the credentials they received.
                let said = planted.run(Asks::Both, &["status", "-o", "json"], 4);
                assert!(said.contains("[redacted]"), "{said}");
                planted.check_use();
            });
        }
    });
}

#[test]
fn no_log_level_shows_a_credential() {
    std::thread::scope(|scope| {
        for levels in [[0, 1, 2], [3, 4, 5], [6, 7, 8]] {
            scope.spawn(move || {
                let planted = Planted::new(cases().swap_remove(2));
                for level in levels {
                    for (asks, command) in COMMANDS {
                        planted.run(asks, command, level);
                    }
                }
                planted.check_use();
            });
        }
    });
}
