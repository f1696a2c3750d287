//! The languages of policies: semver constraints, globs, Go regular expressions, templates.

pub(crate) mod constraint;
pub(crate) mod decimal;
pub(crate) mod glob;
pub(crate) mod go_regex;
pub(crate) mod template;
pub(crate) mod version;
