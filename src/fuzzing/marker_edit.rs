//! Marked values that are written.

use crate::manifest::{MarkerEdit, edit_markers, marked_values, objects};
use crate::workload::{MarkedValue, MarkerTarget};

/// What is written: one text that stays plain, and one that needs quotes.
const NEW: [&str; 2] = ["org/app:9.9.9", "1.10"];

/// Every marker has a line of the text. A written value is read again as it was written, no
/// other marker changes, and the text has as many objects as before.
pub fn marker_edit(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let values = marked_values("a.yaml", text, "default");
    let lines = text.lines().count().max(1);
    for value in &values {
        let line = value.source.line;
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
    for new in NEW {
        write(text, &values, new);
    }
}

fn write(text: &str, values: &[MarkedValue], new: &str) {
    let live: Vec<(&MarkedValue, &MarkerTarget)> = values
        .iter()
        .filter(|value| value.obstacle.is_none())
        .filter_map(|value| Some((value, value.marker.as_ref().ok()?)))
        .collect();
    let edits: Vec<MarkerEdit> = live
        .iter()
        .map(|(value, target)| MarkerEdit {
            line: value.source.line,
            target: (*target).clone(),
            old: value.value.clone(),
            new: new.to_owned(),
        })
        .collect();
    let (edited, errors) = edit_markers(text, &edits);
    if errors.iter().all(Option::is_some) {
        assert_eq!(edited, text, "every edit failed");
        return;
    }
    assert_eq!(objects(&edited).len(), objects(text).len(), "{edited}");
    let again = marked_values("a.yaml", &edited, "default");
    let mut again = again.iter().filter(|value| value.obstacle.is_none());
    let mut again = again.by_ref().filter(|value| value.marker.is_ok());
    for ((value, _), error) in live.iter().zip(&errors) {
        let after = again.next().expect("a marker less");
        assert_eq!(after.marker, value.marker, "{edited}");
        let expected = if error.is_none() { new } else { &value.value };
        assert_eq!(after.value, expected, "{edited}");
    }
    assert_eq!(again.next(), None, "{edited}");
}
