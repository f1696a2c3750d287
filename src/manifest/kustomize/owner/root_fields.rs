//! Changes fields of the kustomization in the root.

use crate::manifest::kustomize::source::{SourcePath, SourceTree, join_path};
use crate::manifest::kustomize::spec::is_filled;
use crate::manifest::kustomize::traced::TracedValue;

/// Sets a field, unless the value is empty.
pub(crate) fn replace_field(root: &mut TracedValue, name: &str, value: Option<&TracedValue>) {
    if let Some(value) = value.filter(|value| is_filled(value) && value.as_str() != Some("")) {
        let key = key_in(root, &[name]);
        root.set(&key, value.clone());
    }
}

/// Adds items to the end of a list.
pub(crate) fn append_to_list(root: &mut TracedValue, name: &str, items: &[TracedValue]) {
    if !items.is_empty() {
        change_list(root, &[name], |list| list.extend_from_slice(items));
    }
}

/// Changes a list, which may be missing. `names`: that of the field, and older ones.
pub(crate) fn change_list(
    root: &mut TracedValue,
    names: &[&str],
    change: impl FnOnce(&mut Vec<TracedValue>),
) {
    let key = key_in(root, names);
    let mut list = match root.get(&key) {
        Some(TracedValue::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    change(&mut list);
    root.set(&key, TracedValue::List(list));
}

/// Adds the entries of a mapping, such as labels.
pub(crate) fn add_texts_to(root: &mut TracedValue, name: &str, texts: Option<&TracedValue>) {
    let Some(texts) = texts
        .map(TracedValue::entries)
        .filter(|texts| !texts.is_empty())
    else {
        return;
    };
    let key = key_in(root, &[name]);
    if let Some(mapping) = root.mapping_at(&key) {
        for text in texts {
            mapping.set(&text.key, text.value.clone());
        }
    }
}

/// The components that an owner adds: its fields `components` and `ignoreMissingComponents`.
pub(crate) fn components_of(fields: &TracedValue, tree: &SourceTree) -> Vec<TracedValue> {
    let ignores_missing = fields
        .get("ignoreMissingComponents")
        .is_some_and(TracedValue::is_true);
    let components = fields.get("components").map(TracedValue::items);
    let components = components.unwrap_or_default().iter();
    components
        .filter(|component| !(ignores_missing && is_missing(tree, component)))
        .cloned()
        .collect()
}

fn is_missing(tree: &SourceTree, component: &TracedValue) -> bool {
    let path = join_path(&tree.root, component.as_str().unwrap_or_default());
    tree.paths.get(&path).is_some_and(SourcePath::is_missing)
}

/// The key of a field as the file spells it; `names` has an older name, too.
fn key_in(root: &TracedValue, names: &[&str]) -> String {
    let mut entries = root.entries().iter();
    let found = entries.find(|entry| {
        let mut names = names.iter();
        names.any(|name| name.eq_ignore_ascii_case(&entry.key))
    });
    match (found, names) {
        (Some(entry), _) => entry.key.clone(),
        (None, [name, ..]) => (*name).to_owned(),
        (None, []) => String::new(),
    }
}
