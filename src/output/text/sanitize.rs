//! Makes untrusted text safe for a terminal.
//!
//! Annotations, tags, error bodies and file names come from other people. A control
//! character in them could move the cursor, hide a row or change the window title,
//! and a bidirectional override could make one tag look like another.

use std::borrow::Cow;

/// Removes the characters that a terminal would interpret instead of showing.
///
/// Each line break and each tab becomes one space (a CRLF is one break), because the
/// words around it must stay apart. All other control characters, bidirectional
/// controls and invisible characters are dropped.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            c if is_break(c) => safe.push(' '),
            c if is_unsafe(c) => {}
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Whether a terminal would interpret the character or show nothing for it.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    // `is_control` is C0, DEL and C1.
    c.is_control()
        || matches!(c,
            // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers,
            // Mongolian selectors.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            // Zero-width characters and direction marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, isolates, deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            // Tags: a whole invisible alphabet.
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether the character begins a new line or a new column.
fn is_break(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_borrowed() {
        for text in ["", "1.2.3-alpine", "größer 日本語 👍", "a  b"] {
            assert!(matches!(sanitize(text), Cow::Borrowed(t) if t == text));
        }
    }

    #[test]
    fn control_sequences_are_removed() {
        for (text, expected) in [
            ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"),
            ("\u{9b}31mred", "31mred"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("a\u{7f}\u{8}b\0", "ab"),
            ("1.0\u{202e}1.9\u{2066}\u{2069}\u{200f}", "1.01.9"),
            ("zero\u{200b}width\u{200d}\u{feff}", "zerowidth"),
            ("\u{e0041}tag", "tag"),
        ] {
            assert_eq!(sanitize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn line_break_becomes_one_space() {
        for (text, expected) in [
            ("a\nb", "a b"),
            ("a\r\nb", "a b"),
            ("a\rb", "a b"),
            ("a\n\nb", "a  b"),
            ("a\tb\u{2028}c\u{85}d", "a b c d"),
        ] {
            assert_eq!(sanitize(text), expected, "{text:?}");
        }
    }
}
