//! One request, with its timeout, its log line and its errors in kubectl's wording.
//!
//! Requests are repeated by our own rule ([`Repeats`]). kube's own repeats are off: they
//! do not know which requests are safe to repeat, and a timeout then hides the server's
//! message.

use std::time::Instant;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use kube::core::Status;

use super::admission::warnings;
use super::answer;
use super::cause::cause_of;
use super::error::ClusterError;
use super::repeat::{Failure, Repeats, SecondCopy, retry_after};
use crate::cluster::connect::connection::Cluster;

/// The result of building a request with `kube::core::Request`.
type BuiltRequest = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

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
        let response = self.send(request, SecondCopy::Read).await?;
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
        let mut repeats = Repeats::new(second_copy);
        let mut earlier_failure = None;
        loop {
            let failure = match self.send_once(request.clone(), &request_line).await? {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let Some(wait) = repeats.next(&failure) else {
                // This conflict may come from the first copy itself.
                let is_conflict = matches!(failure.code(), Some(409 | 422));
                let failure = earlier_failure.filter(|_| is_conflict).unwrap_or(failure);
                return Err(self.error(failure, &request_line));
            };
            if failure.code() != Some(429) {
                earlier_failure = Some(failure);
            }
            tracing::debug!("{request_line} is sent again in {} ms", wait.as_millis());
            tokio::time::sleep(wait).await;
        }
    }

    fn error(&self, failure: Failure, request_line: &str) -> ClusterError {
        if failure.is_html {
            return ClusterError::Html {
                request: request_line.to_owned(),
                code: failure.code().unwrap_or_default(),
            };
        }
        let delay = failure.unacceptable_delay();
        let error = ClusterError::from_kube(failure.error, request_line, &self.server());
        let error = error.with_delay(delay);
        if self.credentials().are_withheld() {
            error.without_credentials(self.server_url())
        } else {
            error
        }
    }

    /// Sends a request, and sends it again if the credentials were rejected and there
    /// are newer ones. The rejected request had no effect.
    async fn send_once(
        &self,
        request: http::Request<Vec<u8>>,
        request_line: &str,
    ) -> Result<Result<ApiResponse, Failure>, ClusterError> {
        let header = self.credentials().header().await?;
        let response = self
            .send_as(request.clone(), header.as_ref(), request_line)
            .await?;
        let is_rejected = response.as_ref().err().and_then(Failure::code) == Some(401);
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
    ) -> Result<Result<ApiResponse, Failure>, ClusterError> {
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
            Err(failure) => {
                let error = cause_of(&failure.error, &self.server());
                tracing::debug!("{line}: {error} after {took} ms");
            }
        }
        Ok(response)
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<ApiResponse, Failure> {
        let response = self.client().send(request.map(Into::into)).await?;
        let status = response.status();
        let warnings = warnings(response.headers());
        let retry_after = retry_after(response.headers());
        let bytes = response.into_body().collect_bytes().await?;
        let body = String::from_utf8(bytes.to_vec()).map_err(kube::Error::FromUtf8)?;
        if let Some(failure) = answer::failure(status, &body) {
            return Err(Failure {
                error: kube::Error::Api(failure.boxed()),
                retry_after,
                is_html: answer::is_html(&body),
            });
        }
        if status.is_redirection() {
            // A redirect could send the credentials to an unknown server.
            let message = format!(
                "the server responded with a redirect (HTTP {}), which is not followed; \
                 check the server's URL",
                status.as_u16()
            );
            let status = Status::failure(&message, "").with_code(status.as_u16());
            return Err(kube::Error::Api(status.boxed()).into());
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
        assert_eq!(started.elapsed().as_millis(), 7500);
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
        assert_eq!(requests.uris().len(), 4);
        let (closed, requests) = cluster(|_| forbidden());
        assert!(closed.fetch_path("/x").await.is_err());
        assert_eq!(requests.uris().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn delay_that_is_not_waited_for_is_reported() {
        let (cluster, requests) = cluster(|_| {
            let body = json!({"kind": "Status", "status": "Failure", "code": 429,
                "message": "m", "details": {"retryAfterSeconds": 3600}});
            (429, body.to_string())
        });
        let error = cluster.fetch_path("/x").await.expect_err("gives up");
        assert_eq!(error.line(), "Error from server: m; try again in 3600 s");
        assert_eq!(requests.uris().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn unsafe_request_is_repeated_only_if_it_had_no_effect() {
        for (code, tries) in [(429, 4), (503, 1), (504, 1), (500, 1)] {
            let (cluster, requests) = cluster(move |_| status(code, "", "m"));
            let request = kube::core::Request::new("/x").create(&PostParams::default(), vec![]);
            let error = cluster.send(request, SecondCopy::Harmful).await;
            assert_eq!(error.expect_err("refused").line(), "Error from server: m");
            assert_eq!(requests.uris().len(), tries, "{code}");
        }
    }

    #[tokio::test]
    async fn failed_status_is_an_error_although_the_code_is_200() {
        let (cluster, _) = cluster(|_| (200, forbidden().1));
        let error = cluster.fetch_path("/x").await.expect_err("an error");
        assert_eq!(error.reason(), "Forbidden");
        assert!(error.is_forbidden());
    }

    #[tokio::test]
    async fn proxy_page_and_empty_body_are_reported_with_their_code() {
        for (body, line, reason) in [
            (
                "<html>\n<body>bad gateway</body></html>\n",
                "Unable to connect to the server: something answered in HTML (GET /x: HTTP 502), \
                 such as a proxy or a log-in page; check the server's URL",
                "Malformed",
            ),
            (
                "{}",
                "Error from server: the server answered GET /x with 502",
                "Unknown",
            ),
            ("bad\ngateway", "Error from server: bad gateway", "Unknown"),
        ] {
            let (cluster, _) = cluster(move |_| (502, body.to_owned()));
            let error = cluster.fetch_path("/x").await.expect_err("an error");
            assert_eq!((error.line().as_str(), error.reason()), (line, reason));
        }
    }
}
