//! The objects of a manifest.

use std::ops::Range;

use serde_json::{Map, Value};

use super::json;
use super::markers::{self, Marker};
use super::plain::{PlainTexts, Written};
use super::sops::Sops;
use super::split::{Chunk, chunks};
use super::yaml;

/// The most documents in one text.
const MAX_DOCUMENTS: usize = 20_000;

/// The most values (keys, scalars, lists, mappings) that one document may hold.
/// A list of 5,000 Deployments as the API server prints them has half as many.
const MAX_NODES: usize = 4_000_000;

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The first line of its document's content, from 1.
    pub line: usize,
    /// What stands there: always a mapping.
    pub value: Value,
    /// Flux's markers in it.
    pub markers: Vec<Marker>,
    /// Whether SOPS keeps a checksum over it that any change would break.
    pub is_sealed: bool,
    /// The texts of what stands without quotes in a Helm release's values and is
    /// not read as text.
    pub plain_texts: PlainTexts,
}

/// A document that is no object: the manifest's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct DocumentError {
    /// The line of the fault, where the parser tells it, else that of the
    /// document's first content; from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is neither YAML nor JSON, or goes beyond the limits.
    #[error("{0}")]
    Syntax(String),
    /// As above, and it has `{{` in it, as Helm templates have, which are no
    /// YAML before they are rendered.
    #[error(
        "{0}; if this is a Helm template, render it first: \
         helm template … | kubectl imgpolicy status -f -"
    )]
    Template(String),
    /// It is a list or a single value; what a folder holds beside manifests may
    /// well be.
    #[error("a manifest must be a mapping with apiVersion and kind, and this is {0}")]
    NotAnObject(&'static str),
}

/// The value in the text that an object is, or is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// The bytes: a YAML document with its markers, or one JSON value.
    pub(crate) range: Range<usize>,
    /// How it is to be read.
    pub(crate) is_json: bool,
    /// The block that SOPS left in it.
    pub(crate) sops: Option<Sops>,
}

/// An entry of [`objects`] and where it stands.
#[derive(Debug)]
pub(crate) struct Located {
    /// What it is read from.
    pub(crate) root: Root,
    /// The keys and indexes that lead from there to the object: through lists.
    pub(crate) path: Vec<String>,
    /// What is read.
    pub(crate) object: Result<Object, DocumentError>,
}

impl Located {
    /// The line at which it is told.
    pub(crate) fn line(&self) -> usize {
        match &self.object {
            Ok(object) => object.line,
            Err(error) => error.line,
        }
    }
}

/// Reads the objects of a text, in its order; lists are opened into their items.
#[must_use]
pub fn objects(text: &str) -> Vec<Result<Object, DocumentError>> {
    located(text)
        .into_iter()
        .map(|found| found.object)
        .collect()
}

/// As [`objects`], each with its place.
pub(crate) fn located(text: &str) -> Vec<Located> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    let mut found = Vec::new();
    for (index, chunk) in chunks(body).into_iter().enumerate() {
        let start = skipped + chunk.start;
        if index == MAX_DOCUMENTS {
            let message = format!("it has more than {MAX_DOCUMENTS} documents; split it");
            let root = Root {
                range: start..start,
                is_json: false,
                sops: None,
            };
            Opening::new(root, Vec::new(), &mut found).push(Err(fault(
                "",
                chunk.content_line,
                message,
            )));
            break;
        }
        read(chunk, start, &mut found);
    }
    seal(&mut found);
    found
}

/// Marks the objects that SOPS has a checksum over. Of all blocks of a file it
/// reads the first document's.
fn seal(found: &mut [Located]) {
    let seals_all = |sops: &Sops| sops.seals_all;
    let first = found.first().and_then(|found| found.root.sops.as_ref());
    let first_seals_all = first.is_some_and(seals_all);
    for found in found {
        if let Some(sops) = &mut found.root.sops {
            sops.seals_all |= first_seals_all;
        }
        if let Ok(object) = &mut found.object {
            let own = Sops::of(&object.value);
            let mut blocks = found.root.sops.iter().chain(&own);
            object.is_sealed = blocks.any(seals_all);
        }
    }
}

