use secrecy::ExposeSecret;

use super::*;

fn files() -> Kubeconfig {
    Kubeconfig::from_yaml(
        r#"
current-context: one
clusters:
- {name: c1, cluster: {server: "https://one:6443", certificate-authority-data: QQ==}}
- {name: c2, cluster: {server: "two"}}
users:
- {name: u1, user: {token: t1}}
- {name: u2, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Never}}}
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: shop}}
- {name: two, context: {cluster: c2, user: u2}}
- {name: lost, context: {cluster: gone, user: u1}}
- {name: nobody, context: {cluster: c1, user: gone}}
"#,
    )
    .expect("a kubeconfig")
}

fn chosen(set: impl FnOnce(&mut ConnectionOptions)) -> Result<EffectiveConfig, String> {
    let mut options = ConnectionOptions::default();
    set(&mut options);
    resolve(&files(), &options).map_err(|error| error.line())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn current_context_is_used_unless_another_is_selected() {
    let one = chosen(|_| ()).expect("chosen");
    assert_eq!(one.context, some("one"));
    assert_eq!(one.namespace, some("shop"));
    assert_eq!(one.cluster.server, some("https://one:6443"));
    let two = chosen(|o| o.context = some("two")).expect("chosen");
    assert_eq!(two.cluster.server, some("http://two"));
    assert!(two.user.exec.is_some());
    assert_eq!(two.namespace, None);
}

#[test]
fn cluster_and_user_flags_win_over_the_context() {
    let mixed = chosen(|o| {
        o.cluster = some("c2");
        o.user = some("u2");
    })
    .expect("chosen");
    assert_eq!(mixed.cluster.server, some("http://two"));
    assert!(mixed.user.token.is_none() && mixed.user.exec.is_some());
    assert_eq!(mixed.context, some("one"));
}

#[test]
fn undefined_names_are_reported() {
    type Set = fn(&mut ConnectionOptions);
    let cases: [(Set, &str); 5] = [
        (
            |o| o.context = some("x"),
            "error: context \"x\" does not exist",
        ),
        (
            |o| o.cluster = some("x"),
            "error: no server found for cluster \"x\"",
        ),
        (
            |o| o.user = some("x"),
            "error: auth info \"x\" does not exist",
        ),
        (
            |o| o.context = some("lost"),
            "error: no server found for cluster \"gone\"",
        ),
        (
            |o| o.context = some("nobody"),
            "error: auth info \"gone\" does not exist",
        ),
    ];
    for (set, line) in cases {
        assert_eq!(chosen(set).expect_err("unknown"), line);
    }
}

#[test]
fn default_server_is_localhost() {
    let none = resolve(&Kubeconfig::default(), &ConnectionOptions::default()).expect("chosen");
    assert_eq!(none.cluster.server, some("http://localhost:8080"));
    assert_eq!(none.context, None);
    let flags = ConnectionOptions {
        server: some("https://h:1"),
        ..ConnectionOptions::default()
    };
    let flags = resolve(&Kubeconfig::default(), &flags).expect("chosen");
    assert_eq!(flags.cluster.server, some("https://h:1"));
}

#[test]
fn credential_flag_replaces_the_credentials_of_the_file() {
    fn token(user: &AuthInfo) -> Option<String> {
        let token = user.token.as_ref()?;
        Some(token.expose_secret().to_owned())
    }
    let typed = chosen(|o| {
        o.context = some("two");
        o.token = Some("typed".into());
    })
    .expect("chosen");
    assert_eq!(token(&typed.user), some("typed"));
    assert!(typed.user.exec.is_none());
    let basic = chosen(|o| {
        o.username = some("eve");
        o.password = Some("pw".into());
    })
    .expect("chosen");
    assert_eq!(token(&basic.user), None);
    assert_eq!(basic.user.username, some("eve"));
    let both = chosen(|o| {
        o.username = some("eve");
        o.token = Some("t".into());
    });
    assert!(both.expect_err("refused").contains("only one is allowed"));
}

#[test]
fn tls_flags_override_the_file() {
    let insecure = chosen(|o| o.insecure_skip_tls_verify = true).expect("chosen");
    assert_eq!(insecure.cluster.insecure_skip_tls_verify, Some(true));
    assert_eq!(insecure.cluster.certificate_authority_data, None);
    let file = chosen(|o| o.certificate_authority = Some("/ca".into())).expect("chosen");
    assert_eq!(file.cluster.certificate_authority, some("/ca"));
    assert_eq!(file.cluster.certificate_authority_data, None);
    let both = chosen(|o| {
        o.insecure_skip_tls_verify = true;
        o.certificate_authority = Some("/ca".into());
    });
    assert_eq!(
        both.expect_err("refused"),
        "error: specifying a root certificates file with the insecure flag is not allowed"
    );
}

fn with_groups(user: Option<String>) -> Result<EffectiveConfig, String> {
    chosen(move |o| {
        o.impersonate_user = user;
        o.impersonate_groups = vec!["ops".to_owned()];
        o.impersonate_uid = some("7");
    })
}

#[test]
fn impersonated_groups_require_a_user() {
    let user = with_groups(some("eve")).expect("chosen").user;
    assert_eq!(user.impersonate_groups, Some(vec!["ops".to_owned()]));
    assert_eq!(user.impersonate_uid, some("7"));
    assert_eq!(
        with_groups(None).expect_err("refused"),
        "error: requesting uid, groups or user-extra without impersonating a user"
    );
}

#[test]
fn error_for_an_unreadable_file_names_its_owner() {
    let chosen = chosen(|o| o.certificate_authority = Some("/nope/ca".into())).expect("chosen");
    assert_eq!(
        chosen.into_config().expect_err("refused").line(),
        "error: unable to read certificate-authority /nope/ca for c1 \
         due to open /nope/ca: no such file or directory"
    );
}

#[test]
fn authority_without_certificates_is_rejected() {
    // The file's own authority data is the letter A.
    let one = chosen(|_| ()).expect("chosen");
    assert_eq!(
        one.into_config().expect_err("refused").line(),
        "error: unable to use the certificate authority of c1: it contains no certificate in PEM format"
    );
}

#[test]
fn selected_parts_become_the_configuration_of_kube() {
    let (config, source) = chosen(|o| {
        o.insecure_skip_tls_verify = true;
        o.tls_server_name = some("api");
        o.disable_compression = true;
    })
    .expect("chosen")
    .into_config()
    .expect("a configuration");
    assert_eq!(config.cluster_url, "https://one:6443");
    assert_eq!(config.default_namespace, "shop");
    assert_eq!(config.tls_server_name, some("api"));
    assert!(config.accept_invalid_certs && config.disable_compression);
    assert!(config.root_cert.is_none());
    assert!(matches!(source, KubeconfigCredentials::Token { .. }));
}

#[test]
fn error_for_an_invalid_server_url_hides_the_login() {
    for (server, shown) in [
        ("https://a b", "https://a b"),
        ("https://me:planted-1@a b", "https://a b"),
        ("https://h:99999", "https://h:99999"),
        ("https://me:planted-1@h:99999", "https://h:99999"),
        ("ftp://h", "ftp://h"),
        ("h:x", "http://h:x"),
        ("https://", "https://"),
    ] {
        let chosen = chosen(|o| o.server = some(server)).expect("chosen");
        let line = chosen.into_config().expect_err("refused").line();
        let start = format!("error: the server {shown:?} is not a valid URL");
        assert!(line.starts_with(&start), "{line}");
    }
    for server in [
        "HTTPS://h",
        "https://me:planted-1@h:1",
        "https://[::1]:1/k8s/c-1",
    ] {
        let chosen = chosen(|o| {
            o.server = some(server);
            o.insecure_skip_tls_verify = true;
        });
        let (config, source) = chosen.expect("chosen").into_config().expect(server);
        assert_eq!(config.cluster_url.scheme_str(), Some("https"), "{server}");
        assert!(
            matches!(source, KubeconfigCredentials::Token { .. }),
            "{server}"
        );
    }
}

#[test]
fn server_without_a_scheme_uses_http_without_credentials() {
    type Set = fn(&mut ConnectionOptions);
    let cases: [Set; 4] = [
        |o| o.server = some("h:1"),
        |o| o.server = some("http://h:1"),
        |o| {
            o.server = some("h:1");
            o.insecure_skip_tls_verify = true;
        },
        |o| {
            o.server = some("h:1");
            o.insecure_skip_tls_verify = true;
            o.token = Some("typed".into());
            o.impersonate_user = some("eve");
        },
    ];
    for set in cases {
        let chosen = chosen(|o| {
            set(o);
            o.cluster = some("c2");
        });
        let (config, source) = chosen
            .expect("chosen")
            .into_config()
            .expect("a configuration");
        assert_eq!(config.cluster_url, "http://h:1/");
        assert!(matches!(source, KubeconfigCredentials::Withheld));
        assert!(config.auth_info.token.is_none());
    }
}
