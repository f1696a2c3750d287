//! Quoted scalars whose lines are not indented deeper than their key.

use super::documents::check;
use super::edit::{annotate, refused, set};

#[test]
fn lines_of_a_quoted_scalar_may_be_at_the_column_of_its_key() {
    check(&[
        (
            "in double quotes",
            "a:\n  b: \"first\n  second\"\n  c: 1\n---\nd: 2\n",
            &[r#"1 {"a":{"b":"first second","c":1}}"#, r#"6 {"d":2}"#],
        ),
        (
            "in single quotes, at the margin, with an empty line",
            "a: 'it''s\none\n\ntwo'\nb: [c]\n",
            &[r#"1 {"a":"it's one\ntwo","b":["c"]}"#],
        ),
        (
            "in a list, with CRLF",
            "- x\r\n---\r\na:\r\n- \"one\r\n- two\r\n  three\"\r\n- b\r\n",
            &[
                "1! a manifest must be a mapping with apiVersion and kind, but this is a list",
                r#"3 {"a":["one - two three","b"]}"#,
            ],
        ),
        (
            "with a line that looks like a key and a comment",
            "a:\n  b: \"one\n  c: 2 # no\n  '\"\n",
            &[r##"1 {"a":{"b":"one c: 2 # no '"}}"##],
        ),
    ]);
}

#[test]
fn document_with_such_lines_is_edited_in_place() {
    let text = "kind: Deployment\nmetadata:\n  name: web\n  annotations:\n    note: \"first\n    \
                second\" # ours\n    a: b\nspec:\n  image: 'q/app:1' # image\n";
    let edited = set(text, &["spec", "image"], "q/app:2");
    assert_eq!(edited, text.replace("q/app:1", "q/app:2"));
    let annotated = annotate(text, &[("a", Some("c")), ("x", Some("z"))]);
    let expected = text.replace("    a: b\n", "    a: c\n    x: z\n");
    assert_eq!(annotated, expected);
    let removed = annotate(text, &[("note", None)]);
    assert_eq!(
        removed,
        text.replace("    note: \"first\n    second\" # ours\n", "")
    );
    let replaced = annotate(text, &[("note", Some("new"))]);
    assert_eq!(replaced, text.replace("\"first\n    second\"", "\"new\""));
    refused(text, &["metadata", "name", "x"], Some("1"));
}

#[test]
fn document_does_not_end_within_a_quoted_scalar() {
    for marker in ["...", "---"] {
        let text = format!("a: \"one\n{marker} two\"\nb: 1\n");
        let found = kubectl_imgpolicy::manifest::objects(&text);
        assert!(found.iter().any(Result::is_err), "{text}: {found:?}");
    }
}
