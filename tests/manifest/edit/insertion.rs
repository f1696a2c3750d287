//! New keys.

use insta::assert_snapshot;

use super::{annotate, edit_object, place};

const NEW: &[(&str, Option<&str>)] = &[
    ("fluxcd.io/automated", Some("true")),
    ("fluxcd.io/tag.app", Some("semver:^1.2")),
];

#[test]
fn annotations_come_after_name_namespace_and_labels() {
    assert_snapshot!(annotate("kind: Deployment\nmetadata:\n  # who\n  name: web # c\n  # why\n  uid: x\nspec: {}\n", NEW), @r#"
    kind: Deployment
    metadata:
      # who
      name: web # c
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2
      # why
      uid: x
    spec: {}
    "#);
    assert_snapshot!(annotate("metadata:\n  name: web\n  labels:\n    app: web\n\n    # none\n  uid: x\n", NEW), @r#"
    metadata:
      name: web
      labels:
        app: web
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2

        # none
      uid: x
    "#);
    assert_snapshot!(annotate("metadata:\n  labels: {\n    a: b }\n  name: web\n  finalizers: []\n", NEW), @r#"
    metadata:
      labels: {
        a: b }
      name: web
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2
      finalizers: []
    "#);
    assert_snapshot!(annotate("metadata:\n  uid: |\n    x\n\n\nspec:\n", NEW), @r#"
    metadata:
      uid: |
        x
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2


    spec:
    "#);
}

#[test]
fn new_key_is_written_next_to_its_siblings() {
    assert_snapshot!(annotate("metadata:\n    annotations:\n        # first\n        a: b # c\n        # last\n    name: web\n", NEW), @r#"
    metadata:
        annotations:
            # first
            a: b # c
            fluxcd.io/automated: "true"
            fluxcd.io/tag.app: semver:^1.2
            # last
        name: web
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations:\n    'a': b\n", NEW), @r#"
    metadata:
      annotations:
        'a': b
        'fluxcd.io/automated': "true"
        'fluxcd.io/tag.app': semver:^1.2
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations:\n    \"a\": >-\n      b\n      c\n\n  name: web\n", NEW), @r#"
    metadata:
      annotations:
        "a": >-
          b
          c
        "fluxcd.io/automated": "true"
        "fluxcd.io/tag.app": semver:^1.2

      name: web
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations:\n    fluxcd.io/automated: 'false' # old\n", NEW), @"
    metadata:
      annotations:
        fluxcd.io/automated: 'true' # old
        fluxcd.io/tag.app: semver:^1.2
    ");
}

#[test]
fn empty_annotations_are_filled() {
    for empty in [
        "annotations:",
        "annotations: {}",
        "annotations: null",
        "annotations:   ~",
        "annotations: { }",
    ] {
        for comment in ["", " # c"] {
            let edited = annotate(
                &format!("metadata:\n  {empty}{comment}\n  name: web\n"),
                NEW,
            );
            let expected = format!(
                "metadata:\n  annotations:{comment}\n    fluxcd.io/automated: \"true\"\n    \
                 fluxcd.io/tag.app: semver:^1.2\n  name: web\n"
            );
            assert_eq!(edited, expected, "{empty}{comment}");
        }
    }
    assert_snapshot!(annotate("metadata: {name: web, annotations: , labels: {}}\n", NEW), @r#"metadata: {name: web, annotations: {fluxcd.io/automated: "true", fluxcd.io/tag.app: semver:^1.2} , labels: {}}"#);
    assert_snapshot!(annotate("metadata: {annotations: {}}\n", NEW), @r#"metadata: {annotations: {fluxcd.io/automated: "true", fluxcd.io/tag.app: semver:^1.2}}"#);
    assert_snapshot!(annotate("metadata:\n    annotations:\n      {}\n    name: web", NEW), @r#"
    metadata:
        annotations:
            fluxcd.io/automated: "true"
            fluxcd.io/tag.app: semver:^1.2
        name: web
    "#);
}

#[test]
fn missing_parents_are_added() {
    assert_snapshot!(annotate("apiVersion: apps/v1\nkind: Deployment\nspec:\n   template:\n      a: b\n", NEW), @r#"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
       annotations:
          fluxcd.io/automated: "true"
          fluxcd.io/tag.app: semver:^1.2
    spec:
       template:
          a: b
    "#);
    assert_snapshot!(annotate("spec: {a: b}\n", NEW), @r#"
    spec: {a: b}
    metadata:
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2
    "#);
    assert_snapshot!(annotate("metadata:\nspec: 1\n", NEW), @r#"
    metadata:
      annotations:
        fluxcd.io/automated: "true"
        fluxcd.io/tag.app: semver:^1.2
    spec: 1
    "#);
    let tag = place(&["spec", "values", "app", "image", "tag"], Some("1.10"));
    assert_snapshot!(edit_object("spec:\n  chart: x\n", 0, vec![tag]).expect("edited"), @r#"
    spec:
      chart: x
      values:
        app:
          image:
            tag: "1.10"
    "#);
}

#[test]
fn flow_mapping_gets_flow_entries() {
    assert_snapshot!(annotate("metadata: {name: web, uid: x} # c\n", NEW), @r#"metadata: {name: web, annotations: {fluxcd.io/automated: "true", fluxcd.io/tag.app: semver:^1.2}, uid: x} # c"#);
    assert_snapshot!(annotate("metadata: {name: web, annotations: {a: 'b',}, uid: x}\n", NEW), @r#"metadata: {name: web, annotations: {a: 'b', fluxcd.io/automated: "true", fluxcd.io/tag.app: semver:^1.2,}, uid: x}"#);
    assert_snapshot!(annotate("metadata: {\"name\":\"web\"}\n", NEW), @r#"metadata: {"name":"web","annotations":{"fluxcd.io/automated":"true","fluxcd.io/tag.app":"semver:^1.2"}}"#);
    assert_snapshot!(annotate("metadata: {\n    name: web, # c\n    uid: x # d\n  }\n", NEW), @r#"
    metadata: {
        name: web, # c
        annotations: {
            fluxcd.io/automated: "true",
            fluxcd.io/tag.app: semver:^1.2
        },
        uid: x # d
      }
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations: {\n    a: b, # c\n    c: d, # e\n  }\n", NEW), @r#"
    metadata:
      annotations: {
        a: b, # c
        c: d, # e
        fluxcd.io/automated: "true",
        fluxcd.io/tag.app: semver:^1.2,
      }
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations: { a: b\n    , c: d\n    }\n", NEW), @r#"
    metadata:
      annotations: { a: b
        , c: d, fluxcd.io/automated: "true", fluxcd.io/tag.app: semver:^1.2
        }
    "#);
}

#[test]
fn new_key_in_json_is_json() {
    let pretty = "{\n    \"kind\": \"Deployment\",\n    \"metadata\": {\n        \"name\": \"web\"\n    },\n    \"spec\": {}\n}\n";
    assert_snapshot!(annotate(pretty, NEW), @r#"
    {
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "annotations": {
                "fluxcd.io/automated": "true",
                "fluxcd.io/tag.app": "semver:^1.2"
            }
        },
        "spec": {}
    }
    "#);
    assert_snapshot!(annotate("{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"uid\":\"x\"}}\n", NEW), @r#"{"kind":"Deployment","metadata":{"name":"web","annotations":{"fluxcd.io/automated":"true","fluxcd.io/tag.app":"semver:^1.2"},"uid":"x"}}"#);
    assert_snapshot!(annotate("{\"kind\": \"Deployment\", \"metadata\": {\"annotations\": {\"a\": \"b\"}}}", NEW), @r#"{"kind": "Deployment", "metadata": {"annotations": {"a": "b", "fluxcd.io/automated": "true", "fluxcd.io/tag.app": "semver:^1.2"}}}"#);
    assert_snapshot!(annotate("{\n\t\"metadata\": {\n\t\t\"annotations\": {},\n\t\t\"name\": \"web\"\n\t}\n}", NEW), @r#"
    {
    	"metadata": {
    		"annotations": {
    			"fluxcd.io/automated": "true",
    			"fluxcd.io/tag.app": "semver:^1.2"
    		},
    		"name": "web"
    	}
    }
    "#);
    assert_snapshot!(annotate("{\n  \"metadata\": {\n    \"annotations\": {\n      \"a\": \"b\"}, \"name\": \"web\"}\n}", NEW), @r#"
    {
      "metadata": {
        "annotations": {
          "a": "b",
          "fluxcd.io/automated": "true",
          "fluxcd.io/tag.app": "semver:^1.2"}, "name": "web"}
    }
    "#);
    assert_snapshot!(annotate("{\"spec\": {}\n}", NEW), @r#"
    {"spec": {}, "metadata": {"annotations": {"fluxcd.io/automated": "true", "fluxcd.io/tag.app": "semver:^1.2"}}
    }
    "#);
}

#[test]
fn new_lines_use_the_line_breaks_of_the_file() {
    let edited = annotate("metadata:\r\n  name: web # c\r\nspec:\r\n", NEW);
    assert_eq!(
        edited,
        "metadata:\r\n  name: web # c\r\n  annotations:\r\n    fluxcd.io/automated: \"true\"\r\n    \
         fluxcd.io/tag.app: semver:^1.2\r\nspec:\r\n"
    );
    let edited = annotate("metadata:\r\n  annotations:\r\n    a: b", &NEW[..1]);
    assert_eq!(
        edited,
        "metadata:\r\n  annotations:\r\n    a: b\r\n    fluxcd.io/automated: \"true\""
    );
    let edited = annotate(
        "{\r\n  \"metadata\": {\r\n    \"annotations\": {}\r\n  }\r\n}",
        &NEW[..1],
    );
    assert_eq!(
        edited,
        "{\r\n  \"metadata\": {\r\n    \"annotations\": {\r\n      \"fluxcd.io/automated\": \"true\"\r\n    }\r\n  }\r\n}"
    );
    assert_eq!(
        annotate("metadata:\n  name: web", &NEW[..1]),
        "metadata:\n  name: web\n  annotations:\n    fluxcd.io/automated: \"true\""
    );
}
