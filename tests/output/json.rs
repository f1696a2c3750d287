//! The data of `-o json` and `-o yaml`.

use kubectl_imgpolicy::evaluator::ScopeError;
use kubectl_imgpolicy::output::{
    DataFormat, ExplainContext, ImageExplanation, ImageList, ImageStatusList, ImageTags, ImageTest,
    ImageUse, encode,
};
use kubectl_imgpolicy::policy::WarningCode;
use kubectl_imgpolicy::workload::WorkloadKind;
use serde_json::json;

use super::builder::{assessment, every_kind, now, row, seed};
use super::tags::{explained, seed_examination};

fn context() -> ExplainContext {
    ExplainContext {
        context: Some("prod".to_owned()),
        observed_at: now(),
    }
}

fn text(value: &impl serde::Serialize, format: DataFormat) -> String {
    encode(value, format).expect("data")
}

#[test]
fn status_matches_the_contract() {
    let mut row = seed();
    row.workload.namespace = "default".to_owned();
    row.managed_by = Some(kubectl_imgpolicy::workload::Owner {
        kind: "Kustomization".to_owned(),
        namespace: Some("flux-system".to_owned()),
        name: "apps".to_owned(),
    });
    row.decision
        .warnings
        .push(kubectl_imgpolicy::policy::Warning::new(
            WarningCode::MutableTag,
            "m",
        ));
    let mut assessment = assessment(vec![row]);
    assessment.errors.push(ScopeError {
        scope: "namespace/x".to_owned(),
        reason: "Forbidden".to_owned(),
        message: "no".to_owned(),
    });
    let list = ImageStatusList::new(&assessment, &assessment.rows);
    // Compares the text instead of the value, because the order of the fields is also
    // part of the contract.
    let digest = format!("sha256:{}", "ab".repeat(32));
    let expected = json!({
        "apiVersion": "imgpolicy.dev/v1alpha1", "kind": "ImageStatusList", "context": "prod",
        "observedAt": "2026-11-21T12:00:00Z",
        "summary": {"containers": 1, "automated": 1, "updates": 1, "waiting": 0, "locked": 0, "lockedBehind": 0,
            "manual": 0, "ignored": 0, "undecided": 0},
        "errors": [{"scope": "namespace/x", "reason": "Forbidden", "message": "no"}],
        "items": [{
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "web"},
            "managedBy": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps"},
            "container": "app", "containerType": "container",
            "image": "docker.io/org/my-app:1.0.0",
            "state": "automated",
            "policy": {"filter": "semver:~1.0", "order": "semver", "origin": "annotation fluxcd.io/tag.app"},
            "outcome": "update",
            "latest": "docker.io/org/my-app:1.0.1",
            "reason": "newer-image",
            "message": "1.0.1 is the highest of 2 tags that match semver:~1.0",
            "facts": {"currentCreated": "2026-10-01T12:00:00Z", "currentDigest": null,
                "latestCreated": "2026-11-20T12:00:00Z", "latestDigest": digest,
                "askedAt": "2026-11-21T11:59:55Z", "source": "registry"},
            "warnings": [{"code": "mutable-tag", "message": "m"}],
        }],
    });
    let compact = serde_json::to_string(&list).expect("JSON");
    assert_eq!(compact, expected.to_string());
    let pretty: serde_json::Value =
        serde_json::from_str(&text(&list, DataFormat::Json)).expect("JSON");
    assert_eq!(pretty, expected);
}

#[test]
fn later_fields_are_at_the_end() {
    let locked = row("cart", "app", "org/cart:1")
        .suggests("semver:^1", "org/cart:1.5.0")
        .locked("alice", "freeze")
        .file("cart.yaml", 3)
        .build();
    let mut assessment = assessment(vec![locked]);
    assessment.partial = true;
    assessment.context = None;
    let list = ImageStatusList::new(&assessment, &assessment.rows);
    insta::assert_snapshot!(text(&list, DataFormat::Json), @r#"
    {
        "apiVersion": "imgpolicy.dev/v1alpha1",
        "kind": "ImageStatusList",
        "context": null,
        "observedAt": "2026-11-21T12:00:00Z",
        "summary": {
            "containers": 1,
            "automated": 0,
            "updates": 0,
            "waiting": 0,
            "locked": 1,
            "lockedBehind": 0,
            "manual": 0,
            "ignored": 0,
            "undecided": 0
        },
        "errors": [],
        "items": [
            {
                "workload": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "namespace": "shop",
                    "name": "cart"
                },
                "managedBy": null,
                "container": "app",
                "containerType": "container",
                "image": "org/cart:1",
                "state": "locked",
                "policy": null,
                "outcome": "keep",
                "latest": null,
                "reason": "locked",
                "message": "",
                "facts": null,
                "warnings": [],
                "lock": {
                    "by": "alice",
                    "message": "freeze",
                    "at": null
                },
                "suggestion": {
                    "policy": {
                        "filter": "semver:^1",
                        "order": "semver",
                        "origin": "annotation fluxcd.io/tag.app"
                    },
                    "latest": "org/cart:1.5.0",
                    "reason": "newer-image",
                    "message": "org/cart:1.5.0 is the highest"
                },
                "source": {
                    "file": "cart.yaml",
                    "line": 3
                }
            }
        ],
        "partial": true
    }
    "#);
}

#[test]
fn empty_list_is_a_list() {
    let empty = assessment(Vec::new());
    let list = ImageStatusList::new(&empty, &empty.rows);
    let value: serde_json::Value =
        serde_json::from_str(&text(&list, DataFormat::Json)).expect("JSON");
    assert_eq!(value["items"], json!([]));
    assert_eq!(value["errors"], json!([]));
}

