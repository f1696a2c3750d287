//! The edits of one root value, as a tree.

use crate::manifest::document::Root;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::EditProblem;
use crate::plan::FieldEdit;
use crate::workload::plain_scalar;

/// The key whose empty mapping means the same as no mapping.
pub(crate) const ANNOTATIONS: &str = "annotations";

/// The change of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeChange {
    /// Set it to this string.
    Set(String),
    /// Set it to what YAML reads from this text without quotes.
    SetPlain(String),
    /// Remove it with its key.
    Remove,
    /// Change its children. New keys are written in this order.
    Within(BTreeMap<String, NodeChange>),
}

impl NodeChange {
    pub(crate) fn none() -> Self {
        Self::Within(BTreeMap::new())
    }

    /// Adds an edit whose path begins at `base`.
    pub(crate) fn add(&mut self, base: &[String], edit: &FieldEdit) -> Result<(), EditProblem> {
        let leaf = match &edit.text {
            Some(text) if edit.is_plain && !edit.value().is_string() => {
                Self::SetPlain(text.clone())
            }
            Some(text) => Self::Set(text.clone()),
            None => Self::Remove,
        };
        let mut at = self;
        for key in base.iter().chain(&edit.path) {
            // A new change is empty, which distinguishes it from one of another edit.
            let Self::Within(children) = at else {
                return Err(conflict(edit));
            };
            at = children.entry(key.clone()).or_insert_with(Self::none);
        }
        if *at != Self::none() && *at != leaf {
            return Err(conflict(edit));
        }
        *at = leaf;
        Ok(())
    }

    /// Whether it sets any value.
    pub(crate) fn sets(&self) -> bool {
        match self {
            Self::Set(_) | Self::SetPlain(_) => true,
            Self::Remove => false,
            Self::Within(children) => children.values().any(Self::sets),
        }
    }

    /// The change below a key or an index.
    pub(crate) fn child(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Within(children) => children.get(key),
            _ => None,
        }
    }

    /// Applies the change to a value that was read.
    pub(crate) fn apply(&self, value: &mut Value) {
        match (self, value) {
            (Self::Set(text), value) => *value = Value::from(text.as_str()),
            (Self::SetPlain(text), value) => *value = plain_scalar(text),
            (Self::Remove, _) => {}
            (Self::Within(children), Value::Array(items)) => {
                for (key, change) in children {
                    let item = key.parse().ok().and_then(|i: usize| items.get_mut(i));
                    if let Some(item) = item {
                        change.apply(item);
                    }
                }
            }
            (Self::Within(children), value) => {
                if value.is_null() && self.sets() {
                    *value = Value::Object(Map::new());
                }
                if let Value::Object(object) = value {
                    for (key, change) in children {
                        change.apply_to_key(object, key);
                    }
                }
            }
        }
    }

    fn apply_to_key(&self, object: &mut Map<String, Value>, key: &str) {
        if *self == Self::Remove {
            object.shift_remove(key);
            return;
        }
        let Some(value) = object.get_mut(key) else {
            if self.sets() {
                let mut value = Value::Null;
                self.apply(&mut value);
                object.insert(key.to_owned(), value);
            }
            return;
        };
        let was_filled = is_filled(value);
        self.apply(value);
        if key == ANNOTATIONS && was_filled && !is_filled(value) {
            object.shift_remove(key);
        }
    }
}

fn is_filled(value: &Value) -> bool {
    value.as_object().is_some_and(|inner| !inner.is_empty())
}

/// The error if two edits change one place in different ways.
fn conflict(edit: &FieldEdit) -> EditProblem {
    EditProblem::TwoWays {
        place: format_path(&edit.path),
    }
}

/// Formats a path for an error message.
pub(crate) fn format_path(path: &[String]) -> String {
    if path.is_empty() {
        return "the document".to_owned();
    }
    path.join(".")
}

/// How deep a tree is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Depth<'a> {
    /// Every value.
    Whole,
    /// As deep as this change goes.
    Along(&'a NodeChange),
    /// Not into the value.
    Closed,
}

impl Depth<'_> {
    /// How deep the value at a key or an index is read.
    pub(crate) fn child(&self, key: &str) -> Self {
        match self {
            Self::Whole => Self::Whole,
            Self::Along(change) => change.child(key).map_or(Self::Closed, Self::Along),
            Self::Closed => Self::Closed,
        }
    }

    /// Whether the content of the value is kept.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Closed)
    }
}

/// The edits of all objects in one root value.
pub(crate) struct RootEdits<'a> {
    pub(crate) root: &'a Root,
    /// The paths and positions of the edited objects.
    pub(crate) objects: Vec<(&'a [String], usize)>,
    /// Their edits, with paths from the root.
    pub(crate) change: NodeChange,
}
