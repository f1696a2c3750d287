use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::{Asked, cluster, forbidden, not_found, status};
use crate::workload::PullSecretRefs;

const CONFIG: &str = r#"{"auths":{"r.example":{"username":"me","password":"hunter2"}}}"#;

fn secret(kind: &str, key: &str, value: &str) -> (u16, String) {
    let body = json!({"kind": "Secret", "type": kind, "data": {key: value}});
    (200, body.to_string())
}

fn modern() -> (u16, String) {
    let kind = "kubernetes.io/dockerconfigjson";
    secret(kind, ".dockerconfigjson", &STANDARD.encode(CONFIG))
}

fn account(names: &[&str]) -> (u16, String) {
    let names: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    (
        200,
        json!({"kind": "ServiceAccount", "imagePullSecrets": names}).to_string(),
    )
}

/// A cluster with these responses by `PLURAL/NAME`, in any namespace.
fn holding(answers: &[(&str, (u16, String))]) -> (PullSecrets, Asked) {
    let answers: BTreeMap<String, (u16, String)> = answers
        .iter()
        .map(|(path, answer)| ((*path).to_owned(), answer.clone()))
        .collect();
    let (cluster, requests) = cluster(move |uri| {
        let path = uri.splitn(6, '/').nth(5).unwrap_or_default();
        answers.get(path).cloned().unwrap_or_else(not_found)
    });
    (cluster.pull_secrets(), requests)
}

fn reader(namespace: &str, account: Option<&str>, names: &[&str]) -> PullIdentity {
    PullIdentity {
        namespace: namespace.to_owned(),
        pull_secrets: PullSecretRefs {
            service_account: account.map(str::to_owned),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..PullSecretRefs::default()
        },
    }
}

fn names(found: &PullSecretsFound) -> Vec<&str> {
    found.secrets.iter().map(|s| s.name.as_str()).collect()
}

#[tokio::test]
async fn secrets_of_the_pod_come_before_those_of_the_account_each_once() {
    let (secrets, requests) = holding(&[
        ("serviceaccounts/web", account(&["shared", "b", "", "b"])),
        ("secrets/own", modern()),
        ("secrets/shared", modern()),
        ("secrets/b", modern()),
    ]);
    let found = secrets
        .for_identity(&reader("shop", Some("web"), &["own", "shared"]))
        .await;
    assert_eq!(names(&found), ["own", "shared", "b"]);
    assert!(!found.is_incomplete);
    assert_eq!(found.secrets[0].namespace, "shop");
    assert_eq!(
        found.secrets[0].docker_config.expose_secret(),
        CONFIG.as_bytes()
    );
    assert_eq!(
        requests.sorted(),
        [
            "/api/v1/namespaces/shop/secrets/b",
            "/api/v1/namespaces/shop/secrets/own",
            "/api/v1/namespaces/shop/secrets/shared",
            "/api/v1/namespaces/shop/serviceaccounts/web",
        ]
    );
    assert_eq!(secrets.notes(), [""; 0]);
}

#[tokio::test]
async fn concurrent_requests_read_each_object_once_per_namespace() {
    let (secrets, requests) = holding(&[
        ("serviceaccounts/default", account(&["regcred"])),
        ("secrets/regcred", modern()),
    ]);
    let [plain, named] = [
        reader("shop", None, &[]),
        reader("shop", None, &["regcred"]),
    ];
    let other = reader("team", None, &[]);
    let found = join_all([&plain, &named, &plain, &other].map(|r| secrets.for_identity(r))).await;
    assert!(found.iter().all(|found| names(found) == ["regcred"]));
    assert_eq!(secrets.for_identity(&plain).await.secrets.len(), 1);
    assert_eq!(requests.uris().len(), 4, "{:?}", requests.uris());
}

#[tokio::test]
async fn missing_account_has_no_secrets_and_is_not_a_fault() {
    let (secrets, _) = holding(&[]);
    let found = secrets.for_identity(&reader("shop", None, &[])).await;
    assert!(found.secrets.is_empty() && !found.is_incomplete);
    assert_eq!(secrets.notes(), [""; 0]);
}

