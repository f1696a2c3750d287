//! Shortens and wraps text to fit a width.

use super::style::width;

/// Replaces the part that is cut; one column wide.
const ELLIPSIS: char = '…';

/// Shortens a text to this many columns by cutting its end.
#[must_use]
pub(crate) fn elide_end(text: &str, columns: usize) -> String {
    elide(text, columns, columns.saturating_sub(1))
}

/// Shortens a text to this many columns by cutting its middle, where related names
/// usually differ least. The end gets the odd column because it usually says more.
#[must_use]
pub(crate) fn elide_middle(text: &str, columns: usize) -> String {
    elide(text, columns, columns.saturating_sub(1) / 2)
}

/// Keeps this many columns of the head, and fills the rest with the tail.
fn elide(text: &str, columns: usize, head: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut short = take(text.chars(), head);
    let tail = take(
        text.chars().rev(),
        columns - 1 - width(&short).min(columns - 1),
    );
    // If a wide character did not fit into the head, the tail gets its column.
    let tail = if head + 1 == columns {
        String::new()
    } else {
        tail
    };
    short.push(ELLIPSIS);
    short.extend(tail.chars().rev());
    // A variation selector in the tail can widen the character before it.
    while width(&short) > columns && short.pop().is_some() {}
    short
}

/// The first characters that fit.
fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = String::new();
    for c in chars {
        taken.push(c);
        if width(&taken) > columns {
            taken.pop();
            break;
        }
    }
    taken
}

/// Wraps a text into lines of at most this many columns. It breaks at spaces, or
/// within a word that is wider than a line. Every line but the first is indented.
/// No text is lost. Without a width the result is one line.
#[must_use]
pub(crate) fn wrap(text: &str, columns: Option<usize>, indent: usize) -> String {
    let Some(columns) = columns.filter(|&columns| width(text) > columns) else {
        return text.to_owned();
    };
    let room = columns.saturating_sub(indent).max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let limit = if lines.is_empty() { columns } else { room };
        if !line.is_empty() && width(&line) + 1 + width(word) > limit {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            let limit = if lines.is_empty() { columns } else { room };
            line.push(c);
            if width(&line) > limit {
                line.pop();
                lines.push(std::mem::take(&mut line));
                line.push(c);
            }
        }
    }
    lines.push(line);
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_fits_is_unchanged() {
        assert_eq!(elide_end("abc", 3), "abc");
        assert_eq!(elide_middle("abc", 3), "abc");
        assert_eq!(elide_end("", 0), "");
    }

    #[test]
    fn text_that_does_not_fit_is_cut() {
        for (columns, end, middle) in [
            (6, "abcde…", "ab…xyz"),
            (5, "abcd…", "ab…yz"),
            (2, "a…", "…z"),
            (1, "…", "…"),
            (0, "", ""),
        ] {
            assert_eq!(elide_end("abcdefxyz", columns), end);
            assert_eq!(elide_middle("abcdefxyz", columns), middle);
        }
    }

    #[test]
    fn wide_character_takes_two_columns() {
        assert_eq!(elide_end("日本語", 4), "日…");
        assert_eq!(elide_end("日本語", 5), "日本…");
        assert_eq!(elide_middle("日本語日本語", 6), "日…語");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", Some(8), 2), "one two\n  three");
        assert_eq!(wrap("one two three", None, 2), "one two three");
        assert_eq!(wrap("abcdefgh", Some(4), 1), "abcd\n efg\n h");
    }

    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| !c.is_whitespace())
    }

    proptest! {
        #[test]
        fn result_is_never_wider_than_requested(text in "\\PC{0,30}", columns in 0_usize..40) {
            prop_assert!(width(&elide_end(&text, columns)) <= columns);
            prop_assert!(width(&elide_middle(&text, columns)) <= columns);
        }

        #[test]
        fn wrapping_loses_no_text(text in "[a-z日 ]{0,60}", columns in 4_usize..40) {
            let wrapped = wrap(&text, Some(columns), 2);
            for line in wrapped.lines() {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            prop_assert!(letters(&wrapped).eq(letters(&text)), "{wrapped:?}");
        }
    }
}
