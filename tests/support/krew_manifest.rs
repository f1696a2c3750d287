//! Fills in `krew/imgpolicy.yaml` as krew-release-bot does.

use regex::{Captures, Regex};

/// The template in the repository.
pub const TEMPLATE: &str = include_str!("../../krew/imgpolicy.yaml");

/// The manifest of a release. `sum_of` returns the SHA-256 of the file at a URI.
pub fn filled_in(template: &str, tag: &str, sum_of: impl Fn(&str) -> String) -> String {
    let call = Regex::new(r#"\{\{ addURIAndSha "([^"]+)" \.TagName \}\}"#).expect("a pattern");
    let text = call.replace_all(template, |found: &Captures<'_>| {
        let uri = found[1].replace("{{ .TagName }}", tag);
        let sum = sum_of(&uri);
        // The format of the bot, with its indentation.
        format!("uri: {uri}\n    sha256: {sum}")
    });
    let text = text.replace("{{ .TagName }}", tag);
    assert!(!text.contains("{{"), "{text}");
    text
}
