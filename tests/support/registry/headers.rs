//! Headers that some registries send: ETags of tag lists, and the number of remaining
//! pulls.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::super::content::digest_of;
use super::{Inner, Logged, TestRegistry};

/// The configured headers.
#[derive(Debug, Default)]
pub(super) struct Headers {
    etags: bool,
    /// The limit, and the number of remaining pulls.
    pulls: Option<(usize, usize)>,
    unchanged: usize,
    last_modified: Option<String>,
}

impl TestRegistry {
    /// Sends ETags with tag lists, and 304 for a matching `If-None-Match`.
    pub fn send_etags(&self) {
        self.inner().headers.etags = true;
    }

    /// Sends this `Last-Modified` with manifests.
    pub fn last_modified(&self, at: &str) {
        self.inner().headers.last_modified = Some(at.to_owned());
    }

    /// The number of tag lists that were answered with 304.
    pub fn unchanged(&self) -> usize {
        self.inner().headers.unchanged
    }

    /// Counts each GET of a manifest, as Docker Hub does, and reports the limit.
    pub fn count_pulls(&self, limit: usize, left: usize) {
        self.inner().headers.pulls = Some((limit, left));
    }

    /// The number of remaining pulls.
    pub fn pulls_left(&self) -> Option<usize> {
        self.inner().headers.pulls.map(|(_, left)| left)
    }
}

impl Inner {
    /// Adds the headers to a response.
    pub(super) fn dress(
        &mut self,
        request: &Logged,
        known: Option<&str>,
        response: Response,
    ) -> Response {
        if let (Some((_, left)), true) = (
            &mut self.headers.pulls,
            request.path.contains("/manifests/") && request.method == "GET",
        ) {
            if *left == 0 {
                return StatusCode::TOO_MANY_REQUESTS.into_response();
            }
            *left -= 1;
        }
        let mut response = response;
        let is_manifest = request.path.contains("/manifests/");
        if let Some(at) = self.headers.last_modified.as_ref().filter(|_| is_manifest) {
            let at = at.parse().expect("a value");
            response.headers_mut().insert(header::LAST_MODIFIED, at);
        }
        if let (Some((limit, left)), true) =
            (self.headers.pulls, request.path.contains("/manifests/"))
        {
            for (name, number) in [("ratelimit-limit", limit), ("ratelimit-remaining", left)] {
                let value = format!("{number};w=21600").parse().expect("a value");
                response.headers_mut().insert(name, value);
            }
        }
        let repository = request
            .path
            .strip_prefix("/v2/")
            .and_then(|rest| rest.strip_suffix("/tags/list"));
        let names = repository.filter(|_| self.headers.etags && response.status().is_success());
        if let Some(names) = names.and_then(|name| self.content.sorted_names(name)) {
            let content = format!("{}?{}", names.join(","), request.query);
            let etag = format!("\"{}\"", digest_of(content.as_bytes()));
            if known == Some(etag.as_str()) {
                self.headers.unchanged += 1;
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.body_mut() = Body::empty();
                response.headers_mut().remove(header::CONTENT_TYPE);
            }
            let etag = etag.parse().expect("a value");
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}
