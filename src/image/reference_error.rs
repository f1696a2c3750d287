//! Why a text is not a valid image reference.

/// Why a text is not a valid image reference. The manifest has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text is empty.
    #[error("the image is empty")]
    Empty,
    /// There is white space around the name. The API server accepts that.
    #[error("the image name has leading or trailing white space")]
    WhiteSpace,
    /// The text is encrypted by SOPS, or a part of it is.
    #[error("encrypted by SOPS; decrypt it first: sops -d FILE | kubectl imgpolicy … -f -")]
    Encrypted,
    /// The text is longer than any reference can be.
    #[error("an image reference of {0} bytes is too long")]
    TooLong(usize),
    /// The repository name has an upper-case letter.
    #[error("a repository name must be lower-case")]
    UpperCase,
    /// The text does not follow the grammar.
    #[error("not a valid image reference: {0}")]
    Grammar(String),
}
