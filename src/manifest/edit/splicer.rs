//! Turns a change into replacements of bytes.

use std::collections::BTreeMap;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::change::RootEdits;
use super::change::{ANNOTATIONS, Depth, NodeChange, format_path};
use super::error::{EditError, EditProblem};
use super::lines::TextLines;
use super::scalar::{double_quoted, format_scalar, is_plain, json_scalar};
use super::splice::Splices;
use super::tree::{Mapping, NodeKind, Tree, TreeEntry, TreeNode};
use super::{json, yaml};
use crate::manifest::document::Root;

/// The key whose value is merged into its mapping.
const MERGE: &str = "<<";

/// Reads the tree of a root value to this depth; `None` if it cannot be read.
pub(crate) fn read_tree(text: &str, root: &Root, depth: Depth<'_>) -> Option<Tree> {
    if root.is_json {
        json::tree(text, &root.range, depth)
    } else {
        yaml::tree(text, &root.range, depth)
    }
}

/// Adds the splices for the edits of one root value. `tree` is at least as deep as they go.
pub(crate) fn splice(
    text: &str,
    tree: Option<&Tree>,
    edits: &RootEdits<'_>,
    splices: &mut Splices,
) -> Result<(), EditError> {
    let root = edits.root;
    let lines = TextLines { text };
    let (Some(tree), NodeChange::Within(children)) = (tree, &edits.change) else {
        return Err(EditError {
            index: edits.objects.first().map_or(0, |(_, index)| *index),
            line: lines.number(root.range.start),
            problem: EditProblem::Unsafe {
                place: format_path(&[]),
            },
        });
    };
    let mut splicer = Splicer {
        lines,
        root,
        objects: &edits.objects,
        tree,
        unit: tree.unit.unwrap_or(2),
        path: Vec::new(),
        splices,
    };
    splicer.check(&tree.root, tree.root.range.start)?;
    splicer.change_inside(&tree.root, children)
}

/// Walks along the changes of one root value and collects the splices.
pub(crate) struct Splicer<'a> {
    pub(crate) lines: TextLines<'a>,
    pub(crate) root: &'a Root,
    /// The paths and positions of the edited objects.
    objects: &'a [(&'a [String], usize)],
    tree: &'a Tree,
    /// The indentation of a nested block mapping, in columns.
    pub(crate) unit: usize,
    /// The keys and indexes to the current value.
    pub(crate) path: Vec<String>,
    pub(crate) splices: &'a mut Splices,
}

/// An entry to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Its position in the mapping.
    pub(crate) index: usize,
    /// Whether the entries of its value, on lines of their own, are removed already.
    pub(crate) is_key_only: bool,
}

/// The new entries of a mapping.
pub(crate) type Additions<'c> = Vec<(&'c str, &'c NodeChange)>;

