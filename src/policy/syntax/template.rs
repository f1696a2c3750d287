//! Templates for extracting text from a match, by the rules of Go's `Regexp.Expand`.
//!
//! - `$1`, `${1}`, `$name` and `${name}` are replaced by the text that the group matched. Without
//!   braces, the name is as long as possible: `$1x` is the group named `1x`, not group 1.
//! - A group that does not exist or did not participate in the match is empty. A number with a
//!   leading zero is a name.
//! - `$$` is one `$`.
//! - Any other `$` is kept as it is: `${a-b}` and `${ }` are plain text.
//!
//! In Go, a name has Unicode letters and decimal digits. Here it has any alphanumeric characters.
//! The difference is only in characters that the name of a group cannot have.

use std::fmt;

use super::go_regex::GoCaptures;

/// A template such as `$major.$minor`.
///
/// An empty template expands to an empty text. By the rules of policies, an empty `extract` means
/// the whole tag; the caller must handle that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Number(usize),
    Name(String),
}

/// The longest template and the longest expansion, in bytes. A tag has at most 128. A template
/// repeats a group as often as it likes, and every tag of a repository is expanded.
const MAX_TEMPLATE_BYTES: usize = 1024;

/// The template is too long. The policy has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template is {length} bytes long; at most {MAX_TEMPLATE_BYTES} are allowed")]
pub struct TemplateError {
    /// The length of the text in bytes.
    length: usize,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// The text has more than 1 KiB. Any other text is valid.
    pub fn new(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(TemplateError { length: text.len() });
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some(after_dollar) = after.strip_prefix('$') {
                literal.push('$');
                rest = after_dollar;
            } else if let Some((name, after_name)) = reference(after) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::from_name(name));
                rest = after_name;
            } else {
                literal.push('$');
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Replaces the group references by the texts that the groups matched. `None` if the result
    /// would have more than 1 KiB.
    pub fn expand(&self, captures: &GoCaptures<'_>) -> Option<String> {
        let mut expanded = String::new();
        for piece in &self.pieces {
            let text = match piece {
                Piece::Literal(text) => text,
                Piece::Number(index) => captures.get(*index).unwrap_or_default(),
                Piece::Name(name) => captures.name(name).unwrap_or_default(),
            };
            if expanded.len() + text.len() > MAX_TEMPLATE_BYTES {
                return None;
            }
            expanded.push_str(text);
        }
        Some(expanded)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Piece {
    fn from_name(name: &str) -> Self {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
            && (name.len() == 1 || !name.starts_with('0'));
        match name.parse() {
            Ok(index) if is_number => Self::Number(index),
            _ => Self::Name(name.to_owned()),
        }
    }
}

/// Takes `name` or `{name}` after a `$`.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (is_braced, at_name) = match text.strip_prefix('{') {
        Some(at_name) => (true, at_name),
        None => (false, text),
    };
    let length = at_name
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(at_name.len());
    let (name, rest) = at_name.split_at(length);
    let rest = if is_braced {
        rest.strip_prefix('}')?
    } else {
        rest
    };
    (!name.is_empty()).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::syntax::go_regex::GoRegex;

    fn expand(template: &str) -> String {
        let regex = GoRegex::new(r"(?P<branch>[a-z]+)-(?P<ts>\d+)(-(?P<none>x))?$")
            .expect("the expression is valid");
        let captures = regex.captures("v-main-42").expect("it matches");
        let template = Template::new(template).expect("a short template");
        template.expand(&captures).expect("a short text")
    }

    #[test]
    fn template_and_expansion_are_limited_to_a_kibibyte() {
        let regex = GoRegex::new("^.*$").expect("the expression is valid");
        let tag = "t".repeat(128);
        let expand = |template: &str| {
            let captures = regex.captures(&tag).expect("it matches");
            let template = Template::new(template).expect("a short template");
            template.expand(&captures).map(|text| text.len())
        };
        assert_eq!(expand(&"$0".repeat(8)), Some(1024));
        assert_eq!(expand(&format!("x{}", "$0".repeat(8))), None);
        assert_eq!(expand(&"$0".repeat(512)), None);
        assert_eq!(expand(&"$none".repeat(200)), Some(0));
        let error = Template::new(&"x".repeat(1025)).expect_err("too long");
        let message = "the template is 1025 bytes long; at most 1024 are allowed";
        assert_eq!(error.to_string(), message);
        assert_eq!(expand(&"x".repeat(1024)), Some(1024));
    }

    #[test]
    fn groups_are_expanded_as_in_go() {
        let cases = [
            ("$2", "42"),
            ("$ts", "42"),
            ("${ts}x", "42x"),
            ("$branch.$ts", "main.42"),
            ("$0", "main-42"),
            ("$tsx", ""),
            ("$1x", ""),
            ("${1}x", "mainx"),
            ("$01", ""),
            ("$9$none", ""),
            ("$99999999999999999999999", ""),
            ("a$$1", "a$1"),
            ("$", "$"),
            ("$-", "$-"),
            ("${", "${"),
            ("${ts", "${ts"),
            ("${}", "${}"),
            ("${ }", "${ }"),
            ("${a-b}", "${a-b}"),
            ("$é.", "."),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template), expected, "{template}");
        }
    }
}
