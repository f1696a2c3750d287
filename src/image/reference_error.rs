//! Why a text is not a valid image reference.

/// A text that is no image reference: the manifest's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing stands there.
    #[error("the image is empty")]
    Empty,
    /// White space stands around the name; the API server lets that pass.
    #[error("white space stands around the image name")]
    WhiteSpace,
    /// SOPS has encrypted it, or a part of it.
    #[error("encrypted by SOPS; decrypt it first: sops -d FILE | kubectl imgpolicy … -f -")]
    Encrypted,
    /// The text is longer than any reference can be.
    #[error("an image reference of {0} bytes is too long")]
    TooLong(usize),
    /// The repository's name has a capital letter.
    #[error("a repository name must be lower-case")]
    UpperCase,
    /// The text does not follow the grammar.
    #[error("not an image reference: {0}")]
    Grammar(String),
}
