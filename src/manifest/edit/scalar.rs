//! Formats strings as scalars.
//!
//! A plain scalar is written only if both YAML 1.1 and 1.2 read it as that string. One or
//! the other reads `1.10` as a number, `on` as a boolean and `2026-01-02` as a date, so
//! these get quotes.

use granit_parser::ScalarStyle;
use serde_json::Value;

use crate::manifest::yaml;
use crate::workload::plain_scalar;

/// More nodes than a single scalar has.
const MAX_NODES: usize = 8;

/// Formats a string as a scalar, in this style if possible.
pub(crate) fn format_scalar(text: &str, style: ScalarStyle, in_flow: bool) -> String {
    match style {
        ScalarStyle::Plain if is_plain(text, in_flow) => text.to_owned(),
        ScalarStyle::SingleQuoted if is_printable(text) => single_quoted(text),
        // JSON in double quotes would need many backslashes.
        ScalarStyle::Plain if is_printable(text) && text.contains('"') => single_quoted(text),
        _ => double_quoted(text),
    }
}

/// Formats a printable string in single quotes.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Formats a string in double quotes, valid in both JSON and YAML.
pub(crate) fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable_char(c) => quoted.push(c),
            // All characters that are not printable are below U+10000.
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// Formats as JSON the number or the boolean that YAML reads from a plain scalar. The text
/// of the scalar is kept if it is also valid JSON.
pub(crate) fn json_scalar(text: &str) -> String {
    let value = plain_scalar(text);
    match serde_json::from_str::<Value>(text) {
        Ok(same) if same.as_f64() == value.as_f64() => text.to_owned(),
        _ => value.to_string(),
    }
}

/// Whether YAML reads a string as itself without quotes.
pub(crate) fn is_plain(text: &str, in_flow: bool) -> bool {
    has_plain_form(text, in_flow) && !is_number_or_date(text) && !is_word(text)
}

/// Whether the characters of a string allow it without quotes, and the parser then reads
/// it as a string. Other parsers may read a number or a word.
pub(crate) fn has_plain_form(text: &str, in_flow: bool) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    is_printable(text)
        && text.trim() == text
        && !"-?:,[]{}#&*!|>'\"%@`=<~".contains(first)
        && !text.starts_with("...")
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !(in_flow && text.contains([',', '[', ']', '{', '}']))
        // The parser decides about the remaining cases.
        && yaml::value(text, MAX_NODES).ok() == Some(Value::from(text))
}

/// Whether YAML 1.1, which has more such words, reads a boolean or null.
fn is_word(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether YAML 1.1 or 1.2 may read a number, a time or a date: `1e3`, `1_000`, `0x1F`,
/// `.5`, `.inf`, `1:30`, `2026-01-02`. `1.2.3` is none of these.
fn is_number_or_date(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bare: String = lower
        .trim_start_matches(['+', '-'])
        .chars()
        .filter(|c| !matches!(c, '_' | ','))
        .collect();
    let is_based = ["0x", "0o", "0b"].iter().any(|base| {
        let digits = bare.strip_prefix(base);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let is_sexagesimal = bare.starts_with(|c: char| c.is_ascii_digit())
        && bare.contains(':')
        && bare
            .bytes()
            .all(|b| b.is_ascii_digit() || b".:".contains(&b));
    let bytes = bare.as_bytes();
    let is_date = bytes.len() > 4
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[5..].first().is_some_and(u8::is_ascii_digit);
    is_based || is_sexagesimal || is_date || bare.is_empty() || matches!(bare.as_str(), "." | ".inf" | ".nan")
        // Floats as Rust parses them: digits, a point, an exponent, `inf`, `nan`.
        || bare.parse::<f64>().is_ok()
}

fn is_printable(text: &str) -> bool {
    text.chars().all(is_printable_char)
}

/// Whether a character may be written without escaping: it is not a control character, and
/// no parser reads it as a line break or a byte order mark.
fn is_printable_char(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalar_is_a_string_in_every_yaml_version() {
        for text in [
            "org/app:1",
            "semver:^1.2",
            "1.2.3",
            "1.25.3-alpine",
            "v1",
            "glob:stg-*",
            "a#b",
            "a,b",
            "réglé ☃",
            "2026-alpha",
            "x: y".trim_end_matches(": y"),
            "regexp:^(\\d+)$",
            "12abc",
            "a'b",
        ] {
            assert!(is_plain(text, false), "{text:?}");
        }
        for text in [
            "",
            " ",
            " a",
            "a ",
            "true",
            "True",
            "YES",
            "on",
            "n",
            "null",
            "~",
            "1",
            "1.10",
            "-1",
            "+1",
            "1e3",
            "12e5678",
            "1_000",
            "1,000",
            "0x1F",
            "0o7",
            "0b1",
            "0755",
            ".5",
            "5.",
            ".inf",
            ".NaN",
            "inf",
            "1:30",
            "190:20:30",
            "2026-01-02",
            "2026-1-2T3:4:5Z",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "*",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "-",
            "- a",
            "?",
            "{\"a\": 1}",
            "[a]",
            "'a",
            "\"a",
            "|",
            ">",
            "<<",
            "=",
            "---",
            "...",
            "a\nb",
            "a\tb",
            "a\u{85}b",
            "\u{feff}",
            "a\u{2028}",
        ] {
            assert!(!is_plain(text, false), "{text:?}");
        }
        for text in ["a,b", "a]b", "a}b"] {
            assert!(!is_plain(text, true), "{text:?}");
        }
    }

    #[test]
    fn style_is_kept_if_it_can_represent_the_text() {
        for (text, style, expected) in [
            ("a", ScalarStyle::Plain, "a"),
            ("1.10", ScalarStyle::Plain, "\"1.10\""),
            ("{\"a\":\"b's\"}", ScalarStyle::Plain, "'{\"a\":\"b''s\"}'"),
            ("a", ScalarStyle::SingleQuoted, "'a'"),
            ("it's", ScalarStyle::SingleQuoted, "'it''s'"),
            ("a\\\"b", ScalarStyle::DoubleQuoted, r#""a\\\"b""#),
            ("a\nb", ScalarStyle::SingleQuoted, r#""a\nb""#),
            ("a\nb", ScalarStyle::Literal, r#""a\nb""#),
            (
                "\u{7}\u{85}\u{feff}é😀",
                ScalarStyle::Plain,
                r#""\u0007\u0085\ufeffé😀""#,
            ),
        ] {
            assert_eq!(format_scalar(text, style, false), expected);
        }
    }
}
