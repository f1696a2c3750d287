//! One YAML document read into a value, within limits.

use serde_json::Value;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter as _};

/// How deep lists and mappings may lie in one another. The deepest objects in
/// use, resource definitions with a Pod's schema in them, need half of it.
const MAX_DEPTH: usize = 64;

/// The most values that the aliases of one document may add to it.
const MAX_ALIASED: usize = 100_000;

/// The most anchors, and the most aliases, of one document.
const MAX_ANCHORS: usize = 10_000;

/// Why a document could not be read.
pub(crate) struct YamlError {
    /// Where in the text, from 1; not every error tells it.
    pub(crate) line: Option<usize>,
    /// What is wrong there.
    pub(crate) message: String,
}

/// Reads a text that holds one document of at most so many values.
pub(crate) fn value(text: &str, max_nodes: usize) -> Result<Value, YamlError> {
    serde_saphyr::from_str_with_options(text, options(max_nodes)).map_err(|error| YamlError {
        line: error
            .location()
            .and_then(|at| usize::try_from(at.line()).ok())
            .filter(|line| *line > 0),
        message: message(&error),
    })
}

fn options(max_nodes: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: max_nodes,
            max_events: max_nodes.saturating_mul(2),
            max_documents: 1,
            max_aliases: MAX_ANCHORS,
            max_anchors: MAX_ANCHORS,
            // One anchor with a whole values block under many aliases is in use.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED,
            max_replay_stack_depth: 32,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Merge,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        // YAML 1.1, as kubectl reads it: `0755` is 493, `yes` is true.
        legacy_octal_numbers: true,
        strict_booleans: false,
        emit_comments: false,
        with_snippet: false,
    }
}

/// The parser's words without the position, which stands beside them, and
/// without advice to programmers.
fn message(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => message(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} stands there twice")
        }
        Error::NullIntoString { .. } => "a key must be text, and this one is empty".to_owned(),
        Error::Unexpected { expected, .. } if expected.contains("string") => {
            "a key must be text, and this one is a list or a mapping".to_owned()
        }
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. } => {
            format!("its aliases expand to more than {MAX_ALIASED} values")
        }
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => {
                format!("it is nested more than {MAX_DEPTH} levels deep")
            }
            BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => {
                format!("it has more than {MAX_ANCHORS} aliases or anchors")
            }
            _ => "it is too large; split it".to_owned(),
        },
        other => {
            let text = DefaultMessageFormatter.format_message(other);
            text.chars().filter(|c| !c.is_control()).collect()
        }
    }
}
