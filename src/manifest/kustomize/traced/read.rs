//! Reads the objects of a text with the place of each scalar.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::value::{
    Decides, ScalarOrigin, ScalarPlace, ScalarSpot, TracedEntry, TracedScalar, TracedValue,
};
use crate::manifest::document::{DocumentError, Located, Problem, located};
use crate::manifest::edit::{Depth, Mapping, NodeKind, Tree, TreeNode, read_tree};
use crate::manifest::yaml;

/// Why a scalar whose bytes are not known cannot be edited.
const NO_SPOT: &str = "it is written in a form that cannot be edited; change it by hand";

/// An object of a text, or a document that is a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracedObject {
    /// The line where its document begins, from 1.
    pub(crate) line: usize,
    /// A mapping or a list.
    pub(crate) value: TracedValue,
}

/// Reads the objects of a file. The items of lists are objects of their own.
pub(crate) fn traced_objects(file: &str, text: &str) -> Vec<Result<TracedObject, DocumentError>> {
    let whole = TextPosition {
        file: Arc::from(file),
        inside: None,
        key: None,
    };
    read(&whole, text)
}

/// Reads the objects of a text that is the value of a scalar in a file, such as a patch.
/// Lines are those of the file.
pub(crate) fn objects_in_scalar(
    scalar: &TracedScalar,
    file_text: &str,
) -> Vec<Result<TracedObject, DocumentError>> {
    let text = scalar.value.as_str().unwrap_or_default();
    let Some(place) = scalar.origins.first().map(|origin| &origin.place) else {
        return Vec::new();
    };
    let position = TextPosition {
        file: Arc::clone(&place.file),
        inside: Some(ScalarLines::new(place, text, file_text)),
        // A text in the cluster has no lines to which its own keys could lead.
        key: (place.line == 0).then(|| place.key.clone()),
    };
    read(&position, text)
}

fn read(position: &TextPosition, text: &str) -> Vec<Result<TracedObject, DocumentError>> {
    let lines = LineStarts::new(text);
    let objects = located(text);
    let mut reading = Vec::new();
    let mut last: Option<(usize, Option<Tree>)> = None;
    for found in &objects {
        let start = found.root.range.start;
        if last.as_ref().is_none_or(|(at, _)| *at != start) {
            last = Some((start, read_tree(text, &found.root, Depth::Whole)));
        }
        let tree = last.as_ref().and_then(|(_, tree)| tree.as_ref());
        reading.push(object(position, text, &lines, found, tree));
    }
    reading
}

fn object(
    position: &TextPosition,
    text: &str,
    lines: &LineStarts,
    found: &Located,
    tree: Option<&Tree>,
) -> Result<TracedObject, DocumentError> {
    let (line, value, is_sealed) = match &found.object {
        Ok(object) => (object.line, Cow::Borrowed(&object.value), object.is_sealed),
        Err(error) => match list(text, found) {
            Some(value) => (error.line, Cow::Owned(value), false),
            None => {
                return Err(DocumentError {
                    line: position.line(error.line),
                    problem: error.problem.clone(),
                });
            }
        },
    };
    let mut anchors = HashMap::new();
    if let Some(tree) = tree {
        collect_anchors(&tree.root, &mut anchors);
    }
    let reader = ObjectReader {
        position,
        text,
        lines,
        anchors,
        is_json: found.root.is_json,
        is_sealed,
    };
    let mut node = tree.map(|tree| &tree.root);
    for key in &found.path {
        node = node.and_then(|node| reader.child(node, key));
    }
    Ok(TracedObject {
        line: position.line(line),
        value: reader.value(&value, node, None),
    })
}

/// The value of a document that is a list, such as a JSON patch.
fn list(text: &str, found: &Located) -> Option<Value> {
    let Err(DocumentError {
        problem: Problem::NotAnObject(_),
        ..
    }) = &found.object
    else {
        return None;
    };
    let document = &text[found.root.range.clone()];
    yaml::value(document, document.len())
        .ok()
        .filter(Value::is_array)
}

fn collect_anchors<'t>(node: &'t TreeNode, anchors: &mut HashMap<usize, &'t TreeNode>) {
    if let Some(anchor) = node.anchor {
        anchors.insert(anchor, node);
    }
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(|item| collect_anchors(item, anchors)),
        NodeKind::Mapping(mapping) => {
            for entry in &mapping.entries {
                collect_anchors(&entry.value, anchors);
            }
        }
        _ => {}
    }
}

/// The key of a scalar and the mapping that contains it.
#[derive(Clone, Copy)]
struct KeyPosition<'t> {
    name: &'t str,
    colon: Option<usize>,
    in_flow: bool,
}

