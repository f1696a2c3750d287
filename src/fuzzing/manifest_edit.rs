//! Manifests that are edited.

use serde_json::{Map, Value};

use crate::manifest::{EditError, EditProblem, Object, ObjectEdit, edit, objects};
use crate::plan::FieldEdit;

/// How many objects of a text, and how many values of an object, are edited.
const MOST: usize = 8;

/// What is written: texts that YAML would misread without quotes, and common ones.
const TEXTS: [&str; 10] = [
    "org/app:2.0.0",
    "true",
    "1.10",
    "a: b",
    "x # y",
    "*x",
    "it's \"é☃\"",
    "two\nlines\n",
    "",
    "- x",
];

/// Characters that begin what cannot always be edited: flow style, anchors, aliases,
/// merged values, tags, explicit keys and block scalars.
const SPECIAL: &[char] = &[
    '{', '[', '&', '*', '<', '!', '?', '|', '>', '%', '"', '\'', '\t',
];

/// An edited text differs from the old one only at the edited value, in the bytes and in
/// what is read from them; the same edit again changes nothing, and the opposite edit
/// restores the value. A manifest in plain block style can always be edited.
pub fn manifest_edit(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let found = objects(text);
    for (index, result) in found.iter().enumerate().take(MOST) {
        let Ok(object) = result else { continue };
        let object_in_text = EditedObject {
            text,
            index,
            object,
            others: values_except(&found.iter().map(Result::as_ref).collect::<Vec<_>>(), index),
        };
        let mut leaves = Vec::new();
        strings(&object.value, &mut Vec::new(), &mut leaves);
        // The kind decides how the rest is read.
        leaves.retain(|path| *path != ["kind"]);
        for (number, path) in leaves.iter().take(MOST).enumerate() {
            let new = TEXTS[(input.len() + number) % TEXTS.len()];
            object_in_text.set(path, new);
            if path.len() == 3 && path[0] == "metadata" && path[1] == "annotations" {
                object_in_text.check(&field(path, None));
            }
        }
        let annotation = ["metadata", "annotations", "example.com/new"].map(str::to_owned);
        object_in_text.check(&field(&annotation, Some("true")));
    }
}

fn field(path: &[String], text: Option<&str>) -> FieldEdit {
    FieldEdit {
        path: path.to_vec(),
        text: text.map(str::to_owned),
        is_plain: false,
    }
}

/// The values of all objects but one, with the problems of those that cannot be read.
fn values_except<E: ToString>(
    found: &[Result<&Object, E>],
    index: usize,
) -> Vec<Result<Value, String>> {
    let others = found.iter().enumerate().filter(|(at, _)| *at != index);
    let values = others.map(|(_, result)| match result {
        Ok(object) => Ok(object.value.clone()),
        Err(error) => Err(error.to_string()),
    });
    values.collect()
}

