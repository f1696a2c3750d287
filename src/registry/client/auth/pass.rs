//! The authorization of one request.

use http::HeaderValue;

/// The authorization of one request, and the round in which it was obtained.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) round: u64,
}
