//! Why a text is not a valid regular expression of Go.

/// The longest expression that is accepted, in bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 10 * 1024;

/// Why a text is not a valid regular expression of Go. The policy has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoRegexError {
    /// The text has more than [`MAX_PATTERN_BYTES`] bytes.
    #[error(
        "the regular expression is {length} bytes long; at most {MAX_PATTERN_BYTES} are allowed"
    )]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// Other engines support this construct, but Go does not.
    #[error(
        "the regular expression has {construct} '{text}' at byte {offset}, which Go's RE2 syntax does not support"
    )]
    Unsupported {
        /// The name of the construct, with its article.
        construct: &'static str,
        /// The construct as written.
        text: String,
        /// Where it begins, in bytes from the start.
        offset: usize,
    },
    /// The expression is malformed.
    #[error("the regular expression has {problem} '{text}' at byte {offset}")]
    Invalid {
        /// The problem, with its article.
        problem: &'static str,
        /// The invalid part.
        text: String,
        /// Where it begins, in bytes from the start.
        offset: usize,
    },
    /// The compiled program would take more than 4 MiB.
    #[error("the regular expression is too large when its repeats are expanded")]
    TooLarge,
    /// The `regex` crate rejects the translated expression.
    #[error("the regular expression cannot be compiled: {reason}")]
    Refused {
        /// The error message of the crate, on one line.
        reason: String,
    },
}
