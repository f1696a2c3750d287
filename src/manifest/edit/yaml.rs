//! The tree of a YAML document.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, options};

use super::change::Depth;
use super::tree::{Mapping, NodeKind, Tree, TreeEntry, TreeNode};
use crate::manifest::lenient;

/// Reads the document in `range` of a text to this depth. The document was
/// parsed before, so it is valid and its depth is within the limit; otherwise the result
/// is `None`.
pub(crate) fn tree(text: &str, range: &Range<usize>, depth: Depth<'_>) -> Option<Tree> {
    let document = &text[range.clone()];
    read(text, range.start, document, depth)
        .or_else(|| read(text, range.start, &lenient::joined(document), depth))
}

/// Reads a document that begins at the byte `base`.
fn read(text: &str, base: usize, document: &str, depth: Depth<'_>) -> Option<Tree> {
    let mut reader = YamlReader {
        text,
        base,
        // Comments are found in the text when needed, because the parser limits how many
        // it buffers.
        events: Parser::new_from_str_with_options(document, options! { emit_comments: false }),
        anchors: Vec::new(),
        aliased: BTreeSet::new(),
        outer_column: None,
        unit: None,
    };
    let root = reader.root(depth)?;
    Some(Tree {
        root,
        unit: reader.unit,
        anchors: reader.anchors,
        aliased: reader.aliased,
    })
}

struct YamlReader<'a, I> {
    text: &'a str,
    /// The byte of the text at which the document begins.
    base: usize,
    events: I,
    anchors: Vec<(usize, usize)>,
    aliased: BTreeSet<usize>,
    /// The column of the block mapping to which the next value belongs.
    outer_column: Option<usize>,
    /// The indentation of the first nested block mapping.
    unit: Option<usize>,
}

impl<'a, I> YamlReader<'a, I>
where
    I: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>,
{
    fn root(&mut self, depth: Depth<'_>) -> Option<TreeNode> {
        loop {
            match self.events.next()?.ok()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (event, span) => {
                    let root = self.node(&event, span, depth)?;
                    return Some(root);
                }
            }
        }
    }

    fn next(&mut self, depth: Depth<'_>) -> Option<TreeNode> {
        let (event, span) = self.events.next()?.ok()?;
        self.node(&event, span, depth)
    }

    /// The value that begins with an event.
    fn node(&mut self, event: &Event<'a>, span: Span, depth: Depth<'_>) -> Option<TreeNode> {
        let range = self.range(span)?;
        let anchor = event.anchor_id();
        let outer_column = self.outer_column.take();
        if let Some(anchor) = anchor {
            self.anchors.push((range.start, anchor));
        }
        let (range, kind) = match event {
            Event::Alias(anchor) => {
                self.aliased.insert(*anchor);
                (range, NodeKind::Alias(*anchor))
            }
            Event::Scalar(text, style, ..) => {
                let range = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        range.start..self.block_end(&range, text)
                    }
                    _ => range,
                };
                let (text, style) = (text.clone().into_owned(), *style);
                (range, NodeKind::Scalar { text, style })
            }
            Event::SequenceStart(style, ..) => {
                let (items, end) = self.items(depth)?;
                let last = items.last().map_or(range.start, |item| item.range.end);
                let end = if is_flow(*style) { end } else { last };
                let kind = if depth.is_open() {
                    NodeKind::List(items)
                } else {
                    NodeKind::Closed
                };
                (range.start..end, kind)
            }
            Event::MappingStart(style, ..) => {
                let mut mapping = Mapping {
                    is_flow: is_flow(*style),
                    column: span.start.col(),
                    entries: Vec::new(),
                };
                if let Some(outer) = outer_column.filter(|_| !mapping.is_flow) {
                    let unit = mapping.column.checked_sub(outer).filter(|unit| *unit > 0);
                    self.unit = self.unit.or(unit);
                }
                let (last, end) = self.entries(&mut mapping, depth)?;
                let end = if mapping.is_flow { end } else { last };
                let kind = if depth.is_open() {
                    NodeKind::Mapping(mapping)
                } else {
                    NodeKind::Closed
                };
                (range.start..end.max(range.start), kind)
            }
            _ => return None,
        };
        Some(TreeNode {
            range,
            anchor,
            is_tagged: event.tag().is_some(),
            kind,
        })
    }

    /// The items of a list, and where its bracket closes. If the list has no changes, only
    /// the last item is kept.
    fn items(&mut self, depth: Depth<'_>) -> Option<(Vec<TreeNode>, usize)> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.events.next()?.ok()?;
            if event == Event::SequenceEnd {
                return Some((items, self.range(span)?.end));
            }
            let inner = depth.child(&items.len().to_string());
            let item = self.node(&event, span, inner)?;
            if !depth.is_open() {
                items.clear();
            }
            items.push(item);
        }
    }

    /// Adds the entries to a mapping. Returns where the last entry ends and where the brace
    /// closes.
    fn entries(&mut self, mapping: &mut Mapping, depth: Depth<'_>) -> Option<(usize, usize)> {
        let mut last = 0;
        loop {
            let (event, span) = self.events.next()?.ok()?;
            if event == Event::MappingEnd {
                return Some((last, self.range(span)?.end));
            }
            if let Some(column) = span.indent.filter(|_| !mapping.is_flow) {
                mapping.column = column;
            }
            let key = self.node(&event, span, Depth::Closed)?;
            let colon = self.colon(key.range.end);
            let inner = match &key.kind {
                NodeKind::Scalar { text, .. } => depth.child(text),
                _ => Depth::Closed,
            };
            self.outer_column = (!mapping.is_flow).then_some(mapping.column);
            let mut value = self.next(inner)?;
            if value.is_empty_scalar() && value.anchor.is_none() && !value.is_tagged {
                let end = colon.map_or(key.range.end, |colon| colon + 1);
                value.range = end..end;
            }
            let entry = TreeEntry { key, colon, value };
            last = entry.end();
            if depth.is_open() {
                mapping.entries.push(entry);
            }
        }
    }

    fn range(&self, span: Span) -> Option<Range<usize>> {
        let range = span.byte_range()?;
        Some(self.base + range.start..self.base + range.end)
    }

    /// The colon after a key that ends here.
    fn colon(&self, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let bare = rest.trim_start_matches([' ', '\t']);
        bare.starts_with(':')
            .then_some(self.text.len() - bare.len())
    }

    /// Where a block scalar ends: after its last line of text, or before its last line
    /// break if the empty lines below it belong to it (`|+`).
    fn block_end(&self, range: &Range<usize>, value: &str) -> usize {
        let keeps = value.ends_with("\n\n") || (!value.is_empty() && value.trim().is_empty());
        let source = &self.text[range.clone()];
        match source.rfind('\n').filter(|_| keeps) {
            Some(newline) => range.start + source[..newline].trim_end_matches('\r').len(),
            None => self.text[..range.end].trim_end().len(),
        }
    }
}

fn is_flow(style: StructureStyle) -> bool {
    style == StructureStyle::Flow
}
