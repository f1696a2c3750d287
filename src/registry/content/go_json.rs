//! JSON objects as Go reads them: what registries, docker and credential helpers write
//! is read by programs in Go everywhere else.
//!
//! Go's `encoding/json` matches keys with field names in any case. If several keys
//! match, the last one that is not null counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The most members that an object may have: a docker config has one for each registry,
/// and what a registry sends may have 32 MiB.
const MAX_MEMBERS: usize = 10_000;

/// The members of a JSON object, unparsed and in their order.
#[derive(Debug, Default)]
pub(crate) struct GoObject<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> GoObject<'a> {
    /// Parses an object.
    ///
    /// # Errors
    /// If the text is not JSON, or not an object.
    pub(crate) fn parse(bytes: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// All members, with their keys as written.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// All members for a field, in their order.
    pub(crate) fn all(&self, field: &str) -> impl Iterator<Item = &'a RawValue> {
        self.members()
            .filter(move |(key, _)| is_field(key, field))
            .map(|(_, value)| value)
    }

    /// Whether a field is present; it may be null.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.all(field).next().is_some()
    }

    /// The value of a field; `None` if it is missing or null.
    ///
    /// # Errors
    /// If it has another type.
    pub(crate) fn field<T: Deserialize<'a>>(&self, field: &str) -> serde_json::Result<Option<T>> {
        let present = self.all(field).filter(|value| value.get() != "null");
        present
            .last()
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
    }
}

impl<'de> Deserialize<'de> for GoObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = GoObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            if members.len() == MAX_MEMBERS {
                return Err(serde::de::Error::custom("too many members"));
            }
            members.push((key, value));
        }
        Ok(GoObject(members))
    }
}

/// A key, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether a key is that of a field.
fn is_field(key: &str, field: &str) -> bool {
    key == field || key.chars().map(folded).eq(field.chars().map(folded))
}

/// A letter in lower case. The two characters outside ASCII are those that Go, like
/// Unicode, folds into ASCII letters.
fn folded(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Result<Option<String>, String> {
        let object = GoObject::parse(json.as_bytes()).expect(json);
        object.field("tokens").map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_matched_in_any_case_and_the_last_one_counts() {
        for (json, expected) in [
            (r#"{"tokens":"a"}"#, Some("a")),
            (r#"{"Tokens":"a"}"#, Some("a")),
            (r#"{"TOKENS":"a","x":{"tokens":"b"}}"#, Some("a")),
            (r#"{"to\u006Bens":"a"}"#, Some("a")),
            ("{\"to\u{212a}en\u{17f}\":\"a\"}", Some("a")),
            (r#"{"tokens":"a","Tokens":"b"}"#, Some("b")),
            (r#"{"Tokens":"b","tokens":"a"}"#, Some("a")),
            (r#"{"tokens":"a","Tokens":null}"#, Some("a")),
            (r#"{"tokens":null}"#, None),
            (r#"{"token":"a","tokens ":"b"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(field(json), Ok(expected.map(str::to_owned)), "{json}");
        }
        assert!(field(r#"{"Tokens":7}"#).is_err());
    }

    #[test]
    fn only_objects_are_parsed() {
        for text in ["", "null", "[]", "7", "{", "{}x"] {
            assert!(GoObject::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_with_endless_members_is_refused() {
        for (more, expected) in [(0, true), (1, false)] {
            let member = r#","a":1"#.repeat(MAX_MEMBERS - 1 + more);
            let object = format!(r#"{{"a":1{member}}}"#);
            let is_read = GoObject::parse(object.as_bytes()).is_ok();
            assert_eq!(is_read, expected, "{more}");
        }
    }

    #[test]
    fn a_null_field_is_present() {
        let object = GoObject::parse(br#"{"Tags":null}"#).expect("an object");
        assert!(object.has("tags") && !object.has("name"));
    }
}