/// Reads a document that begins at the byte `start`.
fn read(chunk: Chunk<'_>, start: usize, found: &mut Vec<Located>) {
    let body = &chunk.text[chunk.content..];
    let root = |range: Range<usize>, is_json, value: &Value| Root {
        range: start + range.start..start + range.end,
        is_json,
        sops: Sops::of(value),
    };
    if is_json(body) {
        let line = |line: usize| chunk.content_line + line - 1;
        for value in json::values(body, MAX_NODES) {
            match value {
                Ok(read) => {
                    let written = Written::read(&body[read.range.clone()]);
                    let range = chunk.content + read.range.start..chunk.content + read.range.end;
                    Opening::new(root(range, true, &read.value), Vec::new(), found)
                        .with(written)
                        .open(line(read.line), read.value);
                }
                Err(error) => {
                    let range = chunk.content..chunk.text.len();
                    let root = root(range, true, &Value::Null);
                    Opening::new(root, Vec::new(), found).push(Err(fault(
                        body,
                        line(error.line),
                        error.message,
                    )));
                }
            }
        }
        return;
    }
    let range = 0..chunk.text.len();
    match yaml::value(chunk.text, MAX_NODES) {
        Ok(value) => {
            let root = root(range, false, &value);
            Opening::new(root, markers::find(chunk.text), found)
                .with(Written::read(chunk.text))
                .open(chunk.content_line, value);
        }
        Err(error) => {
            let line = error.line.map_or(chunk.content_line, |line| {
                // An error at the end of the text is shown where there is one.
                let last = chunk.text.lines().count();
                chunk.first_line + line.min(last) - 1
            });
            let root = root(range, false, &Value::Null);
            Opening::new(root, Vec::new(), found).push(Err(fault(chunk.text, line, error.message)));
        }
    }
}

/// What begins as JSON must be JSON: as YAML in flow style, a forgotten comma
/// would pass and make one value of two.
fn is_json(body: &str) -> bool {
    let inside = body.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '}']))
}

fn fault(text: &str, line: usize, message: String) -> DocumentError {
    let problem = if text.contains("{{") {
        Problem::Template(message)
    } else {
        Problem::Syntax(message)
    };
    DocumentError { line, problem }
}

/// A value that is opened into its objects.
struct Opening<'a> {
    root: Root,
    path: Vec<String>,
    markers: Vec<Marker>,
    written: Option<Written>,
    found: &'a mut Vec<Located>,
}

impl<'a> Opening<'a> {
    fn new(root: Root, markers: Vec<Marker>, found: &'a mut Vec<Located>) -> Self {
        Self {
            root,
            path: Vec::new(),
            markers,
            written: None,
            found,
        }
    }

    fn with(self, written: Option<Written>) -> Self {
        Self { written, ..self }
    }

    fn push(&mut self, object: Result<Object, DocumentError>) {
        self.found.push(Located {
            root: self.root.clone(),
            path: self.path.clone(),
            object,
        });
    }

    /// Adds an object, or the items of a list.
    fn open(&mut self, line: usize, value: Value) {
        let not_an_object = |what| {
            Err(DocumentError {
                line,
                problem: Problem::NotAnObject(what),
            })
        };
        let mut object = match value {
            Value::Object(object) => object,
            // `---` and `null` hold nothing, and neither does an empty item.
            Value::Null => return,
            Value::Array(_) => return self.push(not_an_object("a list")),
            Value::String(_) => return self.push(not_an_object("a text")),
            Value::Number(_) => return self.push(not_an_object("a number")),
            Value::Bool(_) => return self.push(not_an_object("a boolean")),
        };
        let Some((items, item_type)) = take_items(&mut object) else {
            let mut value = Value::Object(object);
            let written = self.written.as_ref();
            let object = Object {
                line,
                plain_texts: written
                    .map(|written| written.resolve(&self.path, &mut value))
                    .unwrap_or_default(),
                value,
                markers: std::mem::take(&mut self.markers),
                is_sealed: false,
            };
            return self.push(Ok(object));
        };
        let markers = std::mem::take(&mut self.markers);
        self.path.push("items".to_owned());
        for (index, mut item) in items.into_iter().enumerate() {
            if let (Value::Object(item), Some(item_type)) = (&mut item, &item_type) {
                item_type.fill(item);
            }
            self.path.push(index.to_string());
            self.markers = markers.iter().filter_map(|m| m.below(index)).collect();
            self.open(line, item);
            self.path.pop();
        }
        self.path.pop();
    }
}

/// What the items of a `DeploymentList` are: the API leaves it out of them.
struct ItemType {
    api_version: Value,
    kind: String,
}

impl ItemType {
    fn fill(&self, item: &mut Map<String, Value>) {
        if !item.contains_key("kind") {
            item.insert("kind".to_owned(), Value::from(self.kind.as_str()));
            item.entry("apiVersion")
                .or_insert_with(|| self.api_version.clone());
        }
    }
}

/// The items of a list; `None` for any other object, also for one whose kind
/// merely ends in `List`.
fn take_items(object: &mut Map<String, Value>) -> Option<(Vec<Value>, Option<ItemType>)> {
    let item_kind = object.get("kind")?.as_str()?.strip_suffix("List")?;
    let item_type = (!item_kind.is_empty()).then(|| ItemType {
        api_version: object.get("apiVersion").cloned().unwrap_or_default(),
        kind: item_kind.to_owned(),
    });
    match object.get_mut("items")? {
        Value::Array(items) => Some((std::mem::take(items), item_type)),
        _ => None,
    }
}
