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

impl Template {
    /// Parses a template. Every text is valid.
    pub fn new(text: &str) -> Self {
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
        Self {
            text: text.to_owned(),
            pieces,
        }
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Replaces the group references by the texts that the groups matched.
    pub fn expand(&self, captures: &GoCaptures<'_>) -> String {
        let mut expanded = String::new();
        for piece in &self.pieces {
            expanded.push_str(match piece {
                Piece::Literal(text) => text,
                Piece::Number(index) => captures.get(*index).unwrap_or_default(),
                Piece::Name(name) => captures.name(name).unwrap_or_default(),
            });
        }
        expanded
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
        Template::new(template).expand(&captures)
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
