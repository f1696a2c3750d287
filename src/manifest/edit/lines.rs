//! Where lines begin and end, and what stands on them.

use std::ops::Range;

/// A text as lines. Places are bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextLines<'a> {
    pub(crate) text: &'a str,
}

impl<'a> TextLines<'a> {
    /// The number of the line, from 1.
    pub(crate) fn number(self, at: usize) -> usize {
        1 + self.text[..at]
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// Where the line begins, behind a byte order mark.
    pub(crate) fn start(self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if self.text[start..at].starts_with('\u{feff}') {
            return start + '\u{feff}'.len_utf8();
        }
        start
    }

    /// Where the line ends, before its newline.
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

    /// How the line ends; the last line of a text as the first one does.
    pub(crate) fn newline(self, at: usize) -> &'static str {
        let ending = |line: &str| if line.ends_with('\r') { "\r\n" } else { "\n" };
        match self.text[at..].find('\n') {
            Some(newline) => ending(&self.text[..at + newline]),
            None => ending(self.text.split('\n').next().unwrap_or_default()),
        }
    }

    /// The blanks with which the line begins.
    pub(crate) fn indentation(self, at: usize) -> &'a str {
        let line = &self.text[self.start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Whether nothing stands before this place on its line.
    pub(crate) fn begins_line(self, at: usize) -> bool {
        self.text[self.start(at)..at]
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Whether nothing but a comment stands behind this place on its line.
    pub(crate) fn ends_line(self, at: usize) -> bool {
        let rest = self.text[at..self.end(at)].trim_start();
        rest.is_empty() || rest.starts_with('#')
    }

    /// The comma behind an entry of a flow mapping that ends here: over blanks,
    /// line ends and comments.
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

    /// Behind the blanks that begin here.
    pub(crate) fn skip_blanks(self, at: usize) -> usize {
        self.text.len() - self.text[at..].trim_start_matches([' ', '\t']).len()
    }
}
