use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn user(yaml: &str) -> AuthInfo {
    let config =
        kube::config::Kubeconfig::from_yaml(&format!("users:\n- name: u\n  user: {yaml}\n"));
    let mut config = config.expect("a kubeconfig");
    config.auth_infos[0].auth_info.take().expect("a user")
}

fn taken(yaml: &str, server: &str) -> (AuthInfo, Result<KubeconfigCredentials, String>) {
    let mut user = user(yaml);
    let server = server.parse().expect("a URL");
    let source = take(&mut user, &server, "u").map_err(|error| error.line());
    (user, source)
}

/// The header that is sent, or the error.
async fn shown(yaml: &str) -> Result<Option<String>, String> {
    let (_, source) = taken(yaml, "https://h");
    let (credentials, _) = Credentials::obtain(source?)
        .await
        .map_err(|error| error.line())?;
    let header = credentials.header().await.map_err(|error| error.line())?;
    Ok(header.map(|header| String::from_utf8_lossy(header.as_bytes()).into_owned()))
}

#[test]
fn credentials_are_sent_to_https_servers_only() {
    for yaml in [
        "{token: t}",
        "{tokenFile: /nope}",
        "{username: u, password: p}",
        "{exec: {command: x, interactiveMode: Always}}",
        "{auth-provider: {name: oidc}}",
        "{client-certificate-data: QQ==, client-key-data: QQ==}",
        "{client-certificate: /nope, client-key: /nope}",
    ] {
        let yaml = yaml.replacen('{', "{as: eve, as-groups: [ops], as-uid: '7', ", 1);
        let (left, source) = taken(&yaml, "http://h");
        assert!(
            matches!(source, Ok(KubeconfigCredentials::Withheld)),
            "{yaml}"
        );
        assert_eq!(left.impersonate.as_deref(), Some("eve"), "{yaml}");
        assert_eq!(left.impersonate_groups, Some(vec!["ops".to_owned()]));
        assert_eq!(left.impersonate_uid.as_deref(), Some("7"));
        assert!(left.client_certificate_data.is_none() && left.client_certificate.is_none());
        assert!(left.token.is_none() && left.exec.is_none() && left.auth_provider.is_none());
    }
    let (_, source) = taken("{as: eve}", "http://h");
    assert!(matches!(source, Ok(KubeconfigCredentials::None)));
}

#[tokio::test]
async fn token_is_trimmed_and_invalid_token_does_not_end_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let (lines, empty) = (file("lines", b"in-a-file\r\n\n"), file("empty", b" \n"));
    let (nul, gone) = (file("nul", b"a\0b"), file("gone", b""));
    std::fs::remove_file(&gone).expect("removed");
    let vast = file("vast", &[b'a'; 1024 * 1024 + 1]);
    let odd = "contains a character that is not allowed in a header, such as a line break";
    for (yaml, expected) in [
        ("{token: \"plain\"}".to_owned(), Ok("Bearer plain")),
        ("{token: \" ends \\r\\n\"}".to_owned(), Ok("Bearer ends")),
        ("{token: \"tökn\"}".to_owned(), Ok("Bearer tökn")),
        (
            "{token: \"a\\nb\"}".to_owned(),
            Err(format!("error: the token of user \"u\" {odd}")),
        ),
        (
            "{token: \"a\\0b\"}".to_owned(),
            Err(format!("error: the token of user \"u\" {odd}")),
        ),
        (format!("{{tokenFile: {lines}}}"), Ok("Bearer in-a-file")),
        (
            format!("{{tokenFile: {lines}, token: other}}"),
            Ok("Bearer in-a-file"),
        ),
        (
            format!("{{tokenFile: {gone}, token: other}}"),
            Ok("Bearer other"),
        ),
        (
            format!("{{tokenFile: {empty}}}"),
            Err(format!("error: read empty token from file {empty:?}")),
        ),
        (
            format!("{{tokenFile: {gone}}}"),
            Err(format!("error: open {gone}: no such file or directory")),
        ),
        (
            format!("{{tokenFile: {nul}}}"),
            Err(format!("error: the token in {nul} {odd}")),
        ),
        (
            format!("{{tokenFile: {vast}}}"),
            Err(format!(
                "error: the token in {vast} is larger than 1048576 bytes; is it a token file?"
            )),
        ),
        (
            "{username: \"m\\u0001e\", password: \"pä\\nß\"}".to_owned(),
            Ok("Basic bQFlOnDDpArDnw=="),
        ),
        (
            "{username: u, password: p, token: t}".to_owned(),
            Err("error: more than one authentication method found for u; \
                 found [token basicAuth], only one is allowed"
                .to_owned()),
        ),
    ] {
        let shown = shown(&yaml).await;
        let expected = expected.map(|text| Some(text.to_owned()));
        assert_eq!(shown, expected, "{yaml}");
    }
}

