//! The text rules of policies: versions, constraints, expressions, globs, decimals.

mod decimal;
mod glob;
mod go_regex;
mod semver;
