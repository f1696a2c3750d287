//! Reads texts, including malicious ones, into objects.

use kubectl_imgpolicy::manifest::objects;

/// One line per object: `LINE VALUE` or `LINE! ERROR`.
pub(super) fn read(text: &str) -> Vec<String> {
    objects(text)
        .into_iter()
        .map(|object| match object {
            Ok(object) => format!("{} {}", object.line, object.value),
            Err(error) => format!("{}! {error}", error.line),
        })
        .collect()
}

/// Checks a table of `(why, text, expected lines)`.
pub(super) fn check(table: &[(&str, &str, &[&str])]) {
    for (why, text, expected) in table {
        assert_eq!(read(text), *expected, "{why}: {text:?}");
    }
}

#[test]
fn documents_are_split_at_markers_and_keep_their_lines() {
    check(&[
        ("one without a marker", "a: 1\n", &[r#"1 {"a":1}"#]),
        ("no newline at the end", "a: 1", &[r#"1 {"a":1}"#]),
        (
            "two",
            "a: 1\n---\nb: 2\n",
            &[r#"1 {"a":1}"#, r#"3 {"b":2}"#],
        ),
        (
            "a marker first, comments, blank lines",
            "# head\n\n---\n# note\n\na: 1\n",
            &[r#"6 {"a":1}"#],
        ),
        (
            "empty and comment-only documents are skipped",
            "---\n---\n# x\n---\n\n---\na: 1\n---\n",
            &[r#"7 {"a":1}"#],
        ),
        ("nothing", "", &[]),
        ("blanks", " \n\t\n\n", &[]),
        ("only a comment", "# a: 1\n", &[]),
        ("an explicit null", "--- null\n--- ~\n", &[]),
        (
            "CRLF",
            "a: 1\r\n---\r\nb: x\r\n",
            &[r#"1 {"a":1}"#, r#"3 {"b":"x"}"#],
        ),
        ("BOM", "\u{feff}a: 1\n", &[r#"1 {"a":1}"#]),
        (
            "BOM before a marker",
            "\u{feff}---\na: 1\n",
            &[r#"2 {"a":1}"#],
        ),
        (
            "a comment after the marker",
            "--- # first\na: 1\n",
            &[r#"2 {"a":1}"#],
        ),
        (
            "content after the marker",
            "--- {a: 1}\n",
            &[r#"1 {"a":1}"#],
        ),
        (
            "blanks after the marker",
            "a: 1\n---  \t\nb: 2\n",
            &[r#"1 {"a":1}"#, r#"3 {"b":2}"#],
        ),
        (
            "an end marker, and a directive of the next document",
            "a: 1\n...\n# c\n%YAML 1.2\n---\nb: 2\n",
            &[r#"1 {"a":1}"#, r#"6 {"b":2}"#],
        ),
        (
            "a directive first",
            "%YAML 1.1\n---\na: 1\n",
            &[r#"3 {"a":1}"#],
        ),
        (
            "more than a marker",
            "a: 1\n---b: 2\n",
            &[r#"1 {"a":1,"---b":2}"#],
        ),
        (
            "an indented marker in a block scalar is content",
            "a: |\n  x\n  ---\n  y\nb: 1\n",
            &[r#"1 {"a":"x\n---\ny\n","b":1}"#],
        ),
        (
            "a hash in a block scalar is content",
            "a: |\n  # x\n",
            &[r##"1 {"a":"# x\n"}"##],
        ),
    ]);
}

#[test]
fn broken_document_reports_its_line_and_hides_no_other() {
    check(&[
        (
            "broken in the middle",
            "a: 1\n---\nb:\n\tc: 1\n---\nd: 2\n",
            &[
                r#"1 {"a":1}"#,
                "4! tabs disallowed within this context (block indentation)",
                r#"6 {"d":2}"#,
            ],
        ),
        (
            "a quote that is never closed stops at the next document",
            "a: 'x\n---\nb: 2\n",
            &[
                "1! invalid indentation in multiline quoted scalar",
                r#"3 {"b":2}"#,
            ],
        ),
        (
            "a bracket that is never closed",
            "a: 1\n---\n# c\nb: [1, 2\n---\nc: 3\n",
            &[r#"1 {"a":1}"#, "4! unclosed bracket '['", r#"6 {"c":3}"#],
        ),
        (
            "duplicate keys, which kubectl also rejects",
            "x: 1\n---\na: 1\nb: 1\na: 2\n",
            &[r#"1 {"x":1}"#, r#"5! the key "a" is duplicated"#],
        ),
        (
            "duplicate keys in JSON",
            "{\"a\": 1,\n \"a\": 2}\n",
            &[r#"2! the key "a" is duplicated"#],
        ),
        (
            "an alias without an anchor",
            "a: *nothing\n",
            &["1! alias references unknown anchor"],
        ),
        (
            "a later major version",
            "%YAML 2.0\n---\na: 1\n",
            &["1! unsupported YAML major version"],
        ),
        (
            "a key that is not a string",
            "? [a]\n: 1\n",
            &["1! a key must be a string, but this one is a list or a mapping"],
        ),
        (
            "a control character",
            "a: \u{7}\n",
            &["1! unexpected character: `\\u{7}'"],
        ),
    ]);
}

#[test]
fn document_that_is_not_a_mapping_is_rejected() {
    let expected = |what| {
        format!("1! a manifest must be a mapping with apiVersion and kind, but this is {what}")
    };
    for (text, what) in [
        ("- a: 1\n", "a list"),
        ("[]\n", "a list"),
        ("hello world\n", "a string"),
        ("12\n", "a number"),
        ("yes\n", "a boolean"),
    ] {
        assert_eq!(read(text), [expected(what)], "{text:?}");
    }
}

#[test]
fn scalars_are_read_as_in_kubectl() {
    check(&[
        (
            "YAML 1.1 booleans: the API refuses such an annotation",
            "a: yes\nb: On\nc: n\nd: 'yes'\n",
            &[r#"1 {"a":true,"b":true,"c":false,"d":"yes"}"#],
        ),
        (
            "numeric tags lose their text, as in Helm",
            "a: 1.10\nb: '1.10'\nc: 20190523\nd: 0755\ne: 1.2.3\nf: 1_000\n",
            &[r#"1 {"a":1.1,"b":"1.10","c":20190523,"d":493,"e":"1.2.3","f":1000}"#],
        ),
        (
            "a date is a string",
            "a: 2026-01-02\n",
            &[r#"1 {"a":"2026-01-02"}"#],
        ),
        (
            "not a JSON number",
            "a: .inf\nb: .nan\n",
            &[r#"1 {"a":".inf","b":".nan"}"#],
        ),
        (
            "a Windows path",
            "a: C:\\dir\\x.yaml\nb: 'C:\\n'\nc: \"C:\\\\n\"\n",
            &[r#"1 {"a":"C:\\dir\\x.yaml","b":"C:\\n","c":"C:\\n"}"#],
        ),
        (
            "an image with colons is a string",
            "image: registry:5000/app:1@sha256:ab\n",
            &[r#"1 {"image":"registry:5000/app:1@sha256:ab"}"#],
        ),
        (
            "keys are strings",
            "8080: x\non: y\n",
            &[r#"1 {"8080":"x","on":true}"#],
        ),
        (
            "a missing value is null",
            "a:\nb: ~\n",
            &[r#"1 {"a":null,"b":null}"#],
        ),
    ]);
}

#[test]
fn anchors_and_merges_are_expanded() {
    check(&[
        (
            "an alias",
            "a: &x {b: 1}\nc: *x\n",
            &[r#"1 {"a":{"b":1},"c":{"b":1}}"#],
        ),
        (
            "a merge; the mapping's own key takes precedence",
            "a: &x {b: 1, d: 4}\nc:\n  <<: *x\n  b: 2\n",
            &[r#"1 {"a":{"b":1,"d":4},"c":{"b":2,"d":4}}"#],
        ),
        (
            "an anchor ends with its document",
            "a: &x 1\n---\nb: *x\n",
            &[r#"1 {"a":1}"#, "3! alias references unknown anchor"],
        ),
    ]);
}

#[test]
fn yaml_bombs_are_rejected_with_short_messages() {
    let mut aliases = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 9].join(",");
        aliases += &format!("a{level}: &a{level} [{below}]\n");
    }
    let many = format!("a: &a x\nb: [{}x]\n", "*a,".repeat(20_000));
    let block: String = (0..2_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    for (text, expected) in [
        (&aliases, "6! its aliases expand to more than 100000 values"),
        (&many, "2! it has more than 10000 aliases or anchors"),
        (&block, "65! it is nested more than 64 levels deep"),
        (&"[".repeat(10_000), "1! recursion limit exceeded"),
        (&r#"{"a":"#.repeat(10_000), "1! recursion limit exceeded"),
    ] {
        assert_eq!(read(text), [expected]);
    }
}

#[test]
fn too_many_documents_end_with_an_error() {
    let found = objects(&"a: 1\n---\n".repeat(20_001));
    assert_eq!(found.len(), 20_001);
    let last = found.last().expect("one").as_ref().expect_err("an error");
    assert_eq!(
        last.to_string(),
        "the file has more than 20000 documents; split it"
    );
}

#[test]
fn deep_resource_definitions_are_accepted() {
    let depth = 60;
    let block: String = (0..depth)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    assert_eq!(objects(&block).iter().filter(|o| o.is_ok()).count(), 1);
}