#[tokio::test]
async fn removed_auth_providers_are_rejected_as_in_kubectl() {
    for (yaml, line) in [
        (
            "{auth-provider: {name: gcp, config: {access-token: planted-gcp}}}",
            "error: the gcp auth plugin has been removed from Kubernetes; \
             use the credential plugin gke-gcloud-auth-plugin instead",
        ),
        (
            "{auth-provider: {name: mine}}",
            "error: no Auth Provider found for name \"mine\"",
        ),
    ] {
        assert_eq!(shown(yaml).await.expect_err("refused"), line);
    }
}

#[tokio::test]
async fn certificate_and_key_errors_do_not_quote_them() {
    let broken = "-----BEGIN RSA PRIVATE KEY----- planted-key\n-----END";
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["h".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate")
        .pem();
    for (certificate, key, says) in [
        (
            "%%%planted".to_owned(),
            STANDARD.encode("x"),
            "is not Base64",
        ),
        (
            STANDARD.encode(broken),
            STANDARD.encode(broken),
            "no valid client certificate",
        ),
        (
            STANDARD.encode(&certificate),
            "planted-key".to_owned(),
            "is not Base64",
        ),
        (
            STANDARD.encode(&certificate),
            STANDARD.encode(broken),
            "no valid, unencrypted client key",
        ),
        (
            STANDARD.encode(&certificate),
            STANDARD.encode(b"\xff\xfe"),
            "is not PEM",
        ),
    ] {
        let yaml =
            format!("{{client-certificate-data: '{certificate}', client-key-data: '{key}'}}");
        let line = shown(&yaml).await.expect_err("refused");
        assert!(line.contains(says) && line.contains("\"u\""), "{line}");
        // "planted-key" in the form in which the parser shows it.
        assert!(
            !line.contains("planted") && !line.contains("112, 108, 97"),
            "{line}"
        );
    }
    let alone = format!(
        "{{client-certificate-data: '{}'}}",
        STANDARD.encode(&certificate)
    );
    let line = shown(&alone).await.expect_err("refused");
    assert!(
        line.contains("clientKeyData or clientKey must be specified"),
        "{line}"
    );
}

#[test]
fn error_names_the_value_that_cannot_be_impersonated() {
    for (yaml, what) in [
        ("{as: \"e\\nve\"}", "user \"e\\nve\""),
        ("{as: eve, as-uid: \"\\0\"}", "uid \"\\0\""),
        ("{as: eve, as-groups: [a, \"b\\r\"]}", "group \"b\\r\""),
        ("{as: eve, as-user-extra: {k: [\"\\e[0m\"]}}", "user-extra"),
    ] {
        let line = taken(yaml, "https://h").1.expect_err("refused");
        assert!(
            line.contains(what) && line.contains("cannot be impersonated"),
            "{line}"
        );
    }
    let (left, source) = taken("{as: jürgen}", "https://h");
    assert!(source.is_ok() && left.impersonate.is_some());
}
