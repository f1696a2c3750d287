//! Reads the fields of a mapping as kustomize does.

use std::collections::BTreeMap;

use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::traced::{TracedEntry, TracedScalar, TracedValue};

/// Whether a value is neither null nor empty.
pub(crate) fn is_filled(value: &TracedValue) -> bool {
    match value {
        TracedValue::Mapping(entries) => !entries.is_empty(),
        TracedValue::List(items) => !items.is_empty(),
        TracedValue::Scalar(scalar) => !scalar.value.is_null(),
    }
}

/// An item of a list, with its place. An item of an owner is written in another file than those
/// of the kustomization.
pub(crate) struct ListItem<'t> {
    pub(crate) value: &'t TracedValue,
    pub(crate) file: &'t str,
    pub(crate) line: usize,
}

/// Reads the fields of a mapping as kustomize does: keys match regardless of upper and lower
/// case, and unknown ones are errors.
pub(crate) struct FieldReader<'t> {
    pub(crate) file: &'t str,
    /// Those that were not read.
    left: Vec<&'t TracedEntry>,
}

impl<'t> FieldReader<'t> {
    /// # Errors
    ///
    /// The value is not a mapping, or has two keys that differ only in case.
    pub(crate) fn new(file: &'t str, value: &'t TracedValue) -> Result<Self, BuildError> {
        let TracedValue::Mapping(entries) = value else {
            let message = "an entry must be a mapping";
            return Err(BuildError::invalid(file, first_line(value), message));
        };
        for (index, entry) in entries.iter().enumerate() {
            let mut earlier = entries[..index].iter();
            if earlier.any(|other| other.key.eq_ignore_ascii_case(&entry.key)) {
                let message = format!("the key {:?} is duplicated", entry.key);
                return Err(BuildError::invalid(file, entry.line, message));
            }
        }
        Ok(Self {
            file,
            left: entries.iter().collect(),
        })
    }

    /// The entry of a field.
    pub(crate) fn take(&mut self, field: &str) -> Option<&'t TracedEntry> {
        let mut left = self.left.iter();
        let at = left.position(|entry| entry.key.eq_ignore_ascii_case(field))?;
        Some(self.left.remove(at))
    }

    pub(crate) fn is_given(&self, field: &str) -> bool {
        let mut left = self.left.iter();
        left.any(|entry| entry.key.eq_ignore_ascii_case(field) && is_filled(&entry.value))
    }

    /// The scalar of a field that must be a string; `None` if it is missing or empty.
    pub(crate) fn scalar(&mut self, field: &str) -> Result<Option<&'t TracedScalar>, BuildError> {
        let Some(entry) = self.take(field) else {
            return Ok(None);
        };
        match &entry.value {
            TracedValue::Scalar(scalar) if scalar.value.is_null() => Ok(None),
            TracedValue::Scalar(scalar) if scalar.value == "" => Ok(None),
            TracedValue::Scalar(scalar) if scalar.value.is_string() => Ok(Some(scalar)),
            TracedValue::Scalar(_) => {
                let message =
                    format!("{field} must be a string, so kustomize refuses it; quote it");
                Err(BuildError::invalid(self.file, entry.line, message))
            }
            _ => Err(self.wrong_type(field, "a string", entry.line)),
        }
    }

    /// The string of a field; empty if it is missing.
    pub(crate) fn text(&mut self, field: &str) -> Result<String, BuildError> {
        let scalar = self.scalar(field)?;
        let text = scalar.and_then(|scalar| scalar.value.as_str());
        Ok(text.unwrap_or_default().to_owned())
    }

    /// The items of a field that must be a list.
    pub(crate) fn list(&mut self, field: &str) -> Result<Vec<ListItem<'t>>, BuildError> {
        let Some(entry) = self.take(field) else {
            return Ok(Vec::new());
        };
        match &entry.value {
            value if value.is_null() => Ok(Vec::new()),
            TracedValue::List(items) => {
                let items = items.iter().map(|value| ListItem {
                    value,
                    file: value.file().unwrap_or(self.file),
                    // Only an object of the cluster has places without lines.
                    line: match value.file() {
                        Some(_) => first_line(value),
                        None => first_line(value).max(1),
                    },
                });
                Ok(items.collect())
            }
            _ => Err(self.wrong_type(field, "a list", entry.line)),
        }
    }

    /// The strings of a field that must be a mapping.
    pub(crate) fn texts(&mut self, field: &str) -> Result<BTreeMap<String, String>, BuildError> {
        let Some(entry) = self.take(field) else {
            return Ok(BTreeMap::new());
        };
        let mut texts = BTreeMap::new();
        for pair in entry.value.entries() {
            let Some(text) = pair.value.as_str() else {
                return Err(self.wrong_type(&pair.key, "a string; quote it", pair.line));
            };
            texts.insert(pair.key.clone(), text.to_owned());
        }
        Ok(texts)
    }

    /// Skips fields that have no effect on what is read here.
    pub(crate) fn ignore(&mut self, fields: &[&str]) {
        for field in fields {
            self.take(field);
        }
    }

    /// # Errors
    ///
    /// A field is not known to kustomize.
    pub(crate) fn end(&self, place: &str) -> Result<(), BuildError> {
        match self.left.first() {
            Some(entry) => {
                let message = format!("{place} has no field {:?}", entry.key);
                Err(BuildError::invalid(self.file, entry.line, message))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn wrong_type(&self, field: &str, wanted: &str, line: usize) -> BuildError {
        BuildError::invalid(self.file, line, format!("{field} must be {wanted}"))
    }
}

/// The line of the first key or scalar of a value; 0 if none is written.
fn first_line(value: &TracedValue) -> usize {
    match value {
        TracedValue::Mapping(entries) => match entries.first() {
            // An entry that is made from a text has no line of its own.
            Some(entry) if entry.line == 0 => first_line(&entry.value),
            Some(entry) => entry.line,
            None => 0,
        },
        TracedValue::List(items) => items.first().map_or(0, first_line),
        TracedValue::Scalar(scalar) => scalar.origins.first().map_or(0, |origin| origin.place.line),
    }
}
