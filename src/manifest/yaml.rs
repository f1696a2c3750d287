//! Reads one YAML document into a value, within limits.

use serde_json::Value;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter as _};

use super::lenient;

/// The maximum nesting depth of lists and mappings. The deepest objects in practice,
/// resource definitions that contain the schema of a Pod, need half of it.
const MAX_DEPTH: usize = 64;

/// The maximum number of values that the aliases of one document may add.
const MAX_ALIASED: usize = 100_000;

/// The maximum number of anchors, and of aliases, in one document.
const MAX_ANCHORS: usize = 10_000;

/// Why a document could not be read.
pub(crate) struct YamlError {
    /// The line in the text, from 1, if it is known.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) message: String,
}

/// Reads a text that contains one document with at most `max_nodes` values.
pub(crate) fn value(text: &str, max_nodes: usize) -> Result<Value, YamlError> {
    serde_saphyr::from_str_with_options(text, options(max_nodes)).or_else(|error: Error| {
        let fixed = lenient::indented(text);
        let value = fixed
            .and_then(|text| serde_saphyr::from_str_with_options(&text, options(max_nodes)).ok());
        value.ok_or_else(|| YamlError {
            line: error
                .location()
                .and_then(|at| usize::try_from(at.line()).ok())
                .filter(|line| *line > 0),
            message: message(&error),
        })
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
            // A values block that many aliases repeat is common.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED,
            max_replay_stack_depth: 32,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Merge,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        // YAML 1.1, as in kubectl: `0755` is 493, `yes` is true.
        legacy_octal_numbers: true,
        strict_booleans: false,
        emit_comments: false,
        with_snippet: false,
    }
}

/// The parser's message without the position, which is reported separately, and without
/// advice for programmers.
fn message(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => message(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} is duplicated")
        }
        Error::NullIntoString { .. } => "a key must be a string, but this one is empty".to_owned(),
        Error::Unexpected { expected, .. } if expected.contains("string") => {
            "a key must be a string, but this one is a list or a mapping".to_owned()
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
