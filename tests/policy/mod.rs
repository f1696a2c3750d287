//! The text rules of policies: versions, constraints, expressions, globs, decimals.

mod decimal;
mod edit_laws;
mod edits;
mod glob;
mod go_regex;
mod semver;
