//! The plain scalars in the values of a Helm release, as written and as Helm reads them.
//!
//! A YAML parser turns `0787849` into a number and loses its text. Also, Go's YAML parser,
//! which Helm uses, differs from others in what it reads as a number. So this module
//! resolves the values again from the source text of the scalars, and keeps the text of
//! those that are not strings.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, options};
use serde_json::Value;

use super::lenient;
use crate::workload::plain_scalar;

/// The kind whose values are resolved.
const KIND: &str = "HelmRelease";

/// The source texts of scalars, by the keys and indexes from `spec.values`.
pub type PlainTexts = BTreeMap<Vec<String>, String>;

/// A document with the source text of its scalars.
#[derive(Debug)]
pub(crate) struct WrittenDocument {
    root: Rc<PlainNode>,
    anchors: HashMap<usize, Rc<PlainNode>>,
}

#[derive(Debug)]
enum PlainNode {
    /// A scalar without quotes and without a tag.
    Plain(String),
    /// Any other scalar.
    Text,
    Alias(usize),
    List(Vec<Rc<PlainNode>>),
    /// Its entries whose keys are scalars.
    Mapping(Vec<(String, Rc<PlainNode>)>),
}

impl WrittenDocument {
    /// Reads a document. Returns `None` if it contains no release, or if it is JSON that
    /// is not valid YAML.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if !text.contains(KIND) {
            return None;
        }
        Self::read_strict(text).or_else(|| Self::read_strict(&lenient::joined(text)))
    }

    fn read_strict(text: &str) -> Option<Self> {
        let mut reader = PlainReader {
            events: Parser::new_from_str_with_options(text, options! { emit_comments: false }),
            anchors: HashMap::new(),
        };
        loop {
            match reader.events.next()?.ok()?.0 {
                Event::StreamStart | Event::DocumentStart(..) => {}
                event => {
                    let root = reader.node(&event)?;
                    let anchors = reader.anchors;
                    return Some(Self { root, anchors });
                }
            }
        }
    }

    /// Resolves the values of the object at a path if it is a release.
    pub(crate) fn resolve(&self, path: &[String], object: &mut Value) -> PlainTexts {
        let mut texts = PlainTexts::new();
        if object["kind"].as_str() != Some(KIND) {
            return texts;
        }
        let Some(values) = object.pointer_mut("/spec/values") else {
            return texts;
        };
        let values_path = ["spec".to_owned(), "values".to_owned()];
        let mut keys = path.iter().chain(&values_path);
        let node = keys.try_fold(Rc::clone(&self.root), |at, key| self.child(&at, key));
        if let Some(node) = node {
            self.resolve_value(&node, values, &mut Vec::new(), &mut texts);
        }
        texts
    }

    fn resolve_value(
        &self,
        node: &Rc<PlainNode>,
        value: &mut Value,
        path: &mut Vec<String>,
        texts: &mut PlainTexts,
    ) {
        let node = self.follow_alias(node);
        match value {
            Value::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    if let Some(child) = self.child(&node, key) {
                        path.push(key.clone());
                        self.resolve_value(&child, value, path, texts);
                        path.pop();
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let index = index.to_string();
                    if let Some(child) = self.child(&node, &index) {
                        path.push(index);
                        self.resolve_value(&child, item, path, texts);
                        path.pop();
                    }
                }
            }
            scalar => {
                if let PlainNode::Plain(text) = &*node {
                    *scalar = plain_scalar(text);
                    if scalar.is_number() || scalar.is_boolean() {
                        texts.insert(path.clone(), text.clone());
                    }
                }
            }
        }
    }

    /// The node that an alias refers to.
    fn follow_alias(&self, node: &Rc<PlainNode>) -> Rc<PlainNode> {
        match &**node {
            // An anchor comes before its aliases, so the recursion ends.
            PlainNode::Alias(anchor) => match self.anchors.get(anchor) {
                Some(node) => self.follow_alias(node),
                None => Rc::clone(node),
            },
            _ => Rc::clone(node),
        }
    }

    /// The child at a key or an index. A mapping's own keys take precedence over merged
    /// keys.
    fn child(&self, node: &Rc<PlainNode>, key: &str) -> Option<Rc<PlainNode>> {
        match &*self.follow_alias(node) {
            PlainNode::List(items) => items.get(key.parse::<usize>().ok()?).cloned(),
            PlainNode::Mapping(entries) => {
                let own = entries.iter().find(|(name, _)| name == key);
                if let Some((_, node)) = own {
                    return Some(Rc::clone(node));
                }
                let mut merged = entries.iter().filter(|(name, _)| name == "<<");
                merged.find_map(|(_, merged)| {
                    let merged = self.follow_alias(merged);
                    match &*merged {
                        PlainNode::List(each) => each.iter().find_map(|one| self.child(one, key)),
                        _ => self.child(&merged, key),
                    }
                })
            }
            _ => None,
        }
    }
}

struct PlainReader<I> {
    events: I,
    anchors: HashMap<usize, Rc<PlainNode>>,
}

impl<'a, I, S> PlainReader<I>
where
    I: Iterator<Item = Result<(Event<'a>, S), granit_parser::ScanError>>,
{
    /// The value that begins with an event. The document was parsed before, so its depth
    /// is within the limit.
    fn node(&mut self, event: &Event<'a>) -> Option<Rc<PlainNode>> {
        let node = Rc::new(match event {
            Event::Alias(anchor) => PlainNode::Alias(*anchor),
            Event::Scalar(text, ScalarStyle::Plain, ..) if event.tag().is_none() => {
                PlainNode::Plain(text.clone().into_owned())
            }
            Event::Scalar(..) => PlainNode::Text,
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some(event) = self.next_before(&Event::SequenceEnd)? {
                    items.push(self.node(&event)?);
                }
                PlainNode::List(items)
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                while let Some(event) = self.next_before(&Event::MappingEnd)? {
                    self.node(&event)?;
                    let value = self.events.next()?.ok()?.0;
                    let value = self.node(&value)?;
                    if let Event::Scalar(key, ..) = &event {
                        entries.push((key.clone().into_owned(), value));
                    }
                }
                PlainNode::Mapping(entries)
            }
            _ => return None,
        });
        if let Some(anchor) = event.anchor_id() {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Some(node)
    }

    /// The next event; the inner `None` if it is this end event.
    fn next_before(&mut self, end: &Event<'_>) -> Option<Option<Event<'a>>> {
        let event = self.events.next()?.ok()?.0;
        Some((event != *end).then_some(event))
    }
}
