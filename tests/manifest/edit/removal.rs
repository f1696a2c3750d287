//! Removed keys.

use insta::assert_snapshot;

use super::annotate;

const GO: &[(&str, Option<&str>)] = &[("b", None)];

#[test]
fn key_is_removed_with_its_line_and_comment() {
    assert_snapshot!(annotate("metadata:\n  annotations:\n    a: x\n    # above\n    b: y # beside\n    # below\n\n    c: z\n", GO), @"
    metadata:
      annotations:
        a: x
        # above
        # below

        c: z
    ");
    assert_snapshot!(annotate("metadata:\n  annotations:\n    a: x\n    \"b\": |\n      y\n      y\n\n    # below\n    c: z\n", GO), @"
    metadata:
      annotations:
        a: x

        # below
        c: z
    ");
    assert_snapshot!(annotate("metadata:\n  annotations:\n    a: x\n    b:\n      'y\n\n      y' # beside\n  name: web\n", GO), @"
    metadata:
      annotations:
        a: x
      name: web
    ");
}

#[test]
fn mapping_is_removed_with_its_last_annotation() {
    assert_snapshot!(annotate("metadata:\n  name: web\n  annotations: # all\n    # why\n    b: y # beside\n  # below\n  uid: x\n", GO), @"
    metadata:
      name: web
        # why
      # below
      uid: x
    ");
    assert_snapshot!(annotate("metadata:\n  name: web\n  annotations: {b: y} # all\n  uid: x\n", GO), @"
    metadata:
      name: web
      uid: x
    ");
    assert_snapshot!(annotate("metadata:\n  name: web\n  annotations:\n    b: y", GO), @"
    metadata:
      name: web
    ");
    assert_snapshot!(annotate("metadata:\n  annotations:\n    b: y\nspec: x\n", GO), @"
    metadata: {}
    spec: x
    ");
    assert_snapshot!(annotate("metadata: {annotations: {b: y}}\nspec: x\n", GO), @"
    metadata: {}
    spec: x
    ");
    assert_snapshot!(annotate("{\"metadata\": {\"annotations\": {\"b\": \"y\"}}}\n", GO), @r#"{"metadata": {}}"#);
    assert_snapshot!(annotate("{\n  \"metadata\": {\n    \"name\": \"web\",\n    \"annotations\": {\n      \"b\": \"y\"\n    }\n  }\n}\n", GO), @r#"
    {
      "metadata": {
        "name": "web"
      }
    }
    "#);
}

#[test]
fn removing_a_missing_key_changes_nothing() {
    for text in [
        "metadata:\n  annotations:\n    a: x\n",
        "metadata:\n  annotations: {} # c\n",
        "metadata:\n  annotations:\n",
        "metadata:\n  name: web\n",
        "metadata:\n",
        "spec: {}",
        "{\"metadata\": null}",
    ] {
        assert_eq!(annotate(text, GO), text);
    }
}

#[test]
fn commas_are_removed_with_their_entries() {
    for (old, expected) in [
        ("{a: x, b: y, c: z}", "{a: x, c: z}"),
        ("{b: y, c: z}", "{c: z}"),
        ("{a: x, b: y}", "{a: x}"),
        ("{a: x, b: y,}", "{a: x,}"),
        ("{b: y, c: z, }", "{c: z, }"),
        ("{ a: x , b: y }", "{ a: x  }"),
        ("{\"a\":\"x\",\"b\":\"y\"}", "{\"a\":\"x\"}"),
        (
            "{\n    a: x, # 1\n    b: y, # 2\n    c: z # 3\n  }",
            "{\n    a: x, # 1\n    c: z # 3\n  }",
        ),
        (
            "{\n    a: x, # 1\n    # own\n    b: y # 2\n  }",
            "{\n    a: x # 1\n    # own\n  }",
        ),
        ("{\n    a: x,\n    b: y}", "{\n    a: x}"),
        ("{\n    a: x\n    , b: y\n  }", "{\n    a: x\n    \n  }"),
        ("{a: x, b}", "{a: x}"),
    ] {
        let text =
            |annotations: &str| format!("metadata:\n  annotations: {annotations}\n  name: web\n");
        assert_eq!(annotate(&text(old), GO), text(expected), "{old}");
    }
}

#[test]
fn one_key_is_removed_and_another_added() {
    let changes: &[(&str, Option<&str>)] = &[("b", None), ("new", Some("true")), ("c", None)];
    assert_snapshot!(annotate("metadata:\n  annotations:\n    # own\n    b: y # beside\n    c: z\n  name: web\n", changes), @r#"
    metadata:
      annotations:
        # own
        new: "true"
      name: web
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations:\n    a: x\n    b: y\n    # own\n    c: z\n", changes), @r#"
    metadata:
      annotations:
        a: x
        new: "true"
        # own
    "#);
    assert_snapshot!(annotate("metadata:\n  annotations:\n    b: y", changes), @r#"
    metadata:
      annotations:
        new: "true"
    "#);
    assert_snapshot!(annotate("metadata: {annotations: {b: y, c: z}}\n", changes), @r#"metadata: {annotations: {new: "true"}}"#);
    assert_snapshot!(annotate("metadata: {annotations: {a: x, b: y, c: z}}\n", changes), @r#"metadata: {annotations: {a: x, new: "true"}}"#);
    assert_snapshot!(annotate("{\n  \"metadata\": {\n    \"annotations\": {\n      \"a\": \"x\",\n      \"b\": \"y\",\n      \"c\": \"z\"\n    }\n  }\n}\n", changes), @r#"
    {
      "metadata": {
        "annotations": {
          "a": "x",
          "new": "true"
        }
      }
    }
    "#);
    assert_snapshot!(annotate("{\n  \"metadata\": {\n    \"annotations\": {\n      \"b\": \"y\"\n    }\n  }\n}\n", changes), @r#"
    {
      "metadata": {
        "annotations": {
          "new": "true"
        }
      }
    }
    "#);
}
