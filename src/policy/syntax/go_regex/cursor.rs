//! A cursor in an expression, which also creates the errors at its position.

use super::error::GoRegexError;

/// Reads an expression from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// The position of the cursor, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The text that has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads one character.
    pub(crate) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        Some(next)
    }

    /// Reads the given text if it comes next.
    pub(crate) fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.offset += expected.len();
        }
        found
    }

    /// Reads up to and including the given text, and returns the part before it. If the text does
    /// not occur, it reads nothing and returns `None`.
    pub(crate) fn eat_until(&mut self, end: &str) -> Option<&'a str> {
        let (before, _after) = self.rest().split_once(end)?;
        self.offset += before.len() + end.len();
        Some(before)
    }

    /// Reads digits of this base, at most `limit` of them.
    pub(crate) fn eat_digits(&mut self, base: u32, limit: usize) -> &'a str {
        let rest = self.rest();
        let digits = rest.chars().take(limit).take_while(|c| c.is_digit(base));
        // Digits are ASCII, one byte each.
        let length = digits.count();
        self.offset += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The text that was read since `start`.
    fn since(&self, start: usize) -> String {
        self.text
            .get(start..self.offset)
            .unwrap_or_default()
            .to_owned()
    }

    /// The error that the text read since `start` is malformed.
    pub(crate) fn invalid(&self, start: usize, problem: &'static str) -> GoRegexError {
        GoRegexError::Invalid {
            problem,
            text: self.since(start),
            offset: start,
        }
    }

    /// The error that the text read since `start` is a construct of other engines.
    pub(crate) fn unsupported(&self, start: usize, construct: &'static str) -> GoRegexError {
        GoRegexError::Unsupported {
            construct,
            text: self.since(start),
            offset: start,
        }
    }
}