/// The paths of the strings in a value.
fn strings(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::String(_) if !path.is_empty() => found.push(path.clone()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                strings(item, path, found);
                path.pop();
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                path.push(key.clone());
                strings(entry, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// One object of a text.
struct EditedObject<'a> {
    text: &'a str,
    index: usize,
    object: &'a Object,
    /// What is read of the others.
    others: Vec<Result<Value, String>>,
}

impl EditedObject<'_> {
    /// Replaces a string by another one, and restores it.
    fn set(&self, path: &[String], new: &str) {
        let old = at(&self.object.value, path).and_then(Value::as_str);
        let Some(edited) = self.check(&field(path, Some(new))) else {
            let is_special = self.text.contains(SPECIAL) || self.text.contains("sops");
            let may_be_refused = is_special || self.is_list_item(path);
            assert!(may_be_refused, "{} cannot be edited", path.join("."));
            return;
        };
        if old.is_some_and(|old| is_written_on_one_line(self.text, old)) {
            let replaced = replaced(self.text, &edited);
            let is_only_value = !replaced.contains(['\n', '#']);
            assert!(is_only_value, "{replaced:?} is replaced: {edited}");
        }
        let restored = self
            .edit(&edited, &field(path, old))
            .expect("edited before");
        let found = objects(&restored);
        let object = found[self.index].as_ref().expect("read before");
        assert_eq!(object.value, self.object.value, "{restored}");
    }

    /// Whether a string is an item of a list. No edit needs such a place, and all are refused.
    fn is_list_item(&self, path: &[String]) -> bool {
        let parent = path.split_last().map(|(_, parent)| parent);
        let parent = parent.and_then(|parent| at(&self.object.value, parent));
        parent.is_some_and(Value::is_array)
    }

    /// Makes an edit and checks the text. `None` if it is refused.
    fn check(&self, change: &FieldEdit) -> Option<String> {
        let edited = match self.edit(self.text, change) {
            Ok(edited) => edited,
            Err(error) => {
                let lines = self.text.lines().count();
                assert!((1..=lines).contains(&error.line), "{}: {error}", error.line);
                let is_a_bug = matches!(
                    error.problem,
                    EditProblem::NoSuchObject(_) | EditProblem::TwoWays { .. }
                );
                assert!(!is_a_bug && !error.to_string().is_empty(), "{error}");
                return None;
            }
        };
        let found = objects(&edited);
        let found: Vec<_> = found.iter().map(Result::as_ref).collect();
        assert_eq!(values_except(&found, self.index), self.others, "{edited}");
        let object = found[self.index].expect("read before");
        let mut expected = self.object.value.clone();
        apply(&mut expected, &change.path, change.text.as_deref());
        assert_eq!(object.value, expected, "{change:?}: {edited}");
        assert_eq!(self.edit(&edited, change).as_ref(), Ok(&edited), "again");
        assert_eq!(self.text.ends_with('\n'), edited.ends_with('\n'), "the end");
        if self.text.contains('\n') && has_only_crlf(self.text) {
            assert!(has_only_crlf(&edited), "line breaks of Windows: {edited:?}");
        }
        Some(edited)
    }

    fn edit(&self, text: &str, change: &FieldEdit) -> Result<String, EditError> {
        let change = ObjectEdit {
            index: self.index,
            places: vec![change.clone()],
        };
        edit(text, &[change])
    }
}

/// Whether a value has only one line and no comment in a text, in any style.
fn is_written_on_one_line(text: &str, value: &str) -> bool {
    let has_gaps = value.is_empty() || value.contains(|c: char| c.is_whitespace() || c == '#');
    !has_gaps && !text.contains(['|', '>', '\\'])
}

/// The part of the old text that is not in the new one.
fn replaced<'t>(old: &'t str, new: &str) -> &'t str {
    let start: usize = old
        .chars()
        .zip(new.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let (old, new) = (&old[start..], &new[start..]);
    let same: usize = old
        .chars()
        .rev()
        .zip(new.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    &old[..old.len() - same]
}

fn has_only_crlf(text: &str) -> bool {
    !text.replace("\r\n", "").contains(['\r', '\n'])
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |at, key| match at {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => at.get(key),
    })
}

/// Makes the edit in the value: missing mappings are added, and annotations that become
/// empty are removed.
fn apply(value: &mut Value, path: &[String], new: Option<&str>) {
    let Some((key, rest)) = path.split_first() else {
        *value = new.map_or(Value::Null, Value::from);
        return;
    };
    if let Value::Array(items) = value {
        let index: usize = key.parse().expect("an index");
        return apply(&mut items[index], rest, new);
    }
    if value.is_null() && new.is_some() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(entries) = value else {
        return;
    };
    if rest.is_empty() && new.is_none() {
        entries.shift_remove(key);
        return;
    }
    if new.is_some() {
        entries.entry(key.clone()).or_insert(Value::Null);
    }
    let Some(inner) = entries.get_mut(key) else {
        return;
    };
    apply(inner, rest, new);
    let is_empty = inner.as_object().is_some_and(Map::is_empty);
    if new.is_none() && key == "annotations" && is_empty {
        entries.shift_remove(key);
    }
}
