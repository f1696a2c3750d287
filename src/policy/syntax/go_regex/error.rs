//! Why a text is not a valid regular expression of Go.

/// The longest expression that is read, in bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 10 * 1024;

/// Why a text is no regular expression of Go. It is the fault of who wrote the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoRegexError {
    /// The text has more than [`MAX_PATTERN_BYTES`] bytes.
    #[error(
        "the regular expression is {length} bytes long, at most {MAX_PATTERN_BYTES} are allowed"
    )]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
    /// Other engines know this construct, Go's does not.
    #[error(
        "the regular expression has {construct} '{text}' at byte {offset}, which Go's RE2 syntax does not know"
    )]
    Unsupported {
        /// What it is called, with its article.
        construct: &'static str,
        /// The construct as written.
        text: String,
        /// Where it begins, in bytes from the start.
        offset: usize,
    },
    /// The expression is malformed.
    #[error("the regular expression has {problem} '{text}' at byte {offset}")]
    Invalid {
        /// What is wrong, with its article.
        problem: &'static str,
        /// The part that is wrong.
        text: String,
        /// Where it begins, in bytes from the start.
        offset: usize,
    },
    /// The compiled program would take more than 4 MiB.
    #[error("the regular expression is too large once its repeats are written out")]
    TooLarge,
    /// The engine refuses what the translator let through.
    #[error("the regular expression cannot be compiled: {reason}")]
    Refused {
        /// The engine's own words, on one line.
        reason: String,
    },
}
