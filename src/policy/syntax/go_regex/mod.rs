//! Regular expressions with the syntax and meaning of Go's `regexp`, which Flux uses.
//!
//! The work is done by the `regex` crate, whose language is nearly the same. A translator
//! reads an expression as Go reads it, refuses what Go refuses and names it, and writes it
//! anew in a plain form that means the same to the crate:
//!
//! - `\d`, `\w`, `\s` and `\b` are ASCII, `\s` has no vertical tab;
//! - `\Q…\E`, octal escapes, a `{` that begins no repetition and a `[` inside a class are
//!   literals, `&&`, `--` and `~~` in a class are no operators, `\<` is a literal;
//! - repeats over 1000, also as a product of nested repeats, `a**`, `(?x)`, `\u0041`,
//!   look-around and back-references are refused;
//! - group names may begin with a digit and may be given twice.
//!
//! Known differences, all of them on the careful side: an expression over
//! [`MAX_PATTERN_BYTES`], groups nested deeper than [`MAX_NESTING`], compiled programs over
//! 4 MiB and `\p{Cs}` (surrogates, which no text has) are refused although Go takes them.

mod class;
mod cursor;
mod error;
mod go_regex;
mod translate;

pub use error::GoRegexError;
pub use go_regex::{GoCaptures, GoRegex};
