//! Globs over tags and image names with the meaning of Flux v1: only `*` is special.
//!
//! `*` matches any text, including the empty text. Every other character matches only itself,
//! and letters are case-sensitive. The empty glob matches only the empty text. The matching is
//! done by the `globset` crate, after its other special characters are escaped.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// The longest glob that is accepted, in bytes. A tag has at most 128.
const MAX_GLOB_BYTES: usize = 1024;

/// A glob for tags or image names. `Display` returns the text as written. Two globs are equal if
/// their texts are equal.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: GlobMatcher,
}

/// Why a text is not a valid glob. The policy has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The text has more than [`MAX_GLOB_BYTES`] bytes.
    #[error("the glob is {length} bytes long; at most {MAX_GLOB_BYTES} are allowed")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// The `globset` crate rejects the glob, for example because of its size.
    #[error("the glob cannot be compiled: {reason}")]
    Refused {
        /// The error message of the crate.
        reason: String,
    },
}

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    ///
    /// [`GlobError`] if the text is too long. Any other text is a valid glob.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong { length: text.len() });
        }
        let matcher = GlobBuilder::new(&escaped(text))
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

    /// The glob as written.
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

    /// Whether the glob consists only of `*`.
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

/// The glob in the syntax of `globset`, in which `**` and some other characters are special.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' if escaped.ends_with('*') => {}
            '?' | '[' | ']' | '{' | '}' => escaped.extend(['[', c, ']']),
            c => escaped.push(c),
        }
    }
    escaped
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
    fn glob_without_a_star_is_exact() {
        let glob = |text| Glob::new(text).expect("it is a glob");
        assert!(glob("1.2").is_exact() && glob("").is_exact() && !glob("1*").is_exact());
        assert!(glob("***").matches_everything() && !glob("").matches_everything());
        assert!(!glob("*1").matches_everything());
    }

    #[test]
    fn overlong_glob_is_rejected() {
        let error = Glob::new(&"*a".repeat(100_000)).expect_err("it is too long");
        assert_eq!(
            error.to_string(),
            "the glob is 200000 bytes long; at most 1024 are allowed"
        );
        assert!(Glob::new(&"*a".repeat(MAX_GLOB_BYTES / 2)).is_ok());
        assert!(Glob::new(&"[".repeat(MAX_GLOB_BYTES)).is_ok());
    }
}
