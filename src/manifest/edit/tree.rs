//! The values of a text with their places, as deep as a change goes.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::ScalarStyle;

/// A value. Places are bytes of the whole text.
#[derive(Debug)]
pub(crate) struct TreeNode {
    /// From its first byte to behind its last. A block scalar begins below its
    /// header; an empty value begins and ends behind its colon.
    pub(crate) range: Range<usize>,
    /// Its anchor's number, if it has one.
    pub(crate) anchor: Option<usize>,
    /// Whether it has a tag.
    pub(crate) is_tagged: bool,
    /// What it is.
    pub(crate) kind: NodeKind,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// A text, a number, a boolean or nothing.
    Scalar {
        /// Its text without quotes.
        text: String,
        /// How it is quoted.
        style: ScalarStyle,
    },
    /// `*name`.
    Alias,
    /// A list.
    List(Vec<TreeNode>),
    /// A mapping.
    Mapping(Mapping),
    /// A list or mapping that no change leads into.
    Closed,
}

/// A mapping's entries and its form.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Whether it stands in braces.
    pub(crate) is_flow: bool,
    /// In block form, the column of its keys.
    pub(crate) column: usize,
    /// Its keys and values, in the text's order.
    pub(crate) entries: Vec<TreeEntry>,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct TreeEntry {
    /// The key; `None` in place of a text where it is none.
    pub(crate) key: TreeNode,
    /// Where the colon stands, in the plain `key: value` form.
    pub(crate) colon: Option<usize>,
    /// The value.
    pub(crate) value: TreeNode,
}

/// A root value and the anchors of its document.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The root value.
    pub(crate) root: TreeNode,
    /// Every anchor: the byte at which its value begins, and its number.
    pub(crate) anchors: Vec<(usize, usize)>,
    /// The anchors that an alias names.
    pub(crate) aliased: BTreeSet<usize>,
    /// By how many columns the first block mapping in another is indented.
    pub(crate) unit: Option<usize>,
}

impl TreeNode {
    /// A scalar without a single character, read as null.
    pub(crate) fn is_empty_scalar(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { .. }) && self.range.is_empty()
    }

    /// Nothing, `null` or `~`.
    pub(crate) fn is_null(&self) -> bool {
        match &self.kind {
            NodeKind::Scalar {
                text,
                style: ScalarStyle::Plain,
            } => {
                self.range.is_empty()
                    || matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// A text written as `|` or `>`.
    pub(crate) fn is_block_scalar(&self) -> bool {
        let style = match &self.kind {
            NodeKind::Scalar { style, .. } => *style,
            _ => return false,
        };
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    /// What it is, for an error.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::Alias => "an alias",
            NodeKind::List(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
            NodeKind::Closed => "a list or a mapping",
        }
    }
}

impl TreeEntry {
    /// The key's text.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.key.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Where it begins.
    pub(crate) fn start(&self) -> usize {
        self.key.range.start
    }

    /// Where it ends: behind its value, or behind its colon, or its key.
    pub(crate) fn end(&self) -> usize {
        let colon = self.colon.map_or(0, |colon| colon + 1);
        self.key.range.end.max(colon).max(self.value.range.end)
    }
}
