//! From a change to the bytes that change.

use std::collections::BTreeMap;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::change::{ANNOTATIONS, NodeChange, format_path};
use super::error::{EditError, EditProblem};
use super::lines::TextLines;
use super::root_edits::RootEdits;
use super::scalar::{double_quoted, format_scalar, is_plain, json_scalar};
use super::splice::Splices;
use super::tree::{Mapping, NodeKind, Tree, TreeEntry, TreeNode};
use super::{json, yaml};
use crate::manifest::document::Root;

/// The key whose value is merged into its mapping.
const MERGE: &str = "<<";

/// Adds the splices that make the edits of one root value.
pub(crate) fn splice(
    text: &str,
    edits: &RootEdits<'_>,
    splices: &mut Splices,
) -> Result<(), EditError> {
    let root = edits.root;
    let tree = if root.is_json {
        json::tree(text, &root.range, &edits.change)
    } else {
        yaml::tree(text, &root.range, &edits.change)
    };
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
    let mut walk = Splicer {
        lines,
        root,
        objects: &edits.objects,
        tree: &tree,
        unit: tree.unit.unwrap_or(2),
        path: Vec::new(),
        splices,
    };
    walk.check(&tree.root, tree.root.range.start)?;
    walk.inside(&tree.root, children)
}

/// A walk along the changes of one root value.
pub(crate) struct Splicer<'a> {
    pub(crate) lines: TextLines<'a>,
    pub(crate) root: &'a Root,
    /// The objects that are edited: their paths and positions.
    objects: &'a [(&'a [String], usize)],
    tree: &'a Tree,
    /// By how many columns a block mapping is indented in another.
    pub(crate) unit: usize,
    /// The keys and indexes that lead to where the walk is.
    pub(crate) path: Vec<String>,
    pub(crate) splices: &'a mut Splices,
}

/// An entry that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Its number in the mapping.
    pub(crate) index: usize,
    /// Whether its value's entries, on lines of their own, have gone already.
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

    /// Refuses an entry of the mapping at which the walk is for its form.
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
        // What lies above all objects is told of the first.
        let owns = |object: &&(&[String], usize)| path.starts_with(object.0);
        let object = self.objects.iter().find(owns).or(self.objects.first());
        let (skipped, index) = object.map_or((0, 0), |(base, index)| (base.len(), *index));
        Err(EditError {
            index,
            line: self.lines.number(at),
            problem: problem(format_path(path.get(skipped..).unwrap_or(&path))),
        })
    }

    /// Refuses what shows elsewhere too; `at` is where it is told.
    fn check(&self, node: &TreeNode, at: usize) -> Result<(), EditError> {
        if matches!(node.kind, NodeKind::Alias) {
            return self.fail(at, |place| EditProblem::Alias { place });
        }
        if node.anchor.is_some_and(|a| self.tree.aliased.contains(&a)) {
            return self.fail(at, |place| EditProblem::SharedAnchor { place });
        }
        Ok(())
    }

    /// Refuses to remove what shows elsewhere too.
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

    /// Refuses a key that its mapping has by a merge only.
    fn check_merged(&self, at: usize, mapping: &Mapping) -> Result<(), EditError> {
        if !mapping.entries.iter().any(|e| e.name() == Some(MERGE)) {
            return Ok(());
        }
        let text = &self.lines.text[self.root.range.clone()];
        let root = crate::manifest::yaml::value(text, usize::MAX).ok();
        let step = |value: Value, key: &String| match value {
            Value::Object(mut object) => object.shift_remove(key),
            Value::Array(mut items) => {
                let index = key.parse().ok().filter(|i: &usize| *i < items.len())?;
                Some(items.swap_remove(index))
            }
            _ => None,
        };
        if root
            .and_then(|root| self.path.iter().try_fold(root, step))
            .is_some()
        {
            return self.fail(at, |place| EditProblem::Merged { place });
        }
        Ok(())
    }

    /// Makes the changes in a root value or an item of a list.
    fn inside(
        &mut self,
        node: &TreeNode,
        children: &BTreeMap<String, NodeChange>,
    ) -> Result<(), EditError> {
        match &node.kind {
            NodeKind::Mapping(mapping) => {
                let is_emptied = self.mapping(node, mapping, children)?;
                if is_emptied && mapping.is_flow {
                    self.splices
                        .remove(node.range.start + 1..node.range.end - 1);
                } else if is_emptied {
                    return self.fail(node.range.start, |place| EditProblem::Form { place });
                }
                Ok(())
            }
            NodeKind::List(items) => self.items(node, items, children),
            _ => self.wrong_kind(node, "a mapping"),
        }
    }

    fn wrong_kind<T>(&self, node: &TreeNode, wanted: &'static str) -> Result<T, EditError> {
        let found = node.what();
        self.fail(node.range.start, |place| EditProblem::Kind {
            place,
            found,
            wanted,
        })
    }

    fn items(
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
                NodeChange::Within(children) => self.inside(item, children)?,
                _ => return self.fail(item.range.start, |place| EditProblem::Form { place }),
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Makes the changes of a mapping's entries; tells whether none is left.
    fn mapping(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        children: &BTreeMap<String, NodeChange>,
    ) -> Result<bool, EditError> {
        let mut removals = Vec::new();
        let mut additions = Additions::new();
        for (key, change) in children {
            self.path.push(key.clone());
            let named = |entry: &TreeEntry| entry.name() == Some(key);
            match mapping.entries.iter().position(named) {
                Some(index) => removals.extend(self.entry(node, mapping, index, change)?),
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

    /// Makes the change of an entry; its removal is left to the mapping.
    fn entry(
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
                if !self.mapping(&entry.value, inner, children)? {
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
            NodeKind::List(items) => self.items(&entry.value, items, children).map(|()| None),
            NodeKind::Mapping(_) => self.fill(node, mapping, entry, change),
            _ if entry.value.is_null() => self.fill(node, mapping, entry, change),
            _ => self.wrong_kind(&entry.value, "a mapping"),
        }
    }

    /// Makes a mapping of an empty value.
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
            self.put(entry, value);
        } else {
            self.fill_block(mapping, entry, change)?;
        }
        Ok(None)
    }

    /// Sets a text in the place of a scalar, in its style.
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
        self.put(entry, new);
        Ok(())
    }

    /// Sets a text without quotes in the place of a scalar.
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
        let new = match self.root.is_json {
            true => json_scalar(text),
            false => text.to_owned(),
        };
        if *style == ScalarStyle::Plain && *old == new {
            return Ok(());
        }
        let has_form = entry.colon.is_some() || mapping.is_flow;
        let is_bare = value.is_empty_scalar() && (value.anchor.is_some() || !has_form);
        if value.is_tagged || is_bare || value.is_block_scalar() {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        }
        self.put(entry, new);
        Ok(())
    }

    /// Puts a text in the place of a value, which may be empty.
    fn put(&mut self, entry: &TreeEntry, text: String) {
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

    /// Replaces a block scalar: its header by the text, its lines by nothing. A
    /// comment behind the header stays.
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
        // Empty lines stay, also where they belonged to the text (`|+`).
        let last = self.lines.text[..entry.end()].trim_end().len();
        let end = self.lines.end(last.max(header_end));
        self.splices.remove(header_end..end);
        Ok(())
    }
}

/// The style of the keys beside a new one.
pub(crate) fn key_style(entry: &TreeEntry) -> ScalarStyle {
    match &entry.key.kind {
        NodeKind::Scalar { style, .. } => *style,
        _ => ScalarStyle::Plain,
    }
}
