//! Values that remember where they are written.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use crate::workload::ImagePart;

/// Why a scalar in an object of a cluster is not edited.
const IN_CLUSTER: &str = "it is in the cluster, not in a file";

/// A value of an object, with the place of each scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TracedValue {
    /// A mapping, in the order of the text.
    Mapping(Vec<TracedEntry>),
    /// A list.
    List(Vec<TracedValue>),
    /// Anything else.
    Scalar(TracedScalar),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracedEntry {
    pub(crate) key: String,
    /// The line of the key; 0 if it is not written.
    pub(crate) line: usize,
    pub(crate) value: TracedValue,
}

/// A scalar and the places that decide it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracedScalar {
    pub(crate) value: Value,
    /// Empty if it is not written anywhere.
    pub(crate) origins: Vec<ScalarOrigin>,
}

impl TracedScalar {
    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        self.value.as_str()
    }
}

/// A place that decides a scalar, and what it decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScalarOrigin {
    pub(crate) decides: Decides,
    pub(crate) place: Arc<ScalarPlace>,
    /// Why it must not be edited, although it could be.
    pub(crate) refusal: Option<Arc<str>>,
}

/// What a place decides about a scalar that is an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decides {
    /// The whole scalar.
    All,
    /// `newName`.
    Name,
    /// `newTag`.
    Tag,
    /// `tagSuffix`.
    Suffix,
    /// `digest`.
    Digest,
    /// This part, with variables that are replaced later. It is not edited.
    Template(ImagePart),
    /// This part, in a text of Argo CD that may have others: `old=new:tag`.
    Override(ImagePart),
}

impl Decides {
    /// The part of the image; `None`: it is that of the text itself.
    pub(crate) fn part(self) -> Option<ImagePart> {
        match self {
            Self::All => None,
            Self::Name => Some(ImagePart::Name),
            Self::Tag | Self::Suffix => Some(ImagePart::Tag),
            Self::Digest => Some(ImagePart::Digest),
            Self::Template(part) | Self::Override(part) => Some(part),
        }
    }
}

/// A scalar in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScalarPlace {
    /// The path as it is shown, or the name of an object of the cluster.
    pub(crate) file: Arc<str>,
    /// The line, from 1; 0 in the cluster.
    pub(crate) line: usize,
    /// The key, with the anchor of the value: `newTag: &version`. In the cluster, the path.
    pub(crate) key: String,
    /// The text of the scalar without quotes.
    pub(crate) text: String,
    /// Whether it is written without quotes.
    pub(crate) is_plain: bool,
    /// Whether it is in a text without YAML, such as a file of `KEY=VALUE` lines.
    pub(crate) is_in_text: bool,
    /// Where it can be replaced, or why it cannot.
    pub(crate) spot: Result<ScalarSpot, &'static str>,
}

/// The bytes of a scalar in a file, and the form of a new text there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScalarSpot {
    /// The bytes, including quotes.
    pub(crate) range: Range<usize>,
    pub(crate) style: ScalarStyle,
    /// Whether it is inside braces or brackets.
    pub(crate) in_flow: bool,
    pub(crate) is_json: bool,
}

impl TracedValue {
    /// A string that is not written anywhere.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Scalar(TracedScalar {
            value: Value::from(text.into()),
            origins: Vec::new(),
        })
    }

    /// A value that is not written anywhere.
    pub(crate) fn unplaced(value: &Value) -> Self {
        match value {
            Value::Object(object) => {
                let entries = object.iter().map(|(key, value)| TracedEntry {
                    key: key.clone(),
                    line: 0,
                    value: Self::unplaced(value),
                });
                Self::Mapping(entries.collect())
            }
            Value::Array(items) => Self::List(items.iter().map(Self::unplaced).collect()),
            scalar => Self::Scalar(TracedScalar {
                value: scalar.clone(),
                origins: Vec::new(),
            }),
        }
    }

    /// A value in an object of a cluster. Each scalar has its path there as its key, and no line.
    /// `object` is the name of the object, and `path` that of the value.
    pub(crate) fn in_cluster(object: &Arc<str>, value: &Value, path: &str) -> Self {
        match value {
            Value::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| {
                    let path = match path {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    TracedEntry {
                        key: key.clone(),
                        line: 0,
                        value: Self::in_cluster(object, value, &path),
                    }
                });
                Self::Mapping(entries.collect())
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items
                    .map(|(at, item)| Self::in_cluster(object, item, &format!("{path}[{at}]")));
                Self::List(items.collect())
            }
            scalar => Self::Scalar(TracedScalar {
                value: scalar.clone(),
                origins: vec![ScalarOrigin {
                    decides: Decides::All,
                    place: Arc::new(ScalarPlace {
                        file: Arc::clone(object),
                        line: 0,
                        key: path.to_owned(),
                        text: scalar
                            .as_str()
                            .map_or_else(|| scalar.to_string(), str::to_owned),
                        is_plain: false,
                        is_in_text: false,
                        spot: Err(IN_CLUSTER),
                    }),
                    refusal: None,
                }],
            }),
        }
    }

    /// The value without its places.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Mapping(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    object.insert(entry.key.clone(), entry.value.to_value());
                }
                Value::Object(object)
            }
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Scalar(scalar) => scalar.value.clone(),
        }
    }

    pub(crate) fn entries(&self) -> &[TracedEntry] {
        match self {
            Self::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[TracedValue] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The string, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => scalar.value.as_str(),
            _ => None,
        }
    }

    /// The file of its first scalar that is written.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::Mapping(entries) => entries.iter().find_map(|entry| entry.value.file()),
            Self::List(items) => items.iter().find_map(Self::file),
            Self::Scalar(scalar) => scalar.origins.first().map(|origin| &*origin.place.file),
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.value == true)
    }

    /// Whether it is `null`, or nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.value.is_null())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries().iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Mapping(entries) => {
                let mut entries = entries.iter_mut();
                Some(&mut entries.find(|entry| entry.key == key)?.value)
            }
            _ => None,
        }
    }

    /// The value at the end of a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |at, key| at.get(key))
    }

    /// The string at the end of a path of keys; empty if there is none.
    pub(crate) fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Self::as_str).unwrap_or_default()
    }

    /// Sets the value of a key. Other values than mappings are left unchanged.
    pub(crate) fn set(&mut self, key: &str, value: Self) {
        if let Some(old) = self.get_mut(key) {
            *old = value;
        } else if let Self::Mapping(entries) = self {
            entries.push(TracedEntry {
                key: key.to_owned(),
                line: 0,
                value,
            });
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Self::Mapping(entries) = self {
            entries.retain(|entry| entry.key != key);
        }
    }

    /// The mapping at a key. A missing or empty one is added.
    pub(crate) fn mapping_at(&mut self, key: &str) -> Option<&mut Self> {
        if self.get(key).is_none_or(Self::is_null) {
            self.set(key, Self::Mapping(Vec::new()));
        }
        self.get_mut(key)
    }
}
