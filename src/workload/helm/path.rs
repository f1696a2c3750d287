//! Paths into the values of a release: keys and list indexes from the root.

use serde_json::{Map, Value};

use super::scalar::printed;

/// The value at a path.
pub(crate) fn value_at<'v>(values: &'v Map<String, Value>, path: &[String]) -> Option<&'v Value> {
    parent(values, path)?.get(path.last()?)
}

/// The mapping that has, or would have, the last key of a path.
pub(crate) fn parent<'v>(
    values: &'v Map<String, Value>,
    path: &[String],
) -> Option<&'v Map<String, Value>> {
    let (_, above) = path.split_last()?;
    let Some((first, rest)) = above.split_first() else {
        return Some(values);
    };
    let block = rest.iter().try_fold(values.get(first)?, child)?;
    block.as_object()
}

/// The value at a key of a mapping, or at an index of a list.
fn child<'v>(value: &'v Value, key: &String) -> Option<&'v Value> {
    match value {
        Value::Object(entries) => entries.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The text of the scalar at a path.
pub(crate) fn text_at(values: &Map<String, Value>, path: &[String]) -> Option<String> {
    scalar(value_at(values, path)?)
}

/// The text of a repository; `None` for an empty string and for everything else.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) => printed(value),
        _ => None,
    }
}

/// Whether a value is a scalar that is not empty.
pub(crate) fn is_filled(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
