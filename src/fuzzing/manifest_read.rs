//! Manifests that are read.

use serde_json::Value;

use crate::manifest::{DocumentError, Object, objects};

/// Other line breaks, a byte order mark and another document at the end change nothing
/// about what is read, an error has a line of the text, and an object written as JSON is
/// the same object.
pub fn manifest_read(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let found = objects(text);
    let lines = text.lines().count().max(1);
    for result in &found {
        let line = match result {
            Ok(object) => object.line,
            Err(error) => error.line,
        };
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
        match result {
            Ok(object) => is_the_same_as_json(&object.value),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if !text.starts_with('\u{feff}') {
        let marked = objects(&format!("\u{feff}{text}"));
        assert_eq!(marked, found, "with a byte order mark");
    }
    if !text.contains('\r') {
        let windows = objects(&text.replace('\n', "\r\n"));
        assert_eq!(
            values(&windows),
            values(&found),
            "with the line breaks of Windows"
        );
    }
    // A directive would belong to the new document, and so would comments without an object;
    // YAML allows no control characters in them.
    // Only a line feed begins a document, as in kubectl, and a lone carriage return is also a
    // line break in YAML.
    let is_allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let unix = text.replace("\r\n", "\n");
    if !text.lines().any(|line| line.starts_with('%')) && unix.chars().all(is_allowed) {
        let mut more = objects(&format!("{text}\n---\nkind: Last\n"));
        let last = more.pop().and_then(Result::ok);
        assert_eq!(
            last.map(|object| object.value["kind"].clone()),
            Some("Last".into())
        );
        let (more, found) = (values(&more), values(&found));
        assert_eq!(more.len(), found.len(), "with another document");
        for (more, found) in more.iter().zip(&found) {
            // A document that is cut off may now end elsewhere.
            let is_same = more == found || more.is_err() && found.is_err();
            assert!(is_same, "with another document: {more:?}, {found:?}");
        }
    }
}

/// The values that were read, and where reading failed.
fn values(found: &[Result<Object, DocumentError>]) -> Vec<Result<&Value, usize>> {
    let values = found.iter().map(|result| match result {
        Ok(object) => Ok(&object.value),
        Err(error) => Err(error.line),
    });
    values.collect()
}

fn is_the_same_as_json(value: &Value) {
    // Decimal fractions may be rounded.
    if has_fraction(value) {
        return;
    }
    let text = serde_json::to_string(value).expect("JSON");
    let again = objects(&text);
    assert_eq!(values(&again), [Ok(value)], "{text}");
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(entries) => entries.values().any(has_fraction),
        _ => false,
    }
}
