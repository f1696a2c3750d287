//! JSON, lists and templates: texts other than a single YAML mapping.

use super::documents::{check, read};

#[test]
fn json_is_read_as_json() {
    check(&[
        (
            "indented with tabs, which YAML forbids",
            "{\n\t\"a\": {\n\t\t\"b\": [1, 2.5, null, true]\n\t}\n}\n",
            &[r#"1 {"a":{"b":[1,2.5,null,true]}}"#],
        ),
        (
            "one object per line",
            "{\"a\": 1}\n\n{\"b\": 2}\n",
            &[r#"1 {"a":1}"#, r#"3 {"b":2}"#],
        ),
        (
            "several on one line",
            "{\"a\": 1}{\"b\": 2} {\"c\": 3}",
            &[r#"1 {"a":1}"#, r#"1 {"b":2}"#, r#"1 {"c":3}"#],
        ),
        (
            "a broken line after a good one",
            "{\"a\": 1}\n{\"b\": }\n",
            &[r#"1 {"a":1}"#, "2! expected value"],
        ),
        (
            "a missing comma, which YAML would read as one string",
            "{\"a\": 1\n \"b\": 2}\n",
            &["2! expected `,` or `}`"],
        ),
        (
            "a string without an end, which belongs to its own line",
            "{\"a\": 1,\n \"b\": \"2\n, \"c\": \"3\"}\n",
            &["2! control character (\\u0000-\\u001F) found while parsing a string"],
        ),
        (
            "the same with the line breaks of Windows",
            "{\"a\": 1,\r\n \"b\": \"2\r\n, \"c\": \"3\"}\r\n",
            &["2! control character (\\u0000-\\u001F) found while parsing a string"],
        ),
        (
            "between YAML documents",
            "a: 1\n---\n{\"b\": 2}\n---\nc: 3\n",
            &[r#"1 {"a":1}"#, r#"3 {"b":2}"#, r#"5 {"c":3}"#],
        ),
        (
            "YAML in flow style",
            "{a: 1, b: [x]}\n",
            &[r#"1 {"a":1,"b":["x"]}"#],
        ),
        (
            "escapes",
            r#"{"a": "\u00e9\n\ud83d\ude00"}"#,
            &[r#"1 {"a":"é\n😀"}"#],
        ),
    ]);
}

#[test]
fn lists_are_replaced_by_their_items() {
    check(&[
        (
            "a List, and a nested one, at the line of the document",
            "x: 1\n---\nkind: List\nitems:\n- a: 1\n- kind: List\n  items:\n  - b: 2\n  - null\n",
            &[r#"1 {"x":1}"#, r#"3 {"a":1}"#, r#"3 {"b":2}"#],
        ),
        ("an empty one", "kind: List\nitems: []\n", &[]),
        (
            "the API's own lists omit the kind of the items",
            r#"{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"a":1},{"kind":"X","a":2}]}"#,
            &[
                r#"1 {"a":1,"kind":"Deployment","apiVersion":"apps/v1"}"#,
                r#"1 {"kind":"X","a":2}"#,
            ],
        ),
        (
            "an object whose kind only ends in List",
            "kind: AllowList\nspec: {}\n",
            &[r#"1 {"kind":"AllowList","spec":{}}"#],
        ),
        (
            "an item that is not an object",
            "kind: List\nitems: [1]\n",
            &["1! a manifest must be a mapping with apiVersion and kind, but this is a number"],
        ),
    ]);
}

#[test]
fn helm_template_is_recognised() {
    for text in [
        "image: {{ .Values.image }}\n",
        "name: {{ .Release.Name }}-web\n",
        "{{- if .Values.on }}\na: 1\n{{- end }}\n",
    ] {
        let lines = read(text);
        let advice = "if this is a Helm template, render it first: \
                      helm template … | kubectl imgpolicy status -f -";
        assert!(lines[0].ends_with(advice), "{lines:?}");
    }
    assert_eq!(read("a: '{{ x }}'\n"), [r#"1 {"a":"{{ x }}"}"#]);
}
