//! Quoted scalars whose lines are not indented deeper than their key.
//!
//! YAML 1.2 forbids them, and Go's and C's YAML parsers, which kubectl, Flux and kustomize
//! use, accept them. The parser here does not, so the lines are given the indentation that
//! they need. The content of a quoted scalar does not depend on it.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Parser, options};

use super::split::ends_document;

/// The maximum number of lines that are repaired in one document.
const MAX_LINES: usize = 500;

/// The maximum number of bytes that are parsed to find them.
const MAX_PARSED: usize = 64 << 20;

/// The document with deeper indentation; `None` if it has no such lines. Every line keeps
/// its number.
pub(crate) fn indented(text: &str) -> Option<String> {
    let (starts, _) = under_indented(text)?;
    // Deeper than any line is deep enough.
    let deepest = text.lines().map(indentation).max().unwrap_or_default();
    let spaces = " ".repeat(deepest + 1);
    let mut fixed = String::with_capacity(text.len() + starts.len() * spaces.len());
    let mut end = 0;
    for start in starts {
        fixed.push_str(&text[end..start]);
        fixed.push_str(&spaces);
        end = start;
    }
    fixed.push_str(&text[end..]);
    Some(fixed)
}

/// The document with such lines joined to the line before, so that every other byte keeps
/// its position; unchanged if it has no such lines.
pub(crate) fn joined(text: &str) -> Cow<'_, str> {
    under_indented(text).map_or(Cow::Borrowed(text), |(_, joined)| Cow::Owned(joined))
}

/// The bytes at which such lines begin, in their order, and the joined text.
fn under_indented(text: &str) -> Option<(Vec<usize>, String)> {
    let mut joined = text.to_owned();
    let mut starts = Vec::new();
    let mut parsed = 0;
    while let Some(content) = first_under_indented(&joined) {
        parsed += text.len();
        let start = joined[..content].rfind('\n')? + 1;
        // A document cannot end within a scalar, in any parser.
        if ends_document(&joined[start..]) {
            return None;
        }
        let line_break = joined[..start]
            .strip_suffix("\r\n")
            .map_or(start - 1, str::len);
        joined.replace_range(line_break..start, &" ".repeat(start - line_break));
        starts.push(start);
        if starts.len() > MAX_LINES || parsed > MAX_PARSED {
            return None;
        }
    }
    starts.sort_unstable();
    (!starts.is_empty()).then_some((starts, joined))
}

/// The byte of the content of the first such line.
fn first_under_indented(text: &str) -> Option<usize> {
    let mut events = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    let error = events.find_map(Result::err)?;
    let is_indentation = matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent);
    error.marker().byte_offset().filter(|_| is_indentation)
}

/// The column of the first character of a line that is neither a blank nor the dash of a
/// list item.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-', '?']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_repaired_without_moving_any_other_byte() {
        for (text, expected) in [
            (
                "a:\n  b: \"one\n  two\"\n",
                Some("a:\n  b: \"one\n     two\"\n"),
            ),
            (
                "a: 'one\ntwo\n\nthree'\nb: 1\n",
                Some("a: 'one\n two\n\n three'\nb: 1\n"),
            ),
            ("a: \"one\r\ntwo\"\r\n", Some("a: \"one\r\n two\"\r\n")),
            ("a: \"one\n two\"\n", None),
            ("a: [\n", None),
        ] {
            let fixed = indented(text);
            assert_eq!(fixed.as_deref(), expected, "{text:?}");
            let joined = joined(text);
            assert_eq!(joined.len(), text.len());
            assert_eq!(joined == text, expected.is_none(), "{text:?}");
            for (before, after) in text.bytes().zip(joined.bytes()) {
                assert!(before == after || before.is_ascii_whitespace() && after == b' ');
            }
        }
    }
}