impl Splicer<'_> {
    pub(crate) fn fail<T>(
        &self,
        at: usize,
        problem: impl FnOnce(String) -> EditProblem,
    ) -> Result<T, EditError> {
        self.fail_below(at, &[], problem)
    }

    /// Refuses an entry of the current mapping because of its form.
    pub(crate) fn form_error<T>(&self, entry: &TreeEntry) -> Result<T, EditError> {
        let name = entry.name().map(str::to_owned);
        self.fail_below(entry.start(), name.as_slice(), |place| EditProblem::Form {
            place,
        })
    }

    fn fail_below<T>(
        &self,
        at: usize,
        below: &[String],
        problem: impl FnOnce(String) -> EditProblem,
    ) -> Result<T, EditError> {
        let path = [&self.path, below].concat();
        // A problem above all objects is reported for the first one.
        let mut objects = self.objects.iter();
        let object = objects
            .find(|(base, _)| path.starts_with(base))
            .or(self.objects.first());
        let (skipped, index) = object.map_or((0, 0), |(base, index)| (base.len(), *index));
        Err(EditError {
            index,
            line: self.lines.number(at),
            problem: problem(format_path(path.get(skipped..).unwrap_or(&path))),
        })
    }

    /// Refuses a value that also appears elsewhere. The error is reported at `at`.
    fn check(&self, node: &TreeNode, at: usize) -> Result<(), EditError> {
        if matches!(node.kind, NodeKind::Alias(_)) {
            return self.fail(at, |place| EditProblem::Alias { place });
        }
        if node.anchor.is_some_and(|a| self.tree.aliased.contains(&a)) {
            return self.fail(at, |place| EditProblem::SharedAnchor { place });
        }
        Ok(())
    }

    /// Refuses to remove a value that also appears elsewhere.
    fn check_removal(&self, entry: &TreeEntry) -> Result<(), EditError> {
        self.check(&entry.value, entry.start())?;
        let range = entry.start()..=entry.end();
        let mut inside = self
            .tree
            .anchors
            .iter()
            .filter(|(at, _)| range.contains(at));
        match inside.find(|(_, anchor)| self.tree.aliased.contains(anchor)) {
            Some((at, _)) => self.fail(*at, |place| EditProblem::SharedAnchor { place }),
            None => Ok(()),
        }
    }

    /// Refuses a key that only a merge adds to its mapping.
    fn check_merged(&self, at: usize, mapping: &Mapping) -> Result<(), EditError> {
        if !mapping.entries.iter().any(|e| e.name() == Some(MERGE)) {
            return Ok(());
        }
        let text = &self.lines.text[self.root.range.clone()];
        let root = crate::manifest::yaml::value(text, usize::MAX).ok();
        let value = root.and_then(|root| self.path.iter().try_fold(root, take_child));
        if value.is_some() {
            return self.fail(at, |place| EditProblem::Merged { place });
        }
        Ok(())
    }

    /// Applies the changes in a root value or an item of a list.
    fn change_inside(
        &mut self,
        node: &TreeNode,
        children: &BTreeMap<String, NodeChange>,
    ) -> Result<(), EditError> {
        match &node.kind {
            NodeKind::Mapping(mapping) => {
                let is_emptied = self.change_mapping(node, mapping, children)?;
                if is_emptied && mapping.is_flow {
                    self.splices
                        .remove(node.range.start + 1..node.range.end - 1);
                } else if is_emptied {
                    return self.fail(node.range.start, |place| EditProblem::Form { place });
                }
                Ok(())
            }
            NodeKind::List(items) => self.change_items(node, items, children),
            _ => self.wrong_kind(node, "a mapping"),
        }
    }

    fn wrong_kind<T>(&self, node: &TreeNode, wanted: &'static str) -> Result<T, EditError> {
        let found = node.describe();
        self.fail(node.range.start, |place| EditProblem::Kind {
            place,
            found,
            wanted,
        })
    }

    fn change_items(
        &mut self,
        list: &TreeNode,
        items: &[TreeNode],
        children: &BTreeMap<String, NodeChange>,
    ) -> Result<(), EditError> {
        for (key, change) in children {
            let Ok(index) = key.parse::<usize>() else {
                return self.wrong_kind(list, "a mapping");
            };
            self.path.push(key.clone());
            let Some(item) = items.get(index) else {
                return self.fail(list.range.start, |place| EditProblem::NoSuchItem { place });
            };
            self.check(item, item.range.start)?;
            match change {
                NodeChange::Within(children) => self.change_inside(item, children)?,
                _ => return self.fail(item.range.start, |place| EditProblem::Form { place }),
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Applies the changes of a mapping's entries. Returns whether no entry is left.
    fn change_mapping(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        children: &BTreeMap<String, NodeChange>,
    ) -> Result<bool, EditError> {
        let mut removals = Vec::new();
        let mut additions = Additions::new();
        for (key, change) in children {
            self.path.push(key.clone());
            let mut entries = mapping.entries.iter();
            match entries.position(|entry| entry.name() == Some(key)) {
                Some(index) => removals.extend(self.change_entry(node, mapping, index, change)?),
                None => {
                    self.check_merged(node.range.start, mapping)?;
                    if change.sets() {
                        additions.push((key, change));
                    }
                }
            }
            self.path.pop();
        }
        removals.sort_by_key(|removal| removal.index);
        let is_emptied =
            additions.is_empty() && !removals.is_empty() && removals.len() == mapping.entries.len();
        if !mapping.is_flow {
            self.change_block(mapping, &removals, &additions)?;
        } else if !is_emptied {
            self.change_flow(node, mapping, &removals, &additions)?;
        }
        Ok(is_emptied)
    }

    /// Applies the change of an entry, except for its removal, which is returned.
    fn change_entry(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        index: usize,
        change: &NodeChange,
    ) -> Result<Option<Removal>, EditError> {
        let entry = &mapping.entries[index];
        let children = match change {
            NodeChange::Remove => {
                self.check_removal(entry)?;
                return Ok(Some(Removal {
                    index,
                    is_key_only: false,
                }));
            }
            NodeChange::Set(text) => {
                self.check(&entry.value, entry.start())?;
                self.set(mapping, entry, text)?;
                return Ok(None);
            }
            NodeChange::SetPlain(text) => {
                self.check(&entry.value, entry.start())?;
                self.set_plain(mapping, entry, text)?;
                return Ok(None);
            }
            NodeChange::Within(children) => children,
        };
        self.check(&entry.value, entry.start())?;
        match &entry.value.kind {
            NodeKind::Mapping(inner) if !inner.entries.is_empty() => {
                if !self.change_mapping(&entry.value, inner, children)? {
                    return Ok(None);
                }
                if entry.name() == Some(ANNOTATIONS) {
                    return Ok(Some(Removal {
                        index,
                        is_key_only: !inner.is_flow,
                    }));
                }
                let range = &entry.value.range;
                match entry.colon {
                    _ if inner.is_flow => self.splices.remove(range.start + 1..range.end - 1),
                    Some(colon) => self.splices.insert(colon + 1, " {}"),
                    None => return self.fail(entry.start(), |place| EditProblem::Form { place }),
                }
                Ok(None)
            }
            NodeKind::List(items) => self
                .change_items(&entry.value, items, children)
                .map(|()| None),
            NodeKind::Mapping(_) => self.fill(node, mapping, entry, change),
            _ if entry.value.is_null() => self.fill(node, mapping, entry, change),
            _ => self.wrong_kind(&entry.value, "a mapping"),
        }
    }

    /// Fills an empty value with a mapping.
    fn fill(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        entry: &TreeEntry,
        change: &NodeChange,
    ) -> Result<Option<Removal>, EditError> {
        if !change.sets() {
            return Ok(None);
        }
        if entry.value.is_tagged {
            return self.fail(entry.start(), |place| EditProblem::Tag { place });
        }
        if entry.value.anchor.is_some() {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        }
        if mapping.is_flow {
            let value = self.flow_value(node, entry, change);
            self.replace_value(entry, value);
        } else {
            self.fill_block(mapping, entry, change)?;
        }
        Ok(None)
    }

    /// Replaces a scalar by a string, in the same style.
    fn set(&mut self, mapping: &Mapping, entry: &TreeEntry, text: &str) -> Result<(), EditError> {
        let value = &entry.value;
        let NodeKind::Scalar { text: old, style } = &value.kind else {
            return self.wrong_kind(value, "a single value");
        };
        if value.is_tagged {
            return self.fail(entry.start(), |place| EditProblem::Tag { place });
        }
        let in_flow = mapping.is_flow;
        let was_text = *style != ScalarStyle::Plain || is_plain(old, in_flow);
        if old == text && was_text {
            return Ok(());
        }
        let new = if self.root.is_json {
            double_quoted(text)
        } else {
            format_scalar(text, *style, in_flow)
        };
        if value.is_block_scalar() {
            return self.set_block_scalar(entry, new);
        }
        let has_form = entry.colon.is_some() || in_flow;
        if value.is_empty_scalar() && (value.anchor.is_some() || !has_form) {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        }
        self.replace_value(entry, new);
        Ok(())
    }

    /// Replaces a scalar by an unquoted text.
    fn set_plain(
        &mut self,
        mapping: &Mapping,
        entry: &TreeEntry,
        text: &str,
    ) -> Result<(), EditError> {
        let value = &entry.value;
        let NodeKind::Scalar { text: old, style } = &value.kind else {
            return self.wrong_kind(value, "a single value");
        };
        let new = if self.root.is_json {
            json_scalar(text)
        } else {
            text.to_owned()
        };
        if *style == ScalarStyle::Plain && *old == new {
            return Ok(());
        }
        let has_form = entry.colon.is_some() || mapping.is_flow;
        let is_bare = value.is_empty_scalar() && (value.anchor.is_some() || !has_form);
        if value.is_tagged || is_bare || value.is_block_scalar() {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        }
        self.replace_value(entry, new);
        Ok(())
    }

    /// Replaces a value, which may be empty, by a text.
    fn replace_value(&mut self, entry: &TreeEntry, text: String) {
        let value = &entry.value;
        if !value.range.is_empty() {
            self.splices.replace(value.range.clone(), text);
        } else if let Some(colon) = entry.colon {
            self.splices.insert(colon + 1, format!(" {text}"));
        } else {
            self.splices
                .insert(entry.key.range.end, format!(": {text}"));
        }
    }

    /// Replaces the header of a block scalar by a text and removes its lines. A comment after
    /// the header is kept.
    fn set_block_scalar(&mut self, entry: &TreeEntry, new: String) -> Result<(), EditError> {
        let header = entry.colon.map(|colon| self.lines.skip_blanks(colon + 1));
        let header = header.filter(|at| self.lines.text[*at..].starts_with(['|', '>']));
        let Some(header) = header else {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        };
        let rest = &self.lines.text[header..self.lines.end(header)];
        let length = rest.find([' ', '\t']).unwrap_or(rest.len());
        self.splices.replace(header..header + length, new);
        let header_end = self.lines.end(header);
        // Empty lines are kept, even if they belonged to the text (`|+`).
        let last = self.lines.text[..entry.end()].trim_end().len();
        let end = self.lines.end(last.max(header_end));
        self.splices.remove(header_end..end);
        Ok(())
    }
}

/// Removes and returns the child of a value at a key or an index.
fn take_child(value: Value, key: &String) -> Option<Value> {
    match value {
        Value::Object(mut object) => object.shift_remove(key),
        Value::Array(mut items) => {
            let index = key.parse().ok().filter(|i: &usize| *i < items.len())?;
            Some(items.swap_remove(index))
        }
        _ => None,
    }
}

/// Whether the entry at this position is removed.
pub(crate) fn is_removed(removals: &[Removal], index: usize) -> bool {
    removals.iter().any(|removal| removal.index == index)
}

/// The style of an entry's key, for new keys next to it.
pub(crate) fn key_style(entry: &TreeEntry) -> ScalarStyle {
    match &entry.key.kind {
        NodeKind::Scalar { style, .. } => *style,
        _ => ScalarStyle::Plain,
    }
}
