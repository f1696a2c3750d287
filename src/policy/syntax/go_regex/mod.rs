//! Regular expressions with the syntax and semantics of Go's `regexp`, which Flux uses.
//!
//! The matching is done by the `regex` crate, whose syntax is almost the same. A translator
//! parses an expression as Go does, rejects what Go rejects, and writes an equivalent expression
//! in a plain form for the crate:
//!
//! - `\d`, `\w`, `\s` and `\b` are ASCII, `\s` has no vertical tab;
//! - `\Q…\E`, octal escapes, a `{` that does not begin a repetition and a `[` inside a class are
//!   literals; `&&`, `--` and `~~` in a class are not operators; `\<` is a literal;
//! - repeats over 1000 (including the product of nested repeats), `a**`, `(?x)`, `\u0041`,
//!   look-around and back-references are rejected;
//! - group names may start with a digit and may be used twice.
//!
//! Known differences: expressions over 10 KiB, groups nested more than 50 levels deep, compiled
//! programs over 4 MiB and `\p{Cs}` (surrogates, which do not occur in valid text) are rejected,
//! although Go accepts them.

mod class;
mod cursor;
mod error;
mod go_regex;
mod translate;

pub use error::GoRegexError;
pub use go_regex::{GoCaptures, GoRegex};
