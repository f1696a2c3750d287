//! One request, with its timeout, its log line and its errors in kubectl's wording.
//!
//! Requests to an overloaded server are retried a few times. kube's own retries are
//! off: they go on for minutes, and a timeout then hides the server's message. A request
//! whose connection broke is never sent again here: the caller decides what to do.

use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::AUTHORIZATION;
use kube::core::Status;

use super::admission::warnings;
use super::cause::cause_of;
use super::error::{ClusterError, http_reason};
use crate::cluster::connect::connection::Cluster;

/// How long to wait before each retry, if the server does not say.
const WAITS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The longest delay that the server may request.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The result of building a request with `kube::core::Request`.
type BuiltRequest = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

/// What a second copy of a request does, if the first took effect although the server
/// responded with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondCopy {
    /// Nothing: it reads, or it has a version or a name that the server accepts only
    /// once.
    Harmless,
    /// It overwrites changes that others made in between.
    Harmful,
}

/// The server's response.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) body: String,
    /// The server's warnings, decoded.
    pub(crate) warnings: Vec<String>,
}

impl Cluster {
    /// Sends a read request and returns the body.
    pub(crate) async fn fetch(&self, request: BuiltRequest) -> Result<String, ClusterError> {
        let response = self.send(request, SecondCopy::Harmless).await?;
        Ok(response.body)
    }

