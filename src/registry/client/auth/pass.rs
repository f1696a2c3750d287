//! What one request shows.

use http::HeaderValue;

/// What one request shows, and which round of authorization it belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) round: u64,
}
