//! Finds the beginning, the end and the content of lines.

use std::ops::Range;

/// A text as lines. All positions are bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextLines<'a> {
    pub(crate) text: &'a str,
}

impl<'a> TextLines<'a> {
    /// The number of the line at a position, from 1.
    pub(crate) fn number(self, at: usize) -> usize {
        1 + self.text[..at]
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// Where the line begins, after a byte order mark.
    pub(crate) fn start(self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if self.text[start..at].starts_with('\u{feff}') {
            return start + '\u{feff}'.len_utf8();
        }
        start
    }

    /// Where the line ends, before its line break.
    pub(crate) fn end(self, at: usize) -> usize {
        let rest = &self.text[at..];
        let line = rest.split('\n').next().unwrap_or(rest);
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Where the next line begins.
    pub(crate) fn next(self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// The whole lines that a range touches.
    pub(crate) fn whole(self, range: &Range<usize>) -> Range<usize> {
        self.start(range.start)..self.next(range.end)
    }

    /// The line break of the line; for the last line of a text, that of the first line.
    pub(crate) fn newline(self, at: usize) -> &'static str {
        let line = match self.text[at..].find('\n') {
            Some(newline) => &self.text[..at + newline],
            None => self.text.split('\n').next().unwrap_or_default(),
        };
        if line.ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// The blanks at the beginning of the line.
    pub(crate) fn indentation(self, at: usize) -> &'a str {
        let line = &self.text[self.start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Whether the line has only blanks before this position.
    pub(crate) fn begins_line(self, at: usize) -> bool {
        self.text[self.start(at)..at]
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Whether the line has only blanks and a comment after this position.
    pub(crate) fn ends_line(self, at: usize) -> bool {
        let rest = self.text[at..self.end(at)].trim_start();
        rest.is_empty() || rest.starts_with('#')
    }

    /// The comma after an entry of a flow mapping that ends at `end`. Blanks, line breaks
    /// and comments may come before it.
    pub(crate) fn comma(self, end: usize) -> Option<usize> {
        let mut at = end;
        loop {
            let rest = self.text[at..].trim_start();
            at = self.text.len() - rest.len();
            if rest.starts_with('#') && at > end {
                at = self.next(at);
            } else {
                return rest.starts_with(',').then_some(at);
            }
        }
    }

    /// The position after the blanks that begin here.
    pub(crate) fn skip_blanks(self, at: usize) -> usize {
        self.text.len() - self.text[at..].trim_start_matches([' ', '\t']).len()
    }
}
