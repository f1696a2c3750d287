//! One request, with its time limit, its trace and its errors in kubectl's words.
//!
//! A server that is overloaded is asked again a few times. kube's own retries
//! are off: they go on for minutes, and a time-out then hides what the server
//! said.

use std::time::{Duration, Instant};

use super::connection::Cluster;
use super::error::ClusterError;

/// How long to wait before each further try, where the server does not say.
const WAITS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// What the server may ask for at most.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Sends a reading request that `kube::core::Request` built, and gives the
    /// body.
    pub(super) async fn fetch(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<String, ClusterError> {
        let request = request.map_err(|error| ClusterError::Configuration(error.to_string()))?;
        let path = request.uri().path().to_owned();
        let mut waits = WAITS.into_iter();
        loop {
            let error = match self.fetch_once(request.clone(), &path).await? {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            match wished_wait(&error).zip(waits.next()) {
                Some((wished, wait)) => tokio::time::sleep(wait.max(wished)).await,
                None => return Err(ClusterError::from_kube(error, &path, &self.server())),
            }
        }
    }

    async fn fetch_once(
        &self,
        request: http::Request<Vec<u8>>,
        path: &str,
    ) -> Result<kube::Result<String>, ClusterError> {
        let uri = request.uri().clone();
        let started = Instant::now();
        let answer = self.client().request_text(request);
        let answer =
            match self.answer_timeout() {
                Some(limit) => tokio::time::timeout(limit, answer).await.map_err(|_| {
                    ClusterError::Timeout {
                        path: path.to_owned(),
                        limit,
                    }
                })?,
                None => answer.await,
            };
        let took = started.elapsed().as_millis();
        match &answer {
            Ok(body) => tracing::debug!("GET {uri}: {} bytes in {took} ms", body.len()),
            Err(error) => tracing::debug!("GET {uri}: {error} after {took} ms"),
        }
        Ok(answer)
    }

    /// Reads a path as it is, such as `/apis/apps`.
    pub(super) async fn fetch_path(&self, path: &str) -> Result<String, ClusterError> {
        let request = http::Request::get(path).body(Vec::new());
        self.fetch(request.map_err(kube::core::request::Error::BuildRequest))
            .await
    }
}

/// How long the server wants to be left alone; `None`: asking again is no use.
fn wished_wait(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else {
        return None;
    };
    let overloaded = matches!(status.code, 429 | 503 | 504);
    let seconds = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    overloaded.then(|| Duration::from_secs(u64::from(seconds)).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, status};

    #[tokio::test(start_paused = true)]
    async fn an_overloaded_server_is_asked_again_as_late_as_it_wishes() {
        let tries = AtomicUsize::new(0);
        let (cluster, asked) = cluster(move |_| {
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
        assert_eq!(asked.uris().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_says_in_the_end_is_told() {
        let (busy, asked) = cluster(|_| status(503, "ServiceUnavailable", "no backend"));
        let error = busy.fetch_path("/x").await.expect_err("gives up");
        assert_eq!(
            error.line(),
            "Error from server (ServiceUnavailable): no backend"
        );
        assert_eq!(asked.uris().len(), 1 + WAITS.len());
        let (closed, asked) = cluster(|_| forbidden());
        assert!(closed.fetch_path("/x").await.is_err());
        assert_eq!(asked.uris().len(), 1);
    }
}