#[test]
fn yaml_is_readable() {
    let cronjob = row("nightly", "app", "org/app:1.0")
        .kind(WorkloadKind::CronJob, "batch/v1")
        .namespace("true")
        .warning(WarningCode::MutableTag, "a: b # c")
        .locked("~", "1.0")
        .build();
    let assessment = assessment(vec![cronjob, seed()]);
    let list = ImageStatusList::new(&assessment, &assessment.rows);
    insta::assert_snapshot!(text(&list, DataFormat::Yaml), @r#"
    apiVersion: imgpolicy.dev/v1alpha1
    kind: ImageStatusList
    context: prod
    observedAt: "2026-11-21T12:00:00Z"
    summary:
      containers: 2
      automated: 1
      updates: 1
      waiting: 0
      locked: 1
      lockedBehind: 0
      manual: 0
      ignored: 0
      undecided: 0
    errors: []
    items:
    - workload:
        apiVersion: batch/v1
        kind: CronJob
        namespace: "true"
        name: nightly
      managedBy: null
      container: app
      containerType: container
      image: org/app:1.0
      state: locked
      policy: null
      outcome: keep
      latest: null
      reason: locked
      message: ""
      facts: null
      warnings:
      - code: mutable-tag
        message: "a: b # c"
      lock:
        by: "~"
        message: "1.0"
        at: null
    - workload:
        apiVersion: apps/v1
        kind: Deployment
        namespace: shop
        name: web
      managedBy: null
      container: app
      containerType: container
      image: docker.io/org/my-app:1.0.0
      state: automated
      policy:
        filter: semver:~1.0
        order: semver
        origin: annotation fluxcd.io/tag.app
      outcome: update
      latest: docker.io/org/my-app:1.0.1
      reason: newer-image
      message: 1.0.1 is the highest of 2 tags that match semver:~1.0
      facts:
        currentCreated: "2026-10-01T12:00:00Z"
        currentDigest: null
        latestCreated: "2026-11-20T12:00:00Z"
        latestDigest: sha256:abababababababababababababababababababababababababababababababab
        askedAt: "2026-11-21T11:59:55Z"
        source: registry
      warnings: []
    "#);
}

#[test]
fn test_has_exactly_four_fields() {
    let test = ImageTest::new("org/my-app", &seed_examination());
    let expected = json!({
        "image": "org/my-app",
        "policy": {"filter": "semver:~1.0", "order": "semver", "origin": "annotation fluxcd.io/tag.app"},
        "latest": "1.0.1",
        "tags": [
            {"tag": "1.0.1", "verdict": "elected", "rank": 1},
            {"tag": "1.0.0", "verdict": "accepted", "rank": 2},
            {"tag": "1.0.2", "verdict": "rejected", "reason": "too-young"},
            {"tag": "latest", "verdict": "rejected", "reason": "latest"},
            {"tag": "1.2.0", "verdict": "rejected", "reason": "out-of-range"},
            {"tag": "1.1.0-rc.1", "verdict": "rejected", "reason": "pre-release"},
        ],
    });
    assert_eq!(
        serde_json::to_string(&test).expect("JSON"),
        expected.to_string()
    );
}

#[test]
fn explanation_contains_the_status_item() {
    let explanation = ImageExplanation::new(&explained(&seed(), &seed_examination()), &context());
    let value = serde_json::to_value(&explanation).expect("JSON");
    let keys: Vec<&String> = value.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "apiVersion",
            "kind",
            "context",
            "observedAt",
            "item",
            "preventedBy",
            "tags",
            "funnel",
            "candidates"
        ]
    );
    assert_eq!(value["item"]["outcome"], "update");
    assert_eq!(
        value["funnel"][1],
        json!({"test": "out-of-range", "left": 310})
    );
    assert_eq!(
        value["candidates"][2],
        json!({"tag": "1.0.2", "verdict": "rejected", "reason": "too-young",
            "created": "2026-11-21T11:00:00Z", "digest": null, "ripeAt": "2026-11-23T12:00:00Z", "running": false})
    );
}

#[test]
fn images_are_grouped() {
    let uses: Vec<ImageUse> = [
        seed(),
        row("b", "c", "docker.io/org/my-app:1.0.0").build(),
        row("x", "c", "Bad Image").build(),
    ]
    .iter()
    .map(ImageUse::from)
    .collect();
    let list = ImageList::new(&uses, &[], &context());
    let value = serde_json::to_value(&list).expect("JSON");
    assert_eq!(value["items"][0]["repository"], json!(null));
    assert_eq!(
        value["items"][1],
        json!({
            "image": "docker.io/org/my-app:1.0.0", "repository": "docker.io/org/my-app", "tag": "1.0.0", "digest": null,
            "containers": [
                {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"},
                 "container": "app", "containerType": "container", "state": "automated", "pods": null},
                {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "b"},
                 "container": "c", "containerType": "container", "state": "manual", "pods": null},
            ],
        })
    );
}

#[test]
fn all_data_is_parsed_back() {
    let assessment = assessment(every_kind());
    let status = ImageStatusList::new(&assessment, &assessment.rows);
    for format in [DataFormat::Json, DataFormat::Yaml] {
        let encoded = text(&status, format);
        let back: ImageStatusList = match format {
            DataFormat::Json => serde_json::from_str(&encoded).expect("JSON"),
            DataFormat::Yaml => serde_saphyr::from_str(&encoded).expect("YAML"),
        };
        assert_eq!(text(&back, format), encoded);
    }
    let tags = ImageTags::new("org/my-app", &seed_examination(), &context());
    let back: ImageTags = serde_saphyr::from_str(&text(&tags, DataFormat::Yaml)).expect("YAML");
    assert_eq!(text(&back, DataFormat::Json), text(&tags, DataFormat::Json));
}
