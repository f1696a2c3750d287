//! The values of a text with their positions.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::ScalarStyle;

/// A value. Positions are bytes of the whole text.
#[derive(Debug)]
pub(crate) struct TreeNode {
    /// Its bytes. A block scalar begins below its header; an empty value begins and ends
    /// after its colon.
    pub(crate) range: Range<usize>,
    /// The number of its anchor, if it has one.
    pub(crate) anchor: Option<usize>,
    /// Whether it has a tag.
    pub(crate) is_tagged: bool,
    /// Its kind.
    pub(crate) kind: NodeKind,
}

/// The kind of a value.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// A string, a number, a boolean or nothing.
    Scalar {
        /// Its text without quotes.
        text: String,
        /// Its quoting style.
        style: ScalarStyle,
    },
    /// `*name`, with the number of its anchor.
    Alias(usize),
    /// A list.
    List(Vec<TreeNode>),
    /// A mapping.
    Mapping(Mapping),
    /// A list or mapping without changes in it. Its content is not kept.
    Closed,
}

/// The entries of a mapping and its style.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Whether it is written in braces.
    pub(crate) is_flow: bool,
    /// In block style, the column of its keys.
    pub(crate) column: usize,
    /// Its keys and values, in the order of the text.
    pub(crate) entries: Vec<TreeEntry>,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct TreeEntry {
    /// The key.
    pub(crate) key: TreeNode,
    /// The position of the colon, in the plain `key: value` form.
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
    /// The anchors that aliases refer to.
    pub(crate) aliased: BTreeSet<usize>,
    /// The indentation of the first nested block mapping, in columns.
    pub(crate) unit: Option<usize>,
}

impl TreeNode {
    /// Whether it is a scalar without characters, which is read as null.
    pub(crate) fn is_empty_scalar(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { .. }) && self.range.is_empty()
    }

    /// Whether it is nothing, `null` or `~`.
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

    /// Whether it is a block scalar (`|` or `>`).
    pub(crate) fn is_block_scalar(&self) -> bool {
        let style = match &self.kind {
            NodeKind::Scalar { style, .. } => *style,
            _ => return false,
        };
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    /// Describes its kind for an error message.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::Alias(_) => "an alias",
            NodeKind::List(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
            NodeKind::Closed => "a list or a mapping",
        }
    }
}

impl TreeEntry {
    /// The key if it is a scalar.
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

    /// Where it ends: after its value, its colon or its key.
    pub(crate) fn end(&self) -> usize {
        let colon = self.colon.map_or(0, |colon| colon + 1);
        self.key.range.end.max(colon).max(self.value.range.end)
    }
}
