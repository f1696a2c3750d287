//! A line of typed text with a cursor.

use dialoguer::console::Key;

use crate::output::is_unsafe;

/// The text, and the character before which the next one is inserted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Line {
    text: Vec<char>,
    cursor: usize,
}

/// Ctrl-U clears the line and Ctrl-W deletes the last word, as in a shell.
const CLEAR: char = '\u{15}';
const CLEAR_WORD: char = '\u{17}';

impl Line {
    /// A text with the cursor at its end.
    pub(crate) fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        Self {
            cursor: text.len(),
            text,
        }
    }

    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The text before the cursor.
    pub(crate) fn before_cursor(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    /// Applies a key to the line. Returns whether the text changed.
    pub(crate) fn press(&mut self, key: &Key) -> bool {
        let before = self.text.clone();
        match key {
            Key::ArrowLeft => self.cursor = self.cursor.saturating_sub(1),
            Key::ArrowRight => self.cursor = (self.cursor + 1).min(self.text.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            Key::Del if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
            }
            Key::Char(CLEAR) => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Char(CLEAR_WORD) => {
                let end = self.cursor;
                while self.cursor > 0 && !self.text[self.cursor - 1].is_alphanumeric() {
                    self.cursor -= 1;
                }
                while self.cursor > 0 && self.text[self.cursor - 1].is_alphanumeric() {
                    self.cursor -= 1;
                }
                self.text.drain(self.cursor..end);
            }
            Key::Char(c) if !is_unsafe(*c) => {
                self.text.insert(self.cursor, *c);
                self.cursor += 1;
            }
            _ => {}
        }
        self.text != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_the_line_at_the_cursor() {
        let mut line = Line::new("semver:~1.2");
        for (key, expected, before) in [
            (Key::Char('3'), "semver:~1.23", "semver:~1.23"),
            (Key::Backspace, "semver:~1.2", "semver:~1.2"),
            (Key::ArrowLeft, "semver:~1.2", "semver:~1."),
            (Key::Char('0'), "semver:~1.02", "semver:~1.0"),
            (Key::Del, "semver:~1.0", "semver:~1.0"),
            (Key::Char(CLEAR_WORD), "semver:~1.", "semver:~1."),
            (Key::Home, "semver:~1.", ""),
            (Key::Backspace, "semver:~1.", ""),
            (Key::ArrowRight, "semver:~1.", "s"),
            (Key::Char('\u{7}'), "semver:~1.", "s"),
            (Key::End, "semver:~1.", "semver:~1."),
            (Key::Char(CLEAR), "", ""),
            (Key::Char('日'), "日", "日"),
        ] {
            line.press(&key);
            assert_eq!(
                (line.text().as_str(), line.before_cursor().as_str()),
                (expected, before),
                "{key:?}"
            );
        }
    }
}
