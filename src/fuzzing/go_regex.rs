//! Regular expressions with the syntax of Go.

use regex::Regex;

use crate::policy::{GoRegex, GoRegexError};

/// Texts to search, beside the expression itself.
const TEXTS: [&str; 8] = [
    "",
    "v1.2.3",
    "main-0a1b2c3d-1700000000",
    "1.2.3-alpine3.20",
    "aab",
    "Ǆé☃\u{10FFFF}",
    "a\nb\r\n",
    "[:]{}()*+?|^$\\.-&~#",
];

/// Characters that mean the same in Rust's syntax, in every combination that Go accepts.
const COMMON: &str = "abcv0123.*+?|()^$-_";

/// What Go never accepts, unless it is quoted, escaped or in a class.
const REJECTED: [&str; 12] = [
    "**", "*+", "+*", "++", "?*", "?+", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?#",
];

/// An expression is compiled, or rejected with the place and the name of what Go does not
/// accept; a compiled one means the same inside a group, and what Rust also understands
/// means the same there.
pub fn go_regex(input: &[u8]) {
    let pattern = String::from_utf8_lossy(input);
    let pattern = pattern.as_ref();
    match GoRegex::new(pattern) {
        Ok(regex) => {
            assert_eq!(regex.as_str(), pattern);
            let is_bare = !pattern.contains(['\\', '[']);
            for text in REJECTED {
                assert!(!is_bare || !pattern.contains(text), "{text} is accepted");
            }
            is_consistent(&regex);
            is_the_same_in_a_group(&regex);
            if pattern.chars().all(|c| COMMON.contains(c)) {
                is_as_in_rust(&regex);
            }
        }
        Err(error) => names_a_construct(pattern, &error),
    }
    let quoted: String = pattern.chars().take(500).collect();
    if !quoted.contains("\\E") && !quoted.ends_with('\\') {
        let literal = GoRegex::new(&format!("^\\Q{quoted}\\E$")).expect("a quotation is valid");
        assert!(literal.is_match(&quoted), "{quoted:?} matches itself");
        assert!(!literal.is_match(&format!("{quoted}x")), "{quoted:?}");
    }
}

fn texts(regex: &GoRegex) -> impl Iterator<Item = &str> {
    TEXTS.into_iter().chain([regex.as_str()])
}

fn is_consistent(regex: &GoRegex) {
    for text in texts(regex) {
        let captures = regex.captures(text);
        assert_eq!(regex.is_match(text), captures.is_some(), "{text:?}");
        let whole = captures.as_ref().and_then(|captures| captures.get(0));
        assert!(captures.is_none() || whole.is_some_and(|whole| text.contains(whole)));
    }
}

/// A quotation without an end would also quote the parenthesis.
fn is_the_same_in_a_group(regex: &GoRegex) {
    if regex.as_str().contains("\\Q") {
        return;
    }
    match GoRegex::new(&format!("(?:{regex})")) {
        Ok(grouped) => {
            for text in texts(regex) {
                assert_eq!(found(&grouped, text), found(regex, text), "{text:?}");
            }
        }
        // The parentheses may exceed a limit.
        Err(GoRegexError::TooLong { .. } | GoRegexError::TooLarge) => {}
        Err(error) => assert!(error.to_string().contains("nested too deeply"), "{error}"),
    }
}

fn found<'t>(regex: &'t GoRegex, text: &'t str) -> Option<&'t str> {
    regex.captures(text)?.get(0)
}

fn is_as_in_rust(regex: &GoRegex) {
    let rust = Regex::new(regex.as_str()).expect("Rust's syntax includes it");
    for text in texts(regex) {
        let expected = rust.find(text).map(|found| found.as_str());
        assert_eq!(found(regex, text), expected, "{text:?}");
    }
}

fn names_a_construct(pattern: &str, error: &GoRegexError) {
    match error {
        GoRegexError::Unsupported {
            construct: name,
            text,
            offset,
        }
        | GoRegexError::Invalid {
            problem: name,
            text,
            offset,
        } => {
            assert!(!name.is_empty() && !text.is_empty(), "{error}");
            let place = pattern.get(*offset..);
            let is_there = place.is_some_and(|place| place.starts_with(text.as_str()));
            assert!(is_there, "{error}");
        }
        GoRegexError::TooLong { length } => assert_eq!(*length, pattern.len()),
        GoRegexError::TooLarge => assert!(pattern.contains(['{', '\\', '[']), "{error}"),
        GoRegexError::Refused { .. } => panic!("only the engine noticed: {error}"),
    }
}
