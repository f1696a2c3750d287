//! The tree of a JSON value.
//!
//! Valid JSON may be invalid YAML, so JSON has its own reader.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::change::Depth;
use super::tree::{Mapping, NodeKind, Tree, TreeEntry, TreeNode};

/// Reads the value in `range` of a text to this depth. The value was parsed
/// before, so it is valid and its depth is within the limit; otherwise the result is
/// `None`.
pub(crate) fn tree(text: &str, range: &Range<usize>, depth: Depth<'_>) -> Option<Tree> {
    let mut reader = JsonReader {
        text: &text[..range.end],
        at: range.start,
    };
    Some(Tree {
        root: reader.value(depth)?,
        anchors: Vec::new(),
        aliased: BTreeSet::new(),
        unit: None,
    })
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
}

impl JsonReader<'_> {
    fn value(&mut self, depth: Depth<'_>) -> Option<TreeNode> {
        self.skip_blanks();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => self.mapping(depth)?,
            b'[' => self.list(depth)?,
            b'"' => self.quoted()?,
            _ => self.word(),
        };
        Some(TreeNode {
            range: start..self.at,
            anchor: None,
            is_tagged: false,
            kind,
        })
    }

    fn mapping(&mut self, depth: Depth<'_>) -> Option<NodeKind> {
        let mut entries = Vec::new();
        self.at += 1;
        while !self.closes(b'}')? {
            let key = self.value(Depth::Closed)?;
            let inner = match &key.kind {
                NodeKind::Scalar { text, .. } => depth.child(text),
                _ => Depth::Closed,
            };
            self.skip_blanks();
            let colon = self.at;
            self.at += 1;
            let value = self.value(inner)?;
            if depth.is_open() {
                entries.push(TreeEntry {
                    key,
                    colon: Some(colon),
                    value,
                });
            }
        }
        Some(if depth.is_open() {
            NodeKind::Mapping(Mapping {
                is_flow: true,
                column: 0,
                entries,
            })
        } else {
            NodeKind::Closed
        })
    }

    fn list(&mut self, depth: Depth<'_>) -> Option<NodeKind> {
        let mut items = Vec::new();
        let mut index = 0_usize;
        self.at += 1;
        while !self.closes(b']')? {
            let item = self.value(depth.child(&index.to_string()))?;
            index += 1;
            if depth.is_open() {
                items.push(item);
            }
        }
        Some(if depth.is_open() {
            NodeKind::List(items)
        } else {
            NodeKind::Closed
        })
    }

    /// Skips a comma or the closing bracket. Returns whether it was the bracket.
    fn closes(&mut self, bracket: u8) -> Option<bool> {
        self.skip_blanks();
        if self.peek()? == b',' {
            self.at += 1;
            self.skip_blanks();
        }
        let closes = self.peek()? == bracket;
        if closes {
            self.at += 1;
        }
        Some(closes)
    }

    fn quoted(&mut self) -> Option<NodeKind> {
        let start = self.at;
        let mut is_escaped = false;
        let inside = self.text[start + 1..].bytes();
        let length = inside.into_iter().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        })?;
        self.at = start + 1 + length + 1;
        Some(NodeKind::Scalar {
            text: serde_json::from_str(&self.text[start..self.at]).ok()?,
            style: ScalarStyle::DoubleQuoted,
        })
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> NodeKind {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| c.is_ascii_whitespace() || ",}]:".contains(c));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        NodeKind::Scalar {
            text: word.to_owned(),
            style: ScalarStyle::Plain,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at = self.text.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
}
