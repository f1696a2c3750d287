//! The documented output of the quick start, word by word.

use serde_json::{Value, json};

use super::{fields, root, text};
use crate::support::program::{Outcome, TestEnvironment};

/// The quick start's command with more arguments, run in its folder.
pub(super) fn quickstart(more: &[&str]) -> Outcome {
    let args = [
        "status",
        "-f",
        "docs/quickstart/manifests",
        "--oci-layout",
        "docs/quickstart/images",
    ];
    let environment = TestEnvironment::new();
    let args = args.iter().chain(more);
    environment.program(args).dir(&root()).run()
}

#[test]
fn table_matches_the_documentation() {
    let outcome = quickstart(&[]).expect(0);
    insta::assert_snapshot!(outcome.stdout, @r"
    WORKLOAD                CONTAINER   STATE       POLICY                  CURRENT       UPDATE        WHY
    deployment/glob-regex   sidecar     automated   regex:^stg.*            stg-4s7bsgv   stg-k2x9d1m   <none>
    deployment/glob-regex   app         automated   glob:dev-*              dev-9e3bdaf   dev-04d7e6a   <none>
    deployment/locked       app         locked      semver:~1.0             1.0.0         1.0.1         locked by platform: 1.0.1 breaks the import, see issue 17
    deployment/my-app       my-app      automated   semver:>=1.2.3 <2.0.0   v1.2.3        v1.2.4        <none>
    deployment/semver       app         automated   semver:~1.0             1.0.0         1.0.1         <none>
    deployment/timestamp    app         automated   glob:*                  1.0.0         9e3bdaf       <none>
    ");
    assert_eq!(
        outcome.stderr,
        "6 containers: 5 automated (5 updates), 1 locked (1 behind)\n"
    );
}

#[test]
fn seeds_have_the_expected_decisions() {
    let decided: Vec<String> = quickstart(&["-o", "json"])
        .expect(0)
        .items()
        .iter()
        .map(|item| {
            let parts = [
                text(&item["workload"], "name"),
                text(item, "container"),
                text(item, "state"),
                text(item, "outcome"),
                text(item, "reason"),
                text(item, "latest"),
            ];
            parts.join(" ")
        })
        .collect();
    assert_eq!(
        decided,
        [
            "glob-regex sidecar automated update newer-image docker.io/org/my-proxy:stg-k2x9d1m",
            "glob-regex app automated update newer-image docker.io/org/my-app:dev-04d7e6a",
            "locked app locked keep locked docker.io/org/my-app:1.0.1",
            "my-app my-app automated update newer-image my-registry.com/my-app:v1.2.4",
            "semver app automated update newer-image docker.io/org/my-app:1.0.1",
            "timestamp app automated update newer-image docker.io/org/my-app:9e3bdaf",
        ]
    );
}

/// The workload of the documented JSON example, as a manifest.
const WEB: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    kustomize.toolkit.fluxcd.io/name: apps
    kustomize.toolkit.fluxcd.io/namespace: flux-system
  annotations:
    fluxcd.io/automated: "true"
    fluxcd.io/tag.app: semver:~1.0
spec:
  template:
    spec:
      containers:
      - name: app
        image: docker.io/org/my-app:1.0.0
"#;

#[test]
fn json_has_the_documented_fields_and_values_in_the_documented_order() {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", WEB);
    let images = root().join("docs/quickstart/images");
    let layout = images.to_str().expect("path");
    let args = ["status", "-f", "web.yaml", "-o", "json", "--oci-layout"];
    let outcome = environment.run(args.iter().chain(&[layout])).expect(0);
    let mut found = outcome.json();
    let observed = found["observedAt"].take();
    let asked = found["items"][0]["facts"]["askedAt"].take();
    for time in [&observed, &asked] {
        let time = time.as_str().expect("time");
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        assert_eq!((time.len(), &time[19..]), (20, "Z"), "{time}");
    }
    let expected = json!({
        "apiVersion": "imgpolicy.dev/v1alpha1", "kind": "ImageStatusList", "context": null,
        "observedAt": null,
        "summary": {"containers": 1, "automated": 1, "updates": 1, "waiting": 0, "locked": 0,
            "lockedBehind": 0, "manual": 0, "ignored": 0, "undecided": 0},
        "errors": [],
        "items": [{
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment",
                "namespace": "default", "name": "web"},
            "managedBy": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps"},
            "container": "app", "containerType": "container",
            "image": "docker.io/org/my-app:1.0.0",
            "state": "automated",
            "policy": {"filter": "semver:~1.0", "order": "semver",
                "origin": "annotation fluxcd.io/tag.app"},
            "outcome": "update",
            "latest": "docker.io/org/my-app:1.0.1",
            "reason": "newer-image",
            "message": "1.0.1 is the highest of 2 tags that match semver:~1.0",
            "facts": {"currentCreated": "2026-03-02T09:00:00Z", "currentCreatedFrom": "config",
                "currentDigest":
                    "sha256:1fa1aa5eef3d547969888b76e5568190ad0fbc626eee6dcae47a3e2c77731cb1",
                "latestCreated": "2026-04-13T09:00:00Z", "latestCreatedFrom": "config",
                "latestDigest":
                    "sha256:f611c1f7e35bd1bf6104cb1c9db124b1138a757cefb31a10a048ed5ac4246ebd",
                "askedAt": null, "source": "oci-layout"},
            "warnings": [],
            "source": {"file": "web.yaml", "line": 1}
        }]
    });
    assert_eq!(found, expected);
    let top = [
        "apiVersion",
        "kind",
        "context",
        "observedAt",
        "summary",
        "errors",
        "items",
    ];
    assert_eq!(fields(&found), top);
    let of_item = [
        "workload",
        "managedBy",
        "container",
        "containerType",
        "image",
        "state",
        "policy",
        "outcome",
        "latest",
        "reason",
        "message",
        "facts",
        "warnings",
        "source",
    ];
    assert_eq!(fields(&found["items"][0]), of_item);
    assert_eq!(fields(&found["summary"]), fields(&expected["summary"]));
    for part in ["workload", "managedBy", "policy", "facts"] {
        let of = |value: &Value| {
            let names = fields(&value["items"][0][part]);
            names.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&found), of(&expected), "{part}");
    }
}
