//! Replaces bytes of a text.

use std::ops::Range;

/// Ranges of a text and their replacements.
#[derive(Debug, Default)]
pub(crate) struct Splices {
    found: Vec<(Range<usize>, String)>,
}

impl Splices {
    /// Inserts a text before a byte. Several insertions at one byte keep their order.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(crate) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    pub(crate) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.found.push((range, text.into()));
    }

    /// The changed text; `None` if two changes overlap that do not both remove text. A text
    /// without a line break at its end stays without one.
    pub(crate) fn apply(mut self, text: &str) -> Option<String> {
        self.found
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut edited = String::with_capacity(text.len());
        let mut at = 0;
        let mut is_removed = false;
        for (range, new) in &self.found {
            if range.start < at && !(is_removed && new.is_empty()) {
                return None;
            }
            edited.push_str(text.get(at..range.start.max(at))?);
            edited.push_str(new);
            is_removed = new.is_empty();
            at = at.max(range.end);
        }
        edited.push_str(text.get(at..)?);
        if !text.ends_with('\n') && edited.ends_with('\n') {
            edited.pop();
            if edited.ends_with('\r') {
                edited.pop();
            }
        }
        Some(edited)
    }
}
