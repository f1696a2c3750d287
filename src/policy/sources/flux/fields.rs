//! The fields of an object, read as the API server reads them.
//!
//! An error names the field by its path: `spec.filterTags.pattern must be a string`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The API group of Flux's image objects.
const GROUP: &str = "image.toolkit.fluxcd.io";

/// The namespace and the name of an object of the group `image.toolkit.fluxcd.io`; `None` for
/// an object of another kind, and for one without a name.
pub(crate) fn identity(
    object: &Value,
    kind: &str,
    default_namespace: &str,
) -> Option<(String, String)> {
    let (group, _) = object["apiVersion"].as_str()?.split_once('/')?;
    if group != GROUP || object["kind"] != kind {
        return None;
    }
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or(default_namespace);
    Some((namespace.to_owned(), metadata["name"].as_str()?.to_owned()))
}

/// The labels of an object, or those that a selector asks for.
pub(crate) fn labels(labels: &Value) -> BTreeMap<String, String> {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A mapping in an object, with its path.
#[derive(Debug, Clone)]
pub(crate) struct ObjectFields<'v> {
    path: String,
    /// `None`: the mapping is missing, so all its fields are.
    map: Option<&'v Map<String, Value>>,
}

impl<'v> ObjectFields<'v> {
    /// The mapping at a path below the object's top.
    ///
    /// # Errors
    ///
    /// It is not a mapping.
    pub(crate) fn new(path: impl Into<String>, value: &'v Value) -> Result<Self, String> {
        let path = path.into();
        match value {
            Value::Null => Ok(Self { path, map: None }),
            Value::Object(map) => Ok(Self {
                path,
                map: Some(map),
            }),
            _ => Err(format!("{path} must be a mapping")),
        }
    }

    /// Refuses fields that the API does not have: a misspelled restriction must not be
    /// ignored.
    pub(crate) fn refuse_unknown(&self, known: &[&str]) -> Result<(), String> {
        let mut keys = self.map.into_iter().flat_map(Map::keys);
        match keys.find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!(
                "{} has an unknown field {key:?} (known: {})",
                self.path,
                known.join(", ")
            )),
            None => Ok(()),
        }
    }

    /// The path of a field.
    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// A field, if it has a value.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.map?.get(name).filter(|value| !value.is_null())
    }

    /// The mapping in a field, which may be missing.
    pub(crate) fn fields(&self, name: &str) -> Result<Self, String> {
        const NOTHING: &Value = &Value::Null;
        ObjectFields::new(self.path_of(name), self.get(name).unwrap_or(NOTHING))
    }

    /// A text, if there is one that is not empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'v str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("{} must be a string; quote it", self.path_of(name))),
        }
    }

    /// A text that is required.
    pub(crate) fn required(&self, name: &str) -> Result<&'v str, String> {
        self.text(name)?
            .ok_or_else(|| format!("{} is missing", self.path_of(name)))
    }

    /// One of a few words.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<&'v str>, String> {
        let found = self.text(name)?;
        match found.filter(|word| !words.contains(word)) {
            Some(word) => Err(format!(
                "{} must be one of {}, not {word:?}",
                self.path_of(name),
                words.join(", ")
            )),
            None => Ok(found),
        }
    }

    /// A boolean; missing means false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(format!("{} must be true or false", self.path_of(name))),
        }
    }

    /// The name in a reference to another object, such as `secretRef`.
    pub(crate) fn reference(&self, name: &str) -> Result<Option<String>, String> {
        if self.get(name).is_none() {
            return Ok(None);
        }
        let reference = self.fields(name)?;
        Ok(Some(reference.required("name")?.to_owned()))
    }

    /// A list, which may be missing.
    pub(crate) fn list(&self, name: &str) -> Result<&'v [Value], String> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(format!("{} must be a list", self.path_of(name))),
        }
    }
}
