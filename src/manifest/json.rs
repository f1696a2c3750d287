//! JSON read strictly: what `kubectl get -o json` prints, or one object a line.
//!
//! It has a reader of its own because JSON that is good may be bad YAML
//! (indented with tabs, keys of any length), and because `serde_json` alone
//! keeps the last of two equal keys in silence.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value and its place in the text.
pub(crate) struct JsonValue {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// What it is.
    pub(crate) value: Value,
}

/// The values of a JSON text. After an error nothing more is read.
pub(crate) fn values(text: &str, max_nodes: usize) -> Vec<Result<JsonValue, JsonError>> {
    let mut found = Vec::new();
    let nodes = Cell::new(max_nodes);
    let mut line = 1;
    let mut rest = skip_blanks(text, &mut line);
    while !rest.is_empty() {
        let mut reader = serde_json::Deserializer::from_str(rest);
        // A stream of serde_json's takes no seed: so one value is read at a time,
        // and the stream only tells where it ended.
        match (Strict { nodes: &nodes }).deserialize(&mut reader) {
            Ok(value) => {
                let start = text.len() - rest.len();
                let end = reader.into_iter::<de::IgnoredAny>().byte_offset();
                found.push(Ok(JsonValue {
                    line,
                    range: start..start + end,
                    value,
                }));
                line += newlines(&rest[..end]);
                rest = skip_blanks(&rest[end..], &mut line);
            }
            Err(error) => {
                found.push(Err(JsonError {
                    line: line + error.line().saturating_sub(1),
                    message: without_position(&error.to_string()),
                }));
                break;
            }
        }
    }
    found
}

/// Why a JSON text could not be read.
pub(crate) struct JsonError {
    /// Where, from 1.
    pub(crate) line: usize,
    /// What is wrong there.
    pub(crate) message: String,
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn skip_blanks<'a>(text: &'a str, line: &mut usize) -> &'a str {
    let rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    *line += newlines(&text[..text.len() - rest.len()]);
    rest
}

/// `serde_json` ends its messages with a position in the text it was given.
fn without_position(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

/// Reads a value whose keys differ and whose parts are at most so many.
struct Strict<'a> {
    nodes: &'a Cell<usize>,
}

impl Strict<'_> {
    fn count<E: de::Error>(&self) -> Result<(), E> {
        match self.nodes.get().checked_sub(1) {
            Some(left) => {
                self.nodes.set(left);
                Ok(())
            }
            None => Err(E::custom("it has too many fields; split it")),
        }
    }

    fn inner(&self) -> Self {
        Self { nodes: self.nodes }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                let message = format!("the key {key:?} stands there twice");
                return Err(de::Error::custom(message));
            }
            let value = entries.next_value_seed(self.inner())?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
