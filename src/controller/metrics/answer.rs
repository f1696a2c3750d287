//! What each request is answered with.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use super::controller_metrics::ControllerMetrics;

/// The media type of OpenMetrics text.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The answer to a request.
pub(super) fn answer(method: &Method, path: &str, metrics: &ControllerMetrics) -> Response<String> {
    let is_get = method == Method::GET;
    match path {
        "/metrics" | "/healthz" | "/readyz" if !is_get => {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed");
            let headers = refusal.headers_mut();
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
            refusal
        }
        "/metrics" => with_type(StatusCode::OK, OPEN_METRICS, metrics.text()),
        "/healthz" => state(metrics.health()),
        "/readyz" => state(metrics.readiness()),
        _ => plain(StatusCode::NOT_FOUND, "see /metrics, /healthz and /readyz"),
    }
}

fn state(state: Result<(), String>) -> Response<String> {
    match state {
        Ok(()) => plain(StatusCode::OK, "ok"),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<String> {
    with_type(status, PLAIN, format!("{text}\n"))
}

fn with_type(status: StatusCode, media_type: HeaderValue, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
