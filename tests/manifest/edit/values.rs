//! Existing scalars.

use kubectl_imgpolicy::manifest::objects;

use super::set;

const IMAGE: &[&str] = &["spec", "image"];

/// Sets `spec.image` in a line and checks that its neighbours are unchanged.
fn line(old: &str, new: &str) -> String {
    let around = |line: &str| format!("# é ☃ \nspec:\n  a: 1 # one\n{line}\n  z: [x] # end\n");
    let edited = set(&around(old), IMAGE, new);
    let (head, rest) = edited.split_once("# one\n").expect("the line before");
    let (line, tail) = rest.rsplit_once("\n  z").expect("the next line");
    assert_eq!(head, "# é ☃ \nspec:\n  a: 1 ");
    assert_eq!(tail, ": [x] # end\n");
    line.to_owned()
}

#[test]
fn value_keeps_its_quotes_comment_and_blanks() {
    for (old, expected) in [
        ("  image: a:1", "  image: b:2"),
        ("  image:   a:1   # c", "  image:   b:2   # c"),
        ("  image: 'a:1' # c", "  image: 'b:2' # c"),
        ("  image: \"a:1\"\t# c", "  image: \"b:2\"\t# c"),
        ("  \"image\": a:1", "  \"image\": b:2"),
        ("  'image'  : a:1", "  'image'  : b:2"),
        ("  image:\n    a:1", "  image:\n    b:2"),
        ("  image: # c\n    a:1", "  image: # c\n    b:2"),
        ("  image: a\n    b", "  image: b:2"),
        ("  image: \"a\n    b\" # c", "  image: \"b:2\" # c"),
        ("  image: &own a:1", "  image: &own b:2"),
        (
            "  image: a:1 # {\"$imagepolicy\": \"ns:app\"}",
            "  image: b:2 # {\"$imagepolicy\": \"ns:app\"}",
        ),
    ] {
        assert_eq!(line(old, "b:2"), expected, "{old:?}");
    }
}

#[test]
fn empty_value_is_filled() {
    for (old, expected) in [
        ("  image:", "  image: b:2"),
        ("  image: # c", "  image: b:2 # c"),
        ("  image: ~", "  image: b:2"),
        ("  image: null # c", "  image: b:2 # c"),
        ("  image: ''", "  image: 'b:2'"),
    ] {
        assert_eq!(line(old, "b:2"), expected, "{old:?}");
    }
}

#[test]
fn string_that_yaml_would_misread_gets_quotes() {
    for text in [
        "1.10",
        "true",
        "on",
        "0x1F",
        "1e3",
        "~",
        "",
        "1:30",
        "2026-01-02",
        "a: b",
        "*a",
    ] {
        assert_eq!(
            line("  image: 1.9-alpine", text),
            format!("  image: \"{text}\"")
        );
        assert_eq!(line("  image: '1'", text), format!("  image: '{text}'"));
    }
    assert_eq!(
        line("  image: 1.10", "1.10"),
        "  image: \"1.10\"",
        "a number before"
    );
    assert_eq!(line("  image: true", "true"), "  image: \"true\"");
    assert_eq!(line("  image: 1.2.2", "1.2.3"), "  image: 1.2.3");
}

#[test]
fn block_scalar_becomes_one_line_and_keeps_the_rest() {
    for (old, expected) in [
        ("  image: |\n    a\n    b", "  image: \"b:2\""),
        (
            "  image: >-  # c\n    a\n\n    b\n\n",
            "  image: \"b:2\"  # c\n\n",
        ),
        ("  image: |+\n    a\n\n", "  image: \"b:2\"\n\n"),
        ("  image: |2-\n    a\n  # c", "  image: \"b:2\"\n  # c"),
        ("  image: |", "  image: \"b:2\""),
    ] {
        assert_eq!(line(old, "b:2"), expected, "{old:?}");
    }
}

#[test]
fn every_string_survives_every_style() {
    let texts = [
        "",
        " ",
        "a",
        "a\nb\n",
        "\n",
        "\r\n",
        "\t",
        "it's",
        "\"",
        "\\",
        "\\n",
        "{\"a\":\"b\"}",
        "[1]",
        "a: b",
        "a #b",
        "#",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "- a",
        "? a",
        ": a",
        "|",
        ">",
        "é☃😀",
        "\u{85}\u{2028}\u{feff}\u{7f}\u{1}",
        "true",
        "no",
        "null",
        "1",
        "1.10",
        "0755",
        "---",
        "...",
        "<<",
        "=",
        "semver:^1.2",
        "a,b",
        "a]",
        "}",
        "{{ x }}",
        "x\u{a0}",
        "'",
        "''",
        "\"a\"",
        " a",
        "a ",
    ];
    let long = "x y ".repeat(5000) + "z";
    for text in texts.into_iter().chain([long.as_str()]) {
        for old in [
            "a: {b: {c: x}}",
            "a: {\"b\": {\"c\":\"x\"}}",
            "a:\n  b: {c: 'x', d: 1}",
            "a:\n  b:\n    c: x # d\n  d: 1",
            "a:\n  b:\n    c: 'x'\n",
            "a:\n  b:\n    c: \"x\"\r\n  d: 1\r\n",
            "a:\n  b:\n    c: |\n      x\n  d: 1\n",
            "a:\n  b:\n    c:\n",
            "a:\n  b:\n    d: 1\n",
            "a:\n  b: {}\n",
            "a:\n",
            "a: {b: }",
            "{a: {b}}",
            "{\"a\":{\"b\":{\"c\":1}}}",
            "{\n\t\"a\": {\n\t\t\"b\": {}\n\t}\n}\n",
            "{\"a\": null}",
        ] {
            let edited = set(old, &["a", "b", "c"], text);
            let objects = objects(&edited);
            let value = &objects[0].as_ref().expect("an object").value;
            assert_eq!(value["a"]["b"]["c"], text, "{old:?} {edited:?}");
        }
    }
}