    /// Sends a request of any kind.
    pub(crate) async fn send(
        &self,
        request: BuiltRequest,
        second_copy: SecondCopy,
    ) -> Result<ApiResponse, ClusterError> {
        let request = request.map_err(|error| ClusterError::Configuration(error.to_string()))?;
        let request_line = format!("{} {}", request.method(), request.uri().path());
        let mut waits = WAITS.into_iter();
        let mut earlier_failure = None;
        loop {
            let error = match self.send_once(request.clone(), &request_line).await? {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match requested_delay(&error, second_copy).zip(waits.next()) {
                Some((requested, wait)) => {
                    if code(&error) != Some(429) {
                        earlier_failure = Some(error);
                    }
                    tokio::time::sleep(wait.max(requested)).await;
                }
                None => {
                    // This conflict may come from the first copy itself.
                    let is_conflict = matches!(code(&error), Some(409 | 422));
                    let error = earlier_failure.filter(|_| is_conflict).unwrap_or(error);
                    let error = ClusterError::from_kube(error, &request_line, &self.server());
                    return Err(if self.credentials().are_withheld() {
                        error.without_credentials(self.server_url())
                    } else {
                        error
                    });
                }
            }
        }
    }

    /// Sends a request, and sends it again if the credentials were rejected and there
    /// are newer ones. The rejected request had no effect.
    async fn send_once(
        &self,
        request: http::Request<Vec<u8>>,
        request_line: &str,
    ) -> Result<kube::Result<ApiResponse>, ClusterError> {
        let header = self.credentials().header().await?;
        let response = self
            .send_as(request.clone(), header.as_ref(), request_line)
            .await?;
        let is_rejected = response.as_ref().err().and_then(code) == Some(401);
        match header.filter(|_| is_rejected) {
            Some(header) => match self.credentials().replacement_for(&header).await? {
                Some(other) => self.send_as(request, Some(&other), request_line).await,
                None => Ok(response),
            },
            None => Ok(response),
        }
    }

    async fn send_as(
        &self,
        mut request: http::Request<Vec<u8>>,
        header: Option<&HeaderValue>,
        request_line: &str,
    ) -> Result<kube::Result<ApiResponse>, ClusterError> {
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        let line = format!("{} {}", request.method(), request.uri());
        let started = Instant::now();
        let response = self.exchange(request);
        let response =
            match self.response_timeout() {
                Some(limit) => tokio::time::timeout(limit, response).await.map_err(|_| {
                    ClusterError::Timeout {
                        request: request_line.to_owned(),
                        limit,
                    }
                })?,
                None => response.await,
            };
        let took = started.elapsed().as_millis();
        match &response {
            Ok(response) => tracing::debug!("{line}: {} bytes in {took} ms", response.body.len()),
            Err(error) => {
                let error = cause_of(error, &self.server());
                tracing::debug!("{line}: {error} after {took} ms");
            }
        }
        Ok(response)
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> kube::Result<ApiResponse> {
        let response = self.client().send(request.map(Into::into)).await?;
        let (status, warnings) = (response.status(), warnings(response.headers()));
        let bytes = response.into_body().collect_bytes().await?;
        let body = String::from_utf8(bytes.to_vec()).map_err(kube::Error::FromUtf8)?;
        if status.is_client_error() || status.is_server_error() {
            return Err(kube::Error::Api(failure(status.as_u16(), &body).boxed()));
        }
        if status.is_redirection() {
            // A redirect could send the credentials to an unknown server.
            let message = format!(
                "the server responded with a redirect (HTTP {}), which is not followed; \
                 check the server's URL",
                status.as_u16()
            );
            let status = Status::failure(&message, "").with_code(status.as_u16());
            return Err(kube::Error::Api(status.boxed()));
        }
        Ok(ApiResponse { body, warnings })
    }

    /// Reads a path without parameters, such as `/apis/apps`.
    pub(crate) async fn fetch_path(&self, path: &str) -> Result<String, ClusterError> {
        let request = http::Request::get(path).body(Vec::new());
        self.fetch(request.map_err(kube::core::request::Error::BuildRequest))
            .await
    }
}

/// The error in a body. The body may also be a proxy's page.
fn failure(code: u16, body: &str) -> Status {
    let status = serde_json::from_str(body);
    let mut status = status.unwrap_or_else(|_| Status::failure(body.trim(), http_reason(code)));
    if status.code == 0 {
        status.code = code;
    }
    status
}

/// The status code of an error response.
fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The delay that the server requests before a retry; `None`: a retry does not help, or
/// may do harm. The server sends a 429 before the request takes effect; the other two
/// codes can come after it has.
fn requested_delay(error: &kube::Error, second_copy: SecondCopy) -> Option<Duration> {
    let kube::Error::Api(status) = error else {
        return None;
    };
    let is_retryable = match status.code {
        429 => true,
        503 | 504 => second_copy == SecondCopy::Harmless,
        _ => false,
    };
    let seconds = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    is_retryable.then(|| Duration::from_secs(u64::from(seconds)).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kube::api::PostParams;
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, status};

    #[tokio::test(start_paused = true)]
    async fn overloaded_server_is_retried_after_the_delay_it_requests() {
        let tries = AtomicUsize::new(0);
        let (cluster, requests) = cluster(move |_| {
            let body = json!({"kind": "Status", "status": "Failure", "code": 429,
                "reason": "TooManyRequests", "message": "m", "details": {"retryAfterSeconds": 7}});
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => (429, body.to_string()),
                1 => status(503, "ServiceUnavailable", "m"),
                _ => (200, "body".to_owned()),
            }
        });
        let started = tokio::time::Instant::now();
        assert_eq!(cluster.fetch_path("/x").await.expect("an answer"), "body");
        assert_eq!(started.elapsed().as_secs(), 8);
        assert_eq!(requests.uris().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn last_error_of_the_server_is_reported() {
        let (busy, requests) = cluster(|_| status(503, "ServiceUnavailable", "no backend"));
        let error = busy.fetch_path("/x").await.expect_err("gives up");
        assert_eq!(
            error.line(),
            "Error from server (ServiceUnavailable): no backend"
        );
        assert_eq!(requests.uris().len(), 1 + WAITS.len());
        let (closed, requests) = cluster(|_| forbidden());
        assert!(closed.fetch_path("/x").await.is_err());
        assert_eq!(requests.uris().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn unsafe_request_is_retried_only_if_it_had_no_effect() {
        for (code, tries) in [(429, 1 + WAITS.len()), (503, 1), (504, 1), (500, 1)] {
            let (cluster, requests) = cluster(move |_| status(code, "", "m"));
            let request = kube::core::Request::new("/x").create(&PostParams::default(), vec![]);
            let error = cluster.send(request, SecondCopy::Harmful).await;
            assert_eq!(error.expect_err("refused").line(), "Error from server: m");
            assert_eq!(requests.uris().len(), tries, "{code}");
        }
    }

    #[tokio::test]
    async fn proxy_page_and_empty_body_are_reported_with_their_code() {
        for (body, line) in [
            (
                "<html>bad gateway</html>\n",
                "Error from server: <html>bad gateway</html>",
            ),
            (
                "{}",
                "Error from server: the server answered GET /x with 502",
            ),
        ] {
            let (cluster, _) = cluster(move |_| (502, body.to_owned()));
            let error = cluster.fetch_path("/x").await.expect_err("an error");
            assert_eq!((error.line().as_str(), error.reason()), (line, "Unknown"));
        }
    }
}
