//! Common edits of manifests that are hard to edit.

use kubectl_imgpolicy::manifest::{ObjectEdit, edit, objects};
use serde_json::Value;

use super::{annotation, place};

/// Texts with the position of an object in them. It has an annotation `keep` or no
/// annotations, and its first container runs `org/app:1`.
const CORPUS: &[(&str, usize, &str)] = &[
    (
        "compact lists",
        0,
        "metadata:\n  name: w\nspec:\n  containers:\n  - image: org/app:1\n    name: a\n",
    ),
    (
        "a list with wide indentation",
        0,
        "metadata: {name: w}\nspec:\n  containers:\n    -   name: a\n        image:   org/app:1   \n",
    ),
    (
        "keys in quotes",
        0,
        "\"metadata\":\n  'name': w\n'spec':\n  \"containers\":\n  - 'image': \"org/app:1\"\n",
    ),
    (
        "blanks before colons",
        0,
        "metadata :\n  name : w\nspec :\n  containers :\n  - image : org/app:1 \n",
    ),
    (
        "an empty item at the end",
        0,
        "spec:\n  containers:\n  - image: org/app:1\nmetadata:\n  finalizers:\n  - a\n  -\n\nx: y\n",
    ),
    (
        "a string that looks like a document",
        0,
        "metadata:\n  name: w\n  annotations:\n    keep: |\n      metadata:\n        annotations:\n          keep: no\n      --- \n      image: org/app:1\nspec:\n  containers:\n  - {image: org/app:1}\n",
    ),
    (
        "a block scalar with an indentation indicator",
        0,
        "metadata:\n  annotations:\n    keep: |2\n        deep\n      less\n\n\nspec:\n  containers: [{image: org/app:1}]\n",
    ),
    (
        "a folded block scalar that keeps its last line breaks",
        0,
        "spec:\n  containers:\n  - image: org/app:1\nmetadata:\n  annotations:\n    keep: >+\n      a\n\n      b\n\n\n",
    ),
    (
        "a block scalar at the very end",
        0,
        "spec:\n  containers:\n  - image: org/app:1\nmetadata:\n  annotations:\n    keep: |-\n      a",
    ),
    (
        "a multi-line plain scalar",
        0,
        "metadata:\n  annotations:\n    keep: a\n      b\n\n      c\n  name: w\nspec:\n  containers:\n  - image:\n      org/app:1\n",
    ),
    (
        "a multi-line quoted scalar",
        0,
        "metadata:\n  annotations:\n    keep: \"a \\\n      # no comment\\n\\\n      b: c\"\nspec:\n  containers:\n  - image: 'org/app:1'\n",
    ),
    (
        "anchors that are used only elsewhere",
        0,
        "x: &x {a: b}\ny: *x\nmetadata:\n  name: &n w\n  labels: {<<: *x}\nspec:\n  name: *n\n  containers:\n  - image: org/app:1\n    env: *x\n",
    ),
    (
        "comments everywhere",
        0,
        "# a\nmetadata: # b\n# c\n  # d\n  name: w # e\n      # f\n# g\nspec: # h\n  containers: # i\n  # j\n  - # k\n    # l\n    image: org/app:1 # m\n    # n\n# o\n",
    ),
    (
        "comments between items and no newline",
        0,
        "metadata:\n  annotations:\n    # only\n    keep: x\n    # last\nspec:\n  containers:\n  - image: org/app:1\n  # end",
    ),
    (
        "tabs where they are allowed",
        0,
        "metadata:\t# a\n  name:\tw\t# b\t\nspec:\n  containers:\t\n  - image:\t'org/app:1'\t# c\n",
    ),
    (
        "a flow mapping over several lines",
        0,
        "metadata: {\n  name: w, annotations: { keep: x }\n}\nspec: { containers: [\n  { image: org/app:1,\n    name: a }\n] }\n",
    ),
    (
        "a flow mapping with commas before",
        0,
        "metadata:\n  { name: w\n  , annotations: { keep: x }\n  }\nspec: {containers: [{image: \"org/app:1\"}]}\n",
    ),
    (
        "a flow mapping without blanks",
        0,
        "{metadata: {\"name\":w},spec: {\"containers\":[{\"image\":\"org/app:1\"}]}}\n",
    ),
    (
        "JSON in YAML",
        0,
        "metadata: {\"name\": \"w\", \"annotations\": {\"keep\": \"{\\\"a\\\": [1, 2]}\"}}\nspec: {\"containers\": [{\"image\": \"org/app:1\"}]}\n",
    ),
    (
        "JSON with keys in values",
        0,
        "{\"x\": \"{\\\"metadata\\\": \\\\\", \"metadata\": {\"name\": \"\\\"}\"}, \"spec\": {\"containers\": [{\"image\": \"org/app:1\"}]}}",
    ),
    (
        "JSON with tabs and empty lines",
        0,
        "\n{\n\n\t\"metadata\"\t:\t{\n\t\t\"annotations\": {\n\t\t\t\"keep\": \"x\"\n\n\t\t}\n\t},\n\t\"spec\": {\"containers\": [\n\t\t{\"image\"\n:\n\"org/app:1\"}]}\n}\n\n",
    ),
    (
        "JSON after YAML after JSON",
        2,
        "{\"a\": 1}\n---\na: 1\n---\n{\"metadata\": {}, \"spec\": {\"containers\": [{\"image\": \"org/app:1\"}]}}\n---\n# end\n",
    ),
    (
        "an empty flow mapping",
        0,
        "metadata: { }\nspec:\n  containers:\n  - image: org/app:1\n",
    ),
    (
        "no metadata",
        0,
        "kind: X\nspec:\n  containers:\n  - image: org/app:1",
    ),
    (
        "broken neighbours",
        1,
        "a: [\n---\nmetadata:\n  name: w\nspec:\n  containers:\n  - image: org/app:1\n---\n{{ if x }}\n",
    ),
    (
        "directives and end markers",
        1,
        "%YAML 1.1\n---\na: b\n...\n# c\n%YAML 1.2\n# d\n---\nmetadata:\n  name: w\nspec:\n  containers:\n  - image: org/app:1\n...\n",
    ),
    (
        "content on the line of the marker",
        1,
        "--- {a: b}\n--- {metadata: {name: w}, spec: {containers: [{image: org/app:1}]}} # c\n--- # d\n",
    ),
    (
        "a list in a list in a list",
        0,
        "kind: List\nitems:\n- kind: List\n  items:\n  - kind: List\n    items:\n      - metadata:\n          name: w\n        spec:\n          containers:\n          - image: org/app:1\n",
    ),
    (
        "an item that begins with its annotations",
        0,
        "kind: List\nitems:\n- metadata:\n    annotations:\n      keep: x\n  spec:\n    containers:\n    - image: org/app:1\n- 1\n",
    ),
    (
        "multi-byte characters",
        0,
        "# 日本語 😀\nmetadata:\n  名前: é\u{301}\n  annotations:\n    keep: \"日本語\" # 語\nspec:\n  containers:\n  - 😀: ☃\n    image: org/app:1 # ☃\n",
    ),
    (
        "keys that are not strings",
        0,
        "1: a\ntrue: b\n~x: c\nmetadata:\n  name: w\n  annotations:\n    keep: x\n    1: \"2\"\nspec:\n  containers:\n  - image: org/app:1\n",
    ),
    (
        "a question mark before another key",
        0,
        "? x\n: y\nmetadata:\n  ? name\n  : w\nspec:\n  containers:\n  - image: org/app:1\n",
    ),
    (
        "tags on other values",
        0,
        "metadata:\n  name: !!str 1\nspec:\n  x: !!int \"2\"\n  containers:\n  - image: org/app:1\n",
    ),
];

