//! The values in texts without YAML: the files of generators.

use std::sync::Arc;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::value::{Decides, ScalarOrigin, ScalarPlace, ScalarSpot, TracedScalar};

/// Names of files that kustomize reads as YAML.
const YAML: [&str; 3] = [".yaml", ".yml", ".json"];

/// The values in the lines of a text: of `KEY=VALUE`, the value, and otherwise the whole line.
/// None for a file whose name says that it is YAML.
pub(crate) fn text_lines(file: &str, text: &str) -> Vec<TracedScalar> {
    if YAML.iter().any(|ending| file.ends_with(ending)) || file.ends_with("Kustomization") {
        return Vec::new();
    }
    let file: Arc<str> = Arc::from(file);
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\r', '\n']);
        let (key, value) = content.split_once('=').unwrap_or(("", content));
        let end = start + content.len();
        if !value.is_empty() && !content.starts_with('#') {
            let place = ScalarPlace {
                file: Arc::clone(&file),
                line: number + 1,
                key: key.trim_start().to_owned(),
                text: value.to_owned(),
                is_plain: true,
                is_in_text: true,
                spot: Ok(ScalarSpot {
                    range: end - value.len()..end,
                    style: ScalarStyle::Plain,
                    in_flow: false,
                    is_json: false,
                }),
            };
            found.push(TracedScalar {
                value: Value::from(value),
                origins: vec![ScalarOrigin {
                    decides: Decides::All,
                    place: Arc::new(place),
                    refusal: None,
                }],
            });
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_place_of_their_bytes() {
        let text = "# v=1\r\nAPP=1.9.0\r\n\nA==\u{e9}\n  B=x";
        let found = text_lines("v.env", text);
        let places: Vec<(usize, &str, &str)> = found
            .iter()
            .map(|scalar| {
                let place = &scalar.origins[0].place;
                let spot = place.spot.as_ref().expect("a spot");
                assert_eq!(&text[spot.range.clone()], place.text);
                (place.line, place.key.as_str(), place.text.as_str())
            })
            .collect();
        let expected = [(2, "APP", "1.9.0"), (4, "A", "=\u{e9}"), (5, "B", "x")];
        assert_eq!(places, expected);
        assert_eq!(
            text_lines("version", "1.9.0")[0].origins[0].place.text,
            "1.9.0"
        );
        assert!(text_lines("v.yaml", text).is_empty());
    }
}
