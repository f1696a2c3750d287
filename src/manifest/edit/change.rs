//! The edits of one root value as a tree.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::EditProblem;
use crate::plan::FieldEdit;
use crate::workload::plain_scalar;

/// The key under which an empty mapping and none mean the same.
pub(crate) const ANNOTATIONS: &str = "annotations";

/// What is to become of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It becomes this text.
    Set(String),
    /// It becomes what YAML reads from this text without quotes.
    SetPlain(String),
    /// It goes, with its key.
    Remove,
    /// Something in it changes. New keys are written in this order.
    Within(BTreeMap<String, Change>),
}

impl Change {
    pub(crate) fn none() -> Self {
        Self::Within(BTreeMap::new())
    }

    /// Adds the edit of a place, which lies below `base`.
    pub(crate) fn add(&mut self, base: &[String], edit: &FieldEdit) -> Result<(), EditProblem> {
        let two_ways = || EditProblem::TwoWays {
            place: place(&edit.path),
        };
        let leaf = match &edit.text {
            Some(text) if edit.is_plain && !edit.value().is_string() => {
                Self::SetPlain(text.clone())
            }
            Some(text) => Self::Set(text.clone()),
            None => Self::Remove,
        };
        let mut at = self;
        for key in base.iter().chain(&edit.path) {
            // What is new here is empty: that tells it from another edit's.
            let Self::Within(children) = at else {
                return Err(two_ways());
            };
            at = children.entry(key.clone()).or_insert_with(Self::none);
        }
        if *at != Self::none() && *at != leaf {
            return Err(two_ways());
        }
        *at = leaf;
        Ok(())
    }

    /// Whether anything is set by it.
    pub(crate) fn sets(&self) -> bool {
        match self {
            Self::Set(_) | Self::SetPlain(_) => true,
            Self::Remove => false,
            Self::Within(children) => children.values().any(Self::sets),
        }
    }

    /// Makes the change in a value that was read.
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
        let is_filled = |value: &Value| value.as_object().is_some_and(|inner| !inner.is_empty());
        let was_filled = is_filled(value);
        self.apply(value);
        if key == ANNOTATIONS && was_filled && !is_filled(value) {
            object.shift_remove(key);
        }
    }
}

/// A place as it is written in an error.
pub(crate) fn place(path: &[String]) -> String {
    if path.is_empty() {
        return "the document".to_owned();
    }
    path.join(".")
}
