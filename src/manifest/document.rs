//! The objects of a manifest.

use std::ops::Range;

use serde_json::{Map, Value};

use super::json;
use super::markers::{self, Marker};
use super::plain::{PlainTexts, WrittenDocument};
use super::sops::Sops;
use super::split::{Chunk, chunks};
use super::yaml;

/// The maximum number of documents in one text.
const MAX_DOCUMENTS: usize = 20_000;

/// The maximum number of values (keys, scalars, lists, mappings) in one document.
/// A list of 5,000 Deployments from the API server has half as many.
const MAX_NODES: usize = 4_000_000;

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The line where the content of its document begins, from 1.
    pub line: usize,
    /// The value: always a mapping.
    pub value: Value,
    /// The Flux markers in it.
    pub markers: Vec<Marker>,
    /// Whether SOPS protects it with a checksum that any change would break.
    pub is_sealed: bool,
    /// The source texts of the unquoted scalars in a Helm release's values that are not
    /// read as strings.
    pub plain_texts: PlainTexts,
}

/// A document that cannot be read as an object: an error in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct DocumentError {
    /// The line of the error if the parser reports it, otherwise the line where the
    /// content of the document begins; from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is neither valid YAML nor valid JSON, or it exceeds the limits.
    #[error("{0}")]
    Syntax(String),
    /// The same, and it contains `{{`. Helm templates do, and they are not valid YAML
    /// until they are rendered.
    #[error(
        "{0}; if this is a Helm template, render it first: \
         helm template … | kubectl imgpolicy status -f -"
    )]
    Template(String),
    /// It is a list or a single value. Other files in a folder of manifests may well be.
    #[error("a manifest must be a mapping with apiVersion and kind, but this is {0}")]
    NotAnObject(&'static str),
}

/// The value in the text that is an object or contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// The bytes: a YAML document with its markers, or one JSON value.
    pub(crate) range: Range<usize>,
    /// Whether it is JSON.
    pub(crate) is_json: bool,
    /// Its SOPS block.
    pub(crate) sops: Option<Sops>,
}

impl Root {
    fn new(range: Range<usize>, is_json: bool, value: &Value) -> Self {
        Self {
            range,
            is_json,
            sops: Sops::from_value(value),
        }
    }
}

/// An entry of [`objects`] and its position.
#[derive(Debug)]
pub(crate) struct Located {
    /// The value that it is read from.
    pub(crate) root: Root,
    /// The keys and indexes from there to the object, through lists.
    pub(crate) path: Vec<String>,
    /// The object, or why it could not be read.
    pub(crate) object: Result<Object, DocumentError>,
}

impl Located {
    /// The line to report for it.
    pub(crate) fn line(&self) -> usize {
        match &self.object {
            Ok(object) => object.line,
            Err(error) => error.line,
        }
    }
}

/// Reads the objects of a text in order. Lists are replaced by their items.
#[must_use]
pub fn objects(text: &str) -> Vec<Result<Object, DocumentError>> {
    located(text)
        .into_iter()
        .map(|found| found.object)
        .collect()
}

/// Like [`objects`], with the position of each.
pub(crate) fn located(text: &str) -> Vec<Located> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    let mut found = Vec::new();
    for (index, chunk) in chunks(body).into_iter().enumerate() {
        let start = skipped + chunk.start;
        if index == MAX_DOCUMENTS {
            let message = format!("the file has more than {MAX_DOCUMENTS} documents; split it");
            let root = Root::new(start..start, false, &Value::Null);
            let error = document_error("", chunk.content_line, message);
            ListUnpacker::new(root, Vec::new(), &mut found).push(Err(error));
            break;
        }
        read(chunk, start, &mut found);
    }
    mark_sealed(&mut found);
    found
}

/// Marks the objects that a SOPS checksum covers. SOPS reads only the block of the first
/// document of a file.
fn mark_sealed(found: &mut [Located]) {
    let first = found.first().and_then(|found| found.root.sops.as_ref());
    let first_seals_all = first.is_some_and(|sops| sops.seals_all);
    for found in found {
        if let Some(sops) = &mut found.root.sops {
            sops.seals_all |= first_seals_all;
        }
        if let Ok(object) = &mut found.object {
            let own = Sops::from_value(&object.value);
            let mut blocks = found.root.sops.iter().chain(&own);
            object.is_sealed = blocks.any(|sops| sops.seals_all);
        }
    }
}