#[tokio::test]
async fn answer_that_is_not_an_account_leaves_its_secrets_unknown() {
    let (secrets, _) = holding(&[("serviceaccounts/default", (200, "{}".to_owned()))]);
    let found = secrets.for_identity(&reader("shop", None, &[])).await;
    assert!(found.is_incomplete);
    assert!(
        secrets.notes()[0].ends_with("it is not of kind ServiceAccount"),
        "{:?}",
        secrets.notes()
    );
}

#[tokio::test]
async fn forbidden_reads_are_noted_once_for_all_namespaces() {
    let (secrets, _) = holding(&[
        ("serviceaccounts/default", account(&["regcred"])),
        ("serviceaccounts/closed", forbidden()),
        ("secrets/regcred", forbidden()),
        ("secrets/other", forbidden()),
    ]);
    for namespace in ["b", "a", "c", "d", "e", "f", "g"] {
        let found = secrets
            .for_identity(&reader(namespace, None, &["other"]))
            .await;
        assert!(found.secrets.is_empty() && found.is_incomplete);
    }
    let found = secrets
        .for_identity(&reader("a", Some("closed"), &[]))
        .await;
    assert!(found.is_incomplete);
    assert_eq!(
        secrets.notes(),
        [
            "note: no permission to read service accounts in namespace a; using your own \
             credentials",
            "hint: kubectl auth can-i get serviceaccounts -n a",
            "note: no permission to read secrets in 7 namespaces: a, b, c, d, e and 2 more; using \
             your own credentials",
            "hint: kubectl auth can-i get secrets -n a",
        ]
    );
}

#[tokio::test]
async fn both_types_are_read_and_notes_on_unusable_secrets_hide_their_content() {
    let (modern, legacy) = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg");
    let encoded = STANDARD.encode(CONFIG);
    fn fault(text: &str) -> Option<String> {
        Some(format!("note: pull secret shop/x is not used: {text}"))
    }
    for (answer, expected) in [
        (secret(modern, ".dockerconfigjson", &encoded), None),
        (secret(legacy, ".dockercfg", &encoded), None),
        (
            secret(modern, ".dockercfg", &encoded),
            fault("it has no key .dockerconfigjson"),
        ),
        (
            secret("Opaque", ".dockerconfigjson", &encoded),
            fault(
                "its type is \"Opaque\", not kubernetes.io/dockerconfigjson or \
                 kubernetes.io/dockercfg",
            ),
        ),
        (
            secret(legacy, ".dockercfg", "hunter2!"),
            fault("its .dockercfg is not valid base64"),
        ),
        (
            (200, json!({"kind": "Secret", "type": modern}).to_string()),
            fault("it has no key .dockerconfigjson"),
        ),
        (
            (
                200,
                json!({"kind": "Secret", "type": modern, "data": "hunter2"}).to_string(),
            ),
            fault("the response cannot be read"),
        ),
        (
            (200, json!({"data": {"a": "hunter2"}}).to_string()),
            fault(
                "error: the server's response to GET /api/v1/namespaces/shop/secrets/x cannot \
                 be read: it is not of kind Secret",
            ),
        ),
        (not_found(), fault("it does not exist")),
        (
            status(500, "InternalError", "etcd is away"),
            fault("Error from server (InternalError): etcd is away"),
        ),
    ] {
        let (secrets, _) = holding(&[("secrets/x", answer.clone())]);
        let found = secrets.for_identity(&reader("shop", None, &["x"])).await;
        assert_eq!(found.is_incomplete, expected.is_some(), "{answer:?}");
        assert_eq!(secrets.notes(), Vec::from_iter(expected), "{answer:?}");
        assert!(!format!("{found:?} {secrets:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn invalid_names_are_not_sent_to_the_server() {
    let (secrets, requests) = holding(&[("secrets/x", modern())]);
    let found = secrets
        .for_identity(&reader("shop", Some("../x"), &["../x"]))
        .await;
    assert!(found.secrets.is_empty() && found.is_incomplete);
    assert_eq!(requests.uris(), [""; 0]);
    assert_eq!(
        secrets.notes()[0],
        "note: pull secret shop/../x is not used: error: invalid resource name \"../x\": may not \
         contain '/'"
    );
}

#[tokio::test]
async fn further_faults_are_counted() {
    let (secrets, _) = holding(&[]);
    let all: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    secrets.for_identity(&reader("shop", None, &all)).await;
    let notes = secrets.notes();
    assert_eq!(notes.len(), 6);
    assert_eq!(notes[5], "note: 3 more pull secrets were not used");
}
