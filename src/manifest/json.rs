//! Strict JSON: the output of `kubectl get -o json`, or one object per line.
//!
//! JSON has its own reader because valid JSON may be invalid YAML (tab indentation, long
//! keys), and because `serde_json` silently keeps the last of two equal keys.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value and its position in the text.
pub(crate) struct JsonValue {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    /// The bytes of the text.
    pub(crate) range: Range<usize>,
    /// The value.
    pub(crate) value: Value,
}

/// Reads the values of a JSON text and stops at the first error.
pub(crate) fn values(text: &str, max_nodes: usize) -> Vec<Result<JsonValue, JsonError>> {
    let mut found = Vec::new();
    let nodes = Cell::new(max_nodes);
    let mut line = 1;
    let mut rest = skip_blanks(text, &mut line);
    while !rest.is_empty() {
        let mut reader = serde_json::Deserializer::from_str(rest);
        // A serde_json stream does not accept a seed. So one value is read at a time, and
        // the stream only reports where the value ended.
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
                // `serde_json` reports the position after the character. After a line break,
                // that is the beginning of the next line.
                let is_past_line = error.column() == 0;
                let lines_before = error.line().saturating_sub(1 + usize::from(is_past_line));
                found.push(Err(JsonError {
                    line: line + lines_before,
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
    /// The line of the error, from 1.
    pub(crate) line: usize,
    /// What is wrong.
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

/// Removes the position that `serde_json` appends to its messages.
fn without_position(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

/// Reads a value with unique keys and a limited number of nodes.
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
                let message = format!("the key {key:?} is duplicated");
                return Err(de::Error::custom(message));
            }
            let value = entries.next_value_seed(self.inner())?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