struct ObjectReader<'t> {
    position: &'t TextPosition,
    text: &'t str,
    lines: &'t LineStarts,
    anchors: HashMap<usize, &'t TreeNode>,
    is_json: bool,
    is_sealed: bool,
}

impl<'t> ObjectReader<'t> {
    /// The value with the places of its scalars. `node` is where it is written.
    fn value(
        &self,
        value: &Value,
        node: Option<&'t TreeNode>,
        key: Option<KeyPosition<'t>>,
    ) -> TracedValue {
        let resolved = node.and_then(|node| self.resolve(node));
        match value {
            Value::Object(object) => {
                let entries = object.iter().map(|(name, value)| {
                    let entry = resolved.and_then(|node| self.entry(node, name));
                    let line = entry.map_or(0, |entry| self.line(entry.at));
                    let value = self.value(
                        value,
                        entry.map(|entry| entry.value),
                        entry.map(|entry| entry.key),
                    );
                    TracedEntry {
                        key: name.clone(),
                        line,
                        value,
                    }
                });
                TracedValue::Mapping(entries.collect())
            }
            Value::Array(items) => {
                // An item has no key of its own.
                let item_key = key.map(|key| KeyPosition {
                    name: key.name,
                    colon: None,
                    in_flow: true,
                });
                let items = items.iter().enumerate().map(|(index, item)| {
                    let node = resolved.and_then(|node| match &node.kind {
                        NodeKind::List(items) => items.get(index),
                        _ => None,
                    });
                    self.value(item, node, item_key)
                });
                TracedValue::List(items.collect())
            }
            scalar => TracedValue::Scalar(TracedScalar {
                value: scalar.clone(),
                origins: resolved
                    .and_then(|written| self.place(written, node, key))
                    .map(|place| ScalarOrigin {
                        decides: Decides::All,
                        place: Arc::new(place),
                        refusal: None,
                    })
                    .into_iter()
                    .collect(),
            }),
        }
    }

    /// The value that an alias refers to, or the value itself.
    fn resolve(&self, node: &'t TreeNode) -> Option<&'t TreeNode> {
        match &node.kind {
            // An anchor comes before its aliases, so the recursion ends.
            NodeKind::Alias(anchor) => self.resolve(self.anchors.get(anchor)?),
            _ => Some(node),
        }
    }

    fn child(&self, node: &'t TreeNode, key: &str) -> Option<&'t TreeNode> {
        let node = self.resolve(node)?;
        match &node.kind {
            NodeKind::List(items) => items.get(key.parse::<usize>().ok()?),
            _ => self.entry(node, key).map(|entry| entry.value),
        }
    }

    /// The entry of a mapping. Its own keys take precedence over merged keys.
    fn entry(&self, node: &'t TreeNode, name: &str) -> Option<FoundEntry<'t>> {
        let NodeKind::Mapping(mapping) = &node.kind else {
            return None;
        };
        own_entry(mapping, name).or_else(|| {
            let merged = own_entry(mapping, "<<")?.value;
            let merged = self.resolve(merged)?;
            match &merged.kind {
                NodeKind::List(each) => each
                    .iter()
                    .find_map(|one| self.entry(self.resolve(one)?, name)),
                _ => self.entry(merged, name),
            }
        })
    }

    /// The place of a scalar that is written at `written`, for an alias at another node.
    fn place(
        &self,
        written: &'t TreeNode,
        node: Option<&'t TreeNode>,
        key: Option<KeyPosition<'t>>,
    ) -> Option<ScalarPlace> {
        let NodeKind::Scalar { text, style } = &written.kind else {
            return None;
        };
        // Behind an alias, the key at the anchor is not known; the alias's own is as good.
        let is_alias = node.is_some_and(|node| !std::ptr::eq(node, written));
        let in_flow = key.is_none_or(|key| key.in_flow) && !is_alias;
        let name = key.map_or("", |key| key.name);
        let anchor = self.anchor_name(written);
        let spot = if self.is_sealed {
            Err(crate::workload::SEALED)
        } else if written.is_tagged {
            Err("it has a YAML tag; remove the tag or change the value by hand")
        } else if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            Err("it is a block of lines; write it on one line, or change it by hand")
        } else if written.range.is_empty() {
            Err(NO_SPOT)
        } else {
            let range = self.position.range(&written.range, self.text);
            range.ok_or(NO_SPOT).map(|range| ScalarSpot {
                range,
                style: *style,
                in_flow,
                is_json: self.is_json,
            })
        };
        Some(ScalarPlace {
            file: Arc::clone(&self.position.file),
            line: self.line(self.content_start(written, key)),
            key: match (&self.position.key, anchor) {
                (Some(key), _) => key.clone(),
                (None, Some(anchor)) => format!("{name}: {anchor}"),
                (None, None) => name.to_owned(),
            },
            text: text.clone(),
            is_plain: *style == ScalarStyle::Plain,
            is_in_text: false,
            spot,
        })
    }

    /// Where the line of a scalar is counted: a block scalar begins below its header.
    fn content_start(&self, written: &TreeNode, key: Option<KeyPosition<'_>>) -> usize {
        match key.and_then(|key| key.colon) {
            Some(colon) if written.is_block_scalar() && colon < written.range.start => colon,
            _ => written.range.start,
        }
    }

    /// `&name` before a value.
    fn anchor_name(&self, node: &TreeNode) -> Option<&'t str> {
        node.anchor?;
        let before = self.text[..node.range.start].trim_end();
        let start = before.rfind('&')?;
        let name = &before[start..];
        (!name.contains(char::is_whitespace)).then_some(name)
    }

    fn line(&self, at: usize) -> usize {
        self.position.line(self.lines.number(at))
    }
}

/// An entry of a mapping that was found by its key.
#[derive(Clone, Copy)]
struct FoundEntry<'t> {
    at: usize,
    key: KeyPosition<'t>,
    value: &'t TreeNode,
}

