//! A compiled Go expression.

use std::fmt;
use std::str::FromStr;

use regex::{Captures, Regex, RegexBuilder};

use super::error::{GoRegexError, MAX_PATTERN_BYTES};
use super::translate::translate;

/// The most memory a compiled program may take, in bytes.
const MAX_PROGRAM_BYTES: usize = 4 * 1024 * 1024;

/// A regular expression of Go. It is not anchored: it may match any part of a text.
///
/// `Display` returns the expression as written. Two expressions are equal if their texts are equal.
#[derive(Clone)]
pub struct GoRegex {
    text: String,
    regex: Regex,
    /// The name of each group, or an empty text if it has none. The first is the whole match.
    names: Vec<String>,
}

impl GoRegex {
    /// Compiles an expression. Time and memory are limited for every text.
    ///
    /// # Errors
    ///
    /// [`GoRegexError`] if Go would reject the text, or it exceeds a limit.
    pub fn new(text: &str) -> Result<Self, GoRegexError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(GoRegexError::TooLong { length: text.len() });
        }
        let translation = translate(text)?;
        let regex = RegexBuilder::new(&translation.pattern)
            .size_limit(MAX_PROGRAM_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => GoRegexError::TooLarge,
                error => GoRegexError::Refused {
                    // The lines before the last one show the translated expression.
                    reason: error
                        .to_string()
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .to_owned(),
                },
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
            names: translation.names,
        })
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether some part of the text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The groups of the leftmost match, if there is a match.
    pub fn captures<'a>(&'a self, text: &'a str) -> Option<GoCaptures<'a>> {
        self.regex.captures(text).map(|captures| GoCaptures {
            captures,
            names: &self.names,
        })
    }
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoRegex").field(&self.text).finish()
    }
}

impl fmt::Display for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for GoRegex {
    type Err = GoRegexError;

    fn from_str(text: &str) -> Result<Self, GoRegexError> {
        Self::new(text)
    }
}

impl PartialEq for GoRegex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for GoRegex {}

/// The texts that the groups of a [`GoRegex`] matched.
#[derive(Debug)]
pub struct GoCaptures<'a> {
    captures: Captures<'a>,
    names: &'a [String],
}

impl<'a> GoCaptures<'a> {
    /// The text that the group with this number matched; 0 is the whole match. `None` if there is
    /// no such group, or it did not participate in the match.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.captures.get(index).map(|part| part.as_str())
    }

    /// The text that the group with this name matched. If several groups have the name, it is the
    /// first that participated in the match, as in Go.
    pub fn name(&self, name: &str) -> Option<&'a str> {
        self.names
            .iter()
            .enumerate()
            .filter(|(_, known)| !name.is_empty() && *known == name)
            .find_map(|(index, _)| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::syntax::go_regex::translate::MAX_NESTING;

    #[test]
    fn search_is_not_anchored_and_groups_are_found() {
        let regex = GoRegex::new(r"(?P<branch>\w+)-(\d+)(x)?").expect("it is valid");
        let captures = regex.captures("-main-42.").expect("it matches");
        assert_eq!(captures.get(0), Some("main-42"));
        assert_eq!(captures.name("branch"), Some("main"));
        assert_eq!(captures.get(2), Some("42"));
        assert_eq!(captures.get(3), None);
        assert_eq!(captures.get(9), None);
        assert_eq!(captures.name(""), None);
        assert!(!regex.is_match("main"));
    }

    #[test]
    fn name_used_twice_refers_to_the_group_that_matched() {
        let regex = GoRegex::new("(?P<1v>a)|(?<1v>b)").expect("it is valid");
        let captures = regex.captures("b").expect("it matches");
        assert_eq!(captures.name("1v"), Some("b"));
    }

    #[test]
    fn oversized_expressions_are_rejected() {
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        assert_eq!(
            GoRegex::new(&long),
            Err(GoRegexError::TooLong { length: 10_241 })
        );
        let wide = r"\pL{1000}".repeat(1000);
        assert_eq!(GoRegex::new(&wide), Err(GoRegexError::TooLarge));
        let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
        let error = GoRegex::new(&deep).expect_err("it is too deep");
        assert_eq!(
            error.to_string(),
            "the regular expression has a group nested too deeply '(' at byte 50"
        );
    }

    #[test]
    fn groups_may_be_nested_up_to_the_limit() {
        for (open, close) in [("(", ")*"), ("(?:b|", ")+c")] {
            let deep = open.repeat(MAX_NESTING) + "a" + &close.repeat(MAX_NESTING);
            assert!(GoRegex::new(&deep).is_ok());
        }
    }
}
