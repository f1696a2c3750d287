//! The syntax of policies (versions, constraints, expressions, globs, decimals), and edits of
//! annotations.

mod decimal;
mod edit_laws;
mod edits;
mod glob;
mod go_regex;
mod semver;
