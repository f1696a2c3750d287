//! Reads the text of one comment as a marker.

use serde_json::{Map, Value};

use crate::workload::MarkerTarget;

/// The key of a marker.
pub(crate) const KEY: &str = "$imagepolicy";

/// The key of the long form, and what its value begins with.
const REFERENCE: &str = "$ref";
const DEFINITION: &str = "#/definitions/io.k8s.cli.setters.";

/// A comment that is, or was probably meant as, a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarkerComment {
    /// What it refers to, or why it has no effect.
    pub(crate) marker: Result<MarkerTarget, String>,
    /// Whether it begins with a brace. Other comments may only mention a marker, for
    /// example a line that is commented out.
    pub(crate) is_object: bool,
}

/// Reads the text after a `#`. `None` for any other comment.
pub(crate) fn read(comment: &str) -> Option<MarkerComment> {
    // Further `#` are also stripped.
    let text = comment.trim_start_matches('#');
    let is_meant = text.to_ascii_lowercase().contains(KEY)
        || text.contains(DEFINITION)
        // The key may be written with escapes.
        || object(text).is_ok_and(|object| object.contains_key(KEY));
    is_meant.then(|| MarkerComment {
        marker: target(text),
        is_object: text.trim_start().starts_with('{'),
    })
}

fn target(text: &str) -> Result<MarkerTarget, String> {
    let object = object(text)?;
    let short = Some(&object)
        // The short form is read only if every value is a string or null.
        .filter(|object| object.values().all(|v| v.is_string() || v.is_null()))
        .and_then(|object| object.get(KEY)?.as_str())
        .filter(|text| !text.is_empty())
        .map(MarkerTarget::parse);
    let long = object
        .get(REFERENCE)
        .and_then(Value::as_str)
        .and_then(|text| text.strip_prefix(DEFINITION))
        .map(MarkerTarget::parse);
    match (short, long) {
        (Some(Ok(target)), _) | (_, Some(Ok(target))) => Ok(target),
        (Some(error), _) | (None, Some(error)) => error,
        (None, None) if object.contains_key(KEY) => {
            Err("every value in the comment must be a string".to_owned())
        }
        (None, None) => Err(format!("its key must be {KEY:?}, in this spelling")),
    }
}

/// The JSON object, which must be the whole comment. Of a repeated key, the last counts.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    if !text.trim_start().starts_with('{') {
        return Err("the comment must contain nothing before the marker".to_owned());
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it must be a JSON object".to_owned()),
        Err(_) if begins_with_object(text) => {
            Err("the comment must contain nothing after the marker".to_owned())
        }
        Err(_) => Err("it is not valid JSON".to_owned()),
    }
}

fn begins_with_object(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    matches!(values.next(), Some(Ok(Value::Object(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(comment: &str) -> Option<String> {
        read(comment)?.marker.ok().map(|target| target.to_string())
    }

    #[test]
    fn comment_is_one_json_object_of_strings() {
        for (why, comment, expected) in [
            ("plain", r#" {"$imagepolicy": "ns:p"}"#, "ns:p"),
            (
                "without blanks",
                r#"{"$imagepolicy":"ns:p:tag"}"#,
                "ns:p:tag",
            ),
            ("several #", r#"## {"$imagepolicy": "ns:p"}"#, "ns:p"),
            ("tabs", "\t{\t\"$imagepolicy\"\t:\t\"ns:p\"\t}\t", "ns:p"),
            (
                "an escape in the key",
                r#"{"\u0024imagepolicy": "ns:p"}"#,
                "ns:p",
            ),
            ("an escape", r#"{"$imagepolicy": "ns\u003ap"}"#, "ns:p"),
            (
                "other texts",
                r#"{"a": "b", "$imagepolicy": "ns:p"}"#,
                "ns:p",
            ),
            (
                "another null",
                r#"{"$imagepolicy": "ns:p", "a": null}"#,
                "ns:p",
            ),
            (
                "the last of a repeated key",
                r#"{"$imagepolicy": "ns:a", "$imagepolicy": "ns:b"}"#,
                "ns:b",
            ),
            (
                "the long form",
                r##"{"$ref": "#/definitions/io.k8s.cli.setters.ns:p:digest"}"##,
                "ns:p:digest",
            ),
            (
                "a policy called tag",
                r#"{"$imagepolicy": "ns:tag:tag"}"#,
                "ns:tag:tag",
            ),
            (
                "a namespace called app",
                r#"{"$imagepolicy": "app:tag"}"#,
                "app:tag",
            ),
        ] {
            assert_eq!(policy(comment).as_deref(), Some(expected), "{why}");
        }
    }

    #[test]
    fn marker_without_effect_says_why() {
        for (comment, expected) in [
            (r#" keep {"$imagepolicy": "ns:p"}"#, "nothing before"),
            (r#"{"$imagepolicy": "ns:p"} # keep"#, "nothing after"),
            (r#"{"$imagepolicy": "ns:p"} {"a": "b"}"#, "nothing after"),
            (r#"{"$imagepolicy": "ns:p", "n": 1}"#, "must be a string"),
            (r#"{"$imagepolicy": 1}"#, "must be a string"),
            (r#"{'$imagepolicy': 'ns:p'}"#, "not valid JSON"),
            (r#"{"$imagepolicy": "ns:p""#, "not valid JSON"),
            (r#"{"$imagePolicy": "ns:p"}"#, "in this spelling"),
            (r#"{"$imagepolicy": "ns/p"}"#, "a slash"),
            (r#"{"$imagepolicy": "p"}"#, "namespace:name"),
            (r#"{"$imagepolicy": ":p"}"#, "namespace:name"),
            (r#"{"$imagepolicy": "ns:p:latest"}"#, "no part"),
            (r#"{"$imagepolicy": "ns:p:Tag"}"#, "no part"),
            (r#"{"$imagepolicy": "ns:p:"}"#, "no part"),
            (r#"{"$imagepolicy": "ns:p:tag:x"}"#, "no part"),
            (r#"{"$imagepolicy": " ns:p "}"#, "blanks"),
        ] {
            let read = read(comment).expect(comment);
            let why = read.marker.expect_err(comment);
            assert!(why.contains(expected), "{comment}: {why}");
        }
        for comment in [" a comment", " {\"a\": \"b\"}", ""] {
            assert_eq!(read(comment), None, "{comment}");
        }
    }
}