fn own_entry<'t>(mapping: &'t Mapping, name: &str) -> Option<FoundEntry<'t>> {
    let mut entries = mapping.entries.iter();
    let entry = entries.find(|entry| entry.name() == Some(name))?;
    Some(FoundEntry {
        at: entry.start(),
        key: KeyPosition {
            name: entry.name()?,
            colon: entry.colon,
            in_flow: mapping.is_flow,
        },
        value: &entry.value,
    })
}

/// The byte at which each line begins.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The number of the line, from 1.
    fn number(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

/// The file of a text, and where in the file it is.
struct TextPosition {
    file: Arc<str>,
    /// If the text is the value of a scalar: its lines in the file.
    inside: Option<ScalarLines>,
    /// The key of every scalar in the text, if it is not its own.
    key: Option<String>,
}

impl TextPosition {
    fn line(&self, line: usize) -> usize {
        match &self.inside {
            Some(lines) => lines.line(line),
            None => line,
        }
    }

    /// The bytes of the file for bytes of the text that are on one line.
    fn range(&self, range: &Range<usize>, text: &str) -> Option<Range<usize>> {
        let Some(lines) = &self.inside else {
            return Some(range.clone());
        };
        if text[range.clone()].contains('\n') {
            return None;
        }
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let number = text[..range.start].matches('\n').count();
        let start = lines.starts.as_ref()?.get(number)? + (range.start - line_start);
        Some(start..start + range.len())
    }
}

/// The lines of a text that is the value of a scalar.
struct ScalarLines {
    /// The line of the file with the first line of the text.
    first: usize,
    /// If each line of the text is a line of the file: the byte at which it begins there.
    starts: Option<Vec<usize>>,
}

impl ScalarLines {
    fn new(place: &ScalarPlace, text: &str, file_text: &str) -> Self {
        let lines: Vec<&str> = file_text.split_inclusive('\n').collect();
        // A block begins below its header, or at its place if it has no key.
        let first = place.line.checked_sub(1);
        let block = first.map(|first| [first + 1, first]);
        let block = block.into_iter().flatten().find_map(|index| {
            let starts = literal_lines(&lines, index, text)?;
            Some(Self {
                first: index + 1,
                starts: Some(starts),
            })
        });
        block.unwrap_or(Self {
            first: place.line,
            starts: None,
        })
    }

    fn line(&self, line: usize) -> usize {
        match self.starts {
            Some(_) => self.first + line - 1,
            None => self.first,
        }
    }
}

/// The bytes at which the lines of a literal block begin, without their indentation, if
/// the lines of the file from `first` (from 0) are those of the text.
fn literal_lines(lines: &[&str], first: usize, text: &str) -> Option<Vec<usize>> {
    let mut at: usize = lines.get(..first)?.iter().map(|line| line.len()).sum();
    let mut indentation = None;
    let mut starts = Vec::new();
    for (number, content) in text.lines().enumerate() {
        let line = lines.get(first + number)?;
        let bare = line.trim_end_matches(['\n', '\r']);
        if content.is_empty() && bare.trim().is_empty() {
            starts.push(at);
        } else {
            let blanks = bare.len().checked_sub(content.len())?;
            let is_indentation = bare.ends_with(content) && bare[..blanks].trim().is_empty();
            if !is_indentation || *indentation.get_or_insert(blanks) != blanks || blanks == 0 {
                return None;
            }
            starts.push(at + blanks);
        }
        at += line.len();
    }
    Some(starts)
}
