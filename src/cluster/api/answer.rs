//! What a response is, by its body: the wanted object, an error of the API server, or
//! something that another program sent in its place.

use http::StatusCode;
use kube::core::Status;
use serde::Deserialize;

use super::error::ClusterError;
use super::error::http_reason;
use crate::secrets;

/// The maximum size of a body that is searched for a failed `Status`, in bytes. The
/// server's are much smaller; larger bodies are lists, whose kind is checked.
const MAX_STATUS: usize = 64 * 1024;

/// What every object of the API has; also the error that many other servers send.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyObject {
    kind: String,
    status: serde_json::Value,
    message: String,
}

/// The error in a response, if its code or its body says that the request failed.
pub(crate) fn failure(code: StatusCode, body: &str) -> Option<Status> {
    let is_error = code.is_client_error() || code.is_server_error();
    if is_html(body) {
        return Some(Status::failure("", "").with_code(code.as_u16()));
    }
    if !is_error && !is_failed_status(body) {
        return None;
    }
    let status = serde_json::from_str(body);
    let mut status = status.unwrap_or_else(|_| {
        let reason = http_reason(code.as_u16());
        Status::failure(&secrets::quote(body), reason)
    });
    if status.code == 0 {
        status.code = if is_error { code.as_u16() } else { 500 };
    }
    Some(status)
}

/// Whether a body is a page in HTML, as proxies and log-in pages send it with any code.
pub(crate) fn is_html(body: &str) -> bool {
    let body = body.trim_start_matches('\u{feff}').trim_start();
    let start: String = body.chars().take(MAX_STATUS).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with('<') && (!start.starts_with("<?xml") || start.contains("<html"))
}

/// Whether the server responds with a failed `Status` although the code means success.
fn is_failed_status(body: &str) -> bool {
    body.len() <= MAX_STATUS
        && serde_json::from_str::<AnyObject>(body)
            .is_ok_and(|object| object.kind == "Status" && object.status == "Failure")
}

/// Checks that the response to a request, `GET /api/v1/pods`, is an object of a kind.
///
/// # Errors
///
/// It is something else.
pub(crate) fn check_kind(body: &str, kind: &str, request: &str) -> Result<(), ClusterError> {
    match serde_json::from_str::<AnyObject>(body) {
        Ok(object) if object.kind == kind => Ok(()),
        _ => Err(is_not(&format!("of kind {kind}"), body, request)),
    }
}

/// The error for a response that is not what it must be, such as `a list`. Another
/// server's own message is quoted.
pub(crate) fn is_not(expected: &str, body: &str, request: &str) -> ClusterError {
    let mut reason = format!("it is not {expected}");
    match serde_json::from_str::<AnyObject>(body) {
        Ok(object) => {
            if !object.kind.is_empty() {
                reason.push_str(&format!(", its kind is {}", secrets::quote(&object.kind)));
            }
            if !object.message.is_empty() {
                reason.push_str(&format!(": {}", secrets::quote(&object.message)));
            }
        }
        Err(_) => reason.push_str(", and not an object"),
    }
    ClusterError::Malformed {
        request: request.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, body: &str) -> Option<(u16, String)> {
        let code = StatusCode::from_u16(code).expect("a code");
        failure(code, body).map(|status| (status.code, status.message))
    }

    #[test]
    fn failed_status_is_an_error_whatever_the_code_is() {
        let failed = r#"{"kind":"Status","status":"Failure","message":"m","code":403}"#;
        let without_code = r#"{"kind":"Status","status":"Failure","message":"m"}"#;
        let success = r#"{"kind":"Status","status":"Success"}"#;
        let object = r#"{"kind":"Deployment","status":{"replicas":1}}"#;
        for (code, body, expected) in [
            (200, failed, Some(403)),
            (201, failed, Some(403)),
            (200, without_code, Some(500)),
            (404, without_code, Some(404)),
            (200, success, None),
            (200, object, None),
            (200, "", None),
        ] {
            assert_eq!(of(code, body).map(|(code, _)| code), expected, "{body}");
        }
    }

    #[test]
    fn page_in_html_is_recognised() {
        for (body, expected) in [
            ("<!DOCTYPE html>\n<html>", true),
            ("\u{feff}\n  <HTML>", true),
            ("<head><title>x</title>", true),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE html><html>", true),
            ("<?xml version=\"1.0\"?><Error/>", false),
            ("{\"a\": \"<html>\"}", false),
            ("", false),
        ] {
            assert_eq!(is_html(body), expected, "{body}");
            assert_eq!(of(200, body).is_some(), expected, "{body}");
        }
    }

    #[test]
    fn text_of_another_program_is_quoted_in_one_line() {
        let body = format!("upstream error\r\nreset\u{1b}[0m {}", "x".repeat(9999));
        let (code, message) = of(503, &body).expect("an error");
        assert_eq!(code, 503);
        assert!(
            message.starts_with("upstream error  reset [0m x"),
            "{message}"
        );
        assert!(message.len() < 300, "{message}");
    }

    #[test]
    fn other_object_is_named_with_its_message() {
        for (body, expected) in [
            ("{}", "it is not of kind Secret"),
            ("not JSON", "it is not of kind Secret, and not an object"),
            (
                r#"{"kind":"Pod"}"#,
                "it is not of kind Secret, its kind is Pod",
            ),
            (
                r#"{"message":"no route"}"#,
                "it is not of kind Secret: no route",
            ),
        ] {
            let error = check_kind(body, "Secret", "GET /x").expect_err("another");
            assert!(error.to_string().ends_with(expected), "{error}");
        }
        assert!(check_kind(r#"{"kind":"Secret"}"#, "Secret", "GET /x").is_ok());
    }
}
