//! JSON patches (RFC 6902).

use crate::manifest::kustomize::traced::TracedValue;

/// Applies the operations of a patch to an object, one after another.
///
/// # Errors
///
/// An operation is malformed or cannot be applied, with the reason. Kustomize refuses it, too.
pub(crate) fn apply_json_patch(
    object: &mut TracedValue,
    operations: &[TracedValue],
) -> Result<(), String> {
    for operation in operations {
        let path = operation
            .get("path")
            .and_then(TracedValue::as_str)
            .ok_or("an operation of a JSON patch has no path")?;
        let at = pointer(path)?;
        match operation.text_at(&["op"]) {
            "add" => add(object, &at, value(operation)?),
            "replace" => replace(object, &at, value(operation)?),
            "remove" => remove(object, &at).map(drop),
            "copy" => {
                let from = pointer(operation.text_at(&["from"]))?;
                let copied = find(object, &from).cloned();
                copied.and_then(|copied| add(object, &at, copied))
            }
            "move" => {
                let from = pointer(operation.text_at(&["from"]))?;
                remove(object, &from).and_then(|moved| add(object, &at, moved))
            }
            "test" => {
                let wanted = operation.get("value").map(TracedValue::to_value);
                find(object, &at)
                    .filter(|found| found.to_value() == wanted.unwrap_or_default())
                    .map(|_| ())
            }
            op => return Err(format!("a JSON patch has no operation {op:?}")),
        }
        .ok_or_else(|| format!("the JSON patch cannot be applied at {path}"))?;
    }
    Ok(())
}

fn value(operation: &TracedValue) -> Result<TracedValue, String> {
    let value = operation.get("value").cloned();
    value.ok_or_else(|| "an operation of a JSON patch has no value".to_owned())
}

/// The keys of a JSON pointer.
fn pointer(text: &str) -> Result<Vec<String>, String> {
    let Some(keys) = text.strip_prefix('/') else {
        return Err(format!("{text:?} is not a JSON pointer"));
    };
    let keys = keys.split('/');
    Ok(keys
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect())
}

fn find<'v>(object: &'v TracedValue, path: &[String]) -> Option<&'v TracedValue> {
    path.iter().try_fold(object, |at, key| match at {
        TracedValue::List(items) => items.get(key.parse::<usize>().ok()?),
        at => at.get(key),
    })
}

/// The list or mapping that contains the end of a path, and its last key.
fn parent<'v, 'p>(
    object: &'v mut TracedValue,
    path: &'p [String],
) -> Option<(&'v mut TracedValue, &'p str)> {
    let (last, path) = path.split_last()?;
    let mut at = object;
    for key in path {
        at = match at {
            TracedValue::List(items) => items.get_mut(key.parse::<usize>().ok()?)?,
            at => at.get_mut(key)?,
        };
    }
    Some((at, last))
}

fn add(object: &mut TracedValue, path: &[String], value: TracedValue) -> Option<()> {
    match parent(object, path)? {
        (TracedValue::List(items), "-") => items.push(value),
        (TracedValue::List(items), key) => {
            let index = key.parse().ok().filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        (mapping @ TracedValue::Mapping(_), key) => mapping.set(key, value),
        (TracedValue::Scalar(_), _) => return None,
    }
    Some(())
}

fn replace(object: &mut TracedValue, path: &[String], value: TracedValue) -> Option<()> {
    match parent(object, path)? {
        (TracedValue::List(items), key) => *items.get_mut(key.parse::<usize>().ok()?)? = value,
        // Kustomize adds a missing key here, which the standard forbids.
        (mapping @ TracedValue::Mapping(_), key) => mapping.set(key, value),
        (TracedValue::Scalar(_), _) => return None,
    }
    Some(())
}

fn remove(object: &mut TracedValue, path: &[String]) -> Option<TracedValue> {
    match parent(object, path)? {
        (TracedValue::List(items), key) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        (mapping, key) => {
            let removed = mapping.get(key).cloned()?;
            mapping.remove(key);
            Some(removed)
        }
    }
}
