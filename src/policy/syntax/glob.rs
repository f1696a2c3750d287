//! Globs over tags and image names with the meaning of Flux v1: only `*` is special.
//!
//! `*` stands for any text, the empty one too; every other character stands for itself, case
//! and all. The empty glob matches only the empty text. The `globset` crate does the matching;
//! what is special to it alone is quoted first.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// The longest glob that is read, in bytes. A tag has at most 128.
const MAX_GLOB_BYTES: usize = 1024;

/// A glob over tags or image names. `Display` gives it as it was written; two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: GlobMatcher,
}

/// Why a text is no glob. It is the fault of who wrote the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The text has more than [`MAX_GLOB_BYTES`] bytes.
    #[error("the glob is {length} bytes long, at most {MAX_GLOB_BYTES} are allowed")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// The engine refuses the glob, for instance because of its size.
    #[error("the glob cannot be compiled: {reason}")]
    Refused {
        /// The engine's own words.
        reason: String,
    },
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    ///
    /// [`GlobError`] if the text is too long; any other text is a glob.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong { length: text.len() });
        }
        let matcher = GlobBuilder::new(&quoted(text))
            .literal_separator(false)
            .backslash_escape(false)
            .build()
            .map_err(|error| GlobError::Refused {
                reason: error.kind().to_string(),
            })?
            .compile_matcher();
        Ok(Self {
            text: text.to_owned(),
            matcher,
        })
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }

    /// Whether there is no `*`, so that only one text matches. Such a glob is an explicit pin
    /// (product decision 6.2).
    pub fn is_exact(&self) -> bool {
        !self.text.contains('*')
    }

    /// Whether the glob is `*`, or several of them.
    pub fn matches_everything(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte == b'*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        Self::new(text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

/// The glob as `globset` has to see it: `**` has a meaning of its own there, and so have the
/// other signs.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' if quoted.ends_with('*') => {}
            '?' | '[' | ']' | '{' | '}' => quoted.extend(['[', c, ']']),
            c => quoted.push(c),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, text: &str) -> bool {
        Glob::new(glob).expect("it is a glob").is_match(text)
    }

    #[test]
    fn only_the_star_is_special() {
        assert!(matches("1.*-alpine", "1.25.3-alpine"));
        assert!(!matches("1.*-alpine", "1.25.3-alpine3"));
        assert!(matches("", "") && !matches("", "a"));
        assert!(matches("*", "") && matches("**", "a/b"));
        assert!(matches("a/**/b", "a/x/b") && !matches("a/**/b", "a/b"));
        assert!(!matches("1.?", "1.2") && matches("1.?", "1.?"));
        assert!(matches("[a]{b,c}\\*", "[a]{b,c}\\d") && !matches("[a]", "a"));
        assert!(!matches("MASTER-*", "master-1"));
    }

    #[test]
    fn a_glob_without_a_star_is_exact() {
        let glob = |text| Glob::new(text).expect("it is a glob");
        assert!(glob("1.2").is_exact() && glob("").is_exact() && !glob("1*").is_exact());
        assert!(glob("***").matches_everything() && !glob("").matches_everything());
        assert!(!glob("*1").matches_everything());
    }

    #[test]
    fn a_huge_glob_is_refused_by_its_length() {
        let error = Glob::new(&"*a".repeat(100_000)).expect_err("it is too long");
        assert_eq!(
            error.to_string(),
            "the glob is 200000 bytes long, at most 1024 are allowed"
        );
        assert!(Glob::new(&"*a".repeat(MAX_GLOB_BYTES / 2)).is_ok());
        assert!(Glob::new(&"[".repeat(MAX_GLOB_BYTES)).is_ok());
    }
}