/// Reads a document that begins at the byte `start`.
fn read(chunk: Chunk<'_>, start: usize, found: &mut Vec<Located>) {
    if is_json(&chunk.text[chunk.content..]) {
        read_json(chunk, start, found);
    } else {
        read_yaml(chunk, start, found);
    }
}

fn read_json(chunk: Chunk<'_>, start: usize, found: &mut Vec<Located>) {
    let body = &chunk.text[chunk.content..];
    let start = start + chunk.content;
    for value in json::values(body, MAX_NODES) {
        match value {
            Ok(read) => {
                let written = WrittenDocument::read(&body[read.range.clone()]);
                let range = start + read.range.start..start + read.range.end;
                ListUnpacker::new(Root::new(range, true, &read.value), Vec::new(), found)
                    .with_written(written)
                    .unpack(chunk.content_line + read.line - 1, read.value);
            }
            Err(error) => {
                let root = Root::new(start..start + body.len(), true, &Value::Null);
                let line = chunk.content_line + error.line - 1;
                let error = document_error(body, line, error.message);
                ListUnpacker::new(root, Vec::new(), found).push(Err(error));
            }
        }
    }
}

fn read_yaml(chunk: Chunk<'_>, start: usize, found: &mut Vec<Located>) {
    let range = start..start + chunk.text.len();
    match yaml::value(chunk.text, MAX_NODES) {
        Ok(value) => {
            let root = Root::new(range, false, &value);
            ListUnpacker::new(root, markers::find(chunk.text), found)
                .with_written(WrittenDocument::read(chunk.text))
                .unpack(chunk.content_line, value);
        }
        Err(error) => {
            let line = error.line.map_or(chunk.content_line, |line| {
                // An error after the last line is reported at the last line.
                let last = chunk.text.lines().count();
                chunk.first_line + line.min(last) - 1
            });
            let root = Root::new(range, false, &Value::Null);
            let error = document_error(chunk.text, line, error.message);
            ListUnpacker::new(root, Vec::new(), found).push(Err(error));
        }
    }
}

/// Whether a document begins like JSON. Then it must be valid JSON: read as YAML in flow
/// style, a missing comma would be accepted and would turn two values into one.
fn is_json(body: &str) -> bool {
    let inside = body.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '}']))
}

fn document_error(text: &str, line: usize, message: String) -> DocumentError {
    let problem = if text.contains("{{") {
        Problem::Template(message)
    } else {
        Problem::Syntax(message)
    };
    DocumentError { line, problem }
}

/// Unpacks a value into its objects: itself, or the items of a list.
struct ListUnpacker<'a> {
    root: Root,
    path: Vec<String>,
    markers: Vec<Marker>,
    written: Option<WrittenDocument>,
    found: &'a mut Vec<Located>,
}

impl<'a> ListUnpacker<'a> {
    fn new(root: Root, markers: Vec<Marker>, found: &'a mut Vec<Located>) -> Self {
        Self {
            root,
            path: Vec::new(),
            markers,
            written: None,
            found,
        }
    }

    fn with_written(self, written: Option<WrittenDocument>) -> Self {
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
    fn unpack(&mut self, line: usize, value: Value) {
        let found = match value {
            Value::Object(object) => return self.unpack_object(line, object),
            // A document or an item without content is skipped.
            Value::Null => return,
            Value::Array(_) => "a list",
            Value::String(_) => "a string",
            Value::Number(_) => "a number",
            Value::Bool(_) => "a boolean",
        };
        self.push(Err(DocumentError {
            line,
            problem: Problem::NotAnObject(found),
        }));
    }

    fn unpack_object(&mut self, line: usize, mut object: Map<String, Value>) {
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
            self.unpack(line, item);
            self.path.pop();
        }
        self.path.pop();
    }
}

/// The type of the items of a `DeploymentList`, which the API leaves out of the items.
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

/// The items of a list; `None` for any other object, even if its kind ends in `List`.
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