/// The text with its own and with other line breaks, with a byte order mark, and after a
/// long line.
fn spellings(text: &str) -> Vec<String> {
    let long = format!("# {}\n{text}", "é".repeat(5000));
    vec![
        text.to_owned(),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        long,
    ]
}

fn object(text: &str, index: usize) -> Value {
    let object = objects(text).swap_remove(index);
    object.expect("an object").value
}

#[test]
fn added_and_removed_annotation_leaves_no_trace() {
    for (what, index, text) in CORPUS {
        for text in spellings(text) {
            let with = |value: Option<&str>| {
                [ObjectEdit {
                    index: *index,
                    places: vec![annotation("fluxcd.io/automated", value)],
                }]
            };
            let there = edit(&text, &with(Some("true")))
                .unwrap_or_else(|e| panic!("{what}: {e}: {text:?}"));
            assert!(
                there.len() > text.len() && there.contains("fluxcd.io/automated"),
                "{what}"
            );
            let value = object(&there, *index);
            assert_eq!(
                value["metadata"]["annotations"]["fluxcd.io/automated"], "true",
                "{what}"
            );
            let back =
                edit(&there, &with(None)).unwrap_or_else(|e| panic!("{what}: {e}: {there:?}"));
            let has_metadata =
                objects(&text)[*index].as_ref().expect("an object").value["metadata"].is_object();
            if has_metadata && !text.contains("{ }") {
                assert_eq!(back, text, "{what}: {there}");
            }
        }
    }
}

#[test]
fn image_can_be_changed_and_restored() {
    for (what, index, text) in CORPUS {
        for text in spellings(text) {
            let with = |image: &str| {
                [ObjectEdit {
                    index: *index,
                    places: vec![place(&["spec", "containers", "0", "image"], Some(image))],
                }]
            };
            let new =
                edit(&text, &with("org/app:2")).unwrap_or_else(|e| panic!("{what}: {e}: {text:?}"));
            let (at, _) = text.rmatch_indices("org/app:1").next().expect("an image");
            let expected = format!("{}org/app:2{}", &text[..at], &text[at + 9..]);
            assert_eq!(new, expected, "{what}");
            assert_eq!(edit(&new, &with("org/app:1")).as_ref(), Ok(&text), "{what}");
        }
    }
}

#[test]
fn existing_annotation_can_be_changed_and_removed() {
    for (what, index, text) in CORPUS.iter().filter(|(_, _, text)| text.contains("keep")) {
        for text in spellings(text) {
            for value in [Some("a: b\n"), Some("true"), None] {
                let edits = [ObjectEdit {
                    index: *index,
                    places: vec![annotation("keep", value)],
                }];
                let edited =
                    edit(&text, &edits).unwrap_or_else(|e| panic!("{what}: {e}: {text:?}"));
                let object = object(&edited, *index);
                let annotations = &object["metadata"]["annotations"];
                assert_eq!(annotations["keep"].as_str(), value, "{what}: {edited}");
                assert_eq!(edit(&edited, &edits).as_ref(), Ok(&edited), "{what}");
            }
        }
    }
}
