//! `krew/imgpolicy.yaml` filled in as krew-release-bot does it.

use regex::{Captures, Regex};

/// The template of the repository.
pub const TEMPLATE: &str = include_str!("../../krew/imgpolicy.yaml");

/// The manifest of a release: `sum_of` tells the SHA-256 of what a URI leads to.
pub fn filled_in(template: &str, tag: &str, sum_of: impl Fn(&str) -> String) -> String {
    let call = Regex::new(r#"\{\{ addURIAndSha "([^"]+)" \.TagName \}\}"#).expect("a pattern");
    let text = call.replace_all(template, |found: &Captures<'_>| {
        let uri = found[1].replace("{{ .TagName }}", tag);
        let sum = sum_of(&uri);
        // The bot's own form, with its indentation.
        format!("uri: {uri}\n    sha256: {sum}")
    });
    let text = text.replace("{{ .TagName }}", tag);
    assert!(!text.contains("{{"), "{text}");
    text
}
