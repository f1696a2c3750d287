//! Whether a new value needs quotes.
//!
//! Flux quotes what Go's YAML 1.1 reads as anything but a string, and leaves every other
//! value plain. The rules here are the same, so that a run and Flux write the same bytes.
//! In some cases other parsers read more than Go's: dates, numbers beyond the range of a
//! float, and words such as `yEs`. These are always quoted.

use crate::manifest::edit::{double_quoted, has_plain_form};
use crate::workload::plain_scalar;

/// A value in the form in which it is written in place of an unquoted one.
pub(crate) fn plain_or_quoted(text: &str, in_flow: bool) -> String {
    if is_read_as_text(text) && has_plain_form(text, in_flow) {
        text.to_owned()
    } else {
        double_quoted(text)
    }
}

/// Whether every YAML parser reads a plain scalar as a string.
pub(crate) fn is_read_as_text(text: &str) -> bool {
    plain_scalar(text).is_string() && !is_date(text) && !is_huge_number(text)
}

/// `2024-02-01`, with one or two digits for the month and the day.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths = match parts.as_slice() {
        [year, month, day] => [year.len(), month.len(), day.len()],
        _ => return false,
    };
    matches!(lengths, [4, 1 | 2, 1 | 2])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// A number that Go cannot represent: `12e4567`, or a long `0xfff…`.
fn is_huge_number(text: &str) -> bool {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let is_digits = |digits: Option<&str>, base| {
        digits.is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(base)))
    };
    let is_based = is_digits(plain.strip_prefix("0x"), 16)
        || is_digits(plain.strip_prefix("0o"), 8)
        || is_digits(plain.strip_prefix("0b"), 2);
    is_based || text.starts_with(|c: char| c.is_ascii_digit()) && plain.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_some_parser_reads_as_another_type_is_quoted() {
        for text in [
            "1.10",
            "8",
            "0123",
            "089",
            "0o17",
            "0x1F",
            "0b101",
            "1_000",
            "1__0",
            "1.",
            "1e3",
            "12e4567",
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "true",
            "False",
            "NULL",
            "null",
            "2024-02-01",
            "2024-2-1",
            "20240201",
            "",
            "0xffffffffffffffffffff",
        ] {
            assert_eq!(plain_or_quoted(text, false), format!("{text:?}"));
        }
        for text in [
            "1.10.0",
            "v1",
            "NaN",
            "inf",
            "Y1",
            "_1",
            "0b12",
            "0o89",
            "0xg",
            "2024-02",
            "2024-02-01-alpine",
            "2024-02-011",
            "latest",
            "1-2",
            "1e",
            "org/app:1.10",
            "org/app:1@sha256:ab",
            "1.2.3.4",
            "12e45g",
            "1.10-rc",
            "a_1",
        ] {
            assert_eq!(plain_or_quoted(text, true), text);
        }
    }

    #[test]
    fn text_that_cannot_be_plain_is_quoted() {
        for (text, expected) in [
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("\"a", "\"\\\"a\""),
            ("a\nb", "\"a\\nb\""),
            ("&a", "\"&a\""),
        ] {
            assert_eq!(plain_or_quoted(text, false), expected);
        }
        assert_eq!(plain_or_quoted("a,b", true), "\"a,b\"");
        assert_eq!(plain_or_quoted("a,b", false), "a,b");
    }
}
