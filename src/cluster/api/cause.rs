//! Errors of the client library, converted to kubectl's wording.

use std::error::Error;
use std::io;

use super::error::ClusterError;
use crate::secrets::redact;

impl ClusterError {
    /// Converts the error of a request, `GET /api/v1/pods`.
    pub(crate) fn from_kube(error: kube::Error, request: &str, server: &str) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 401 => Self::Unauthorized {
                message: match status.message.as_str() {
                    "" => "Unauthorized".to_owned(),
                    message => redact(message).into_owned(),
                },
            },
            kube::Error::Api(status) => Self::Api {
                code: status.code,
                reason: status.reason,
                message: match status.message.as_str() {
                    "" => format!("the server answered {request} with {}", status.code),
                    message => redact(message).into_owned(),
                },
                kind: status
                    .details
                    .map(|details| details.kind)
                    .filter(|kind| !kind.is_empty()),
            },
            kube::Error::SerdeError(error) => Self::malformed(request, &error),
            kube::Error::FromUtf8(error) => Self::malformed(request, &error),
            error => Self::from_transport(&error, server),
        }
    }

    pub(crate) fn malformed(request: &str, error: &dyn Error) -> Self {
        Self::Malformed {
            request: request.to_owned(),
            reason: redact(&error.to_string()).into_owned(),
        }
    }

    fn from_transport(error: &kube::Error, server: &str) -> Self {
        let mut innermost: &dyn Error = error;
        let mut cause: Option<&dyn Error> = Some(error);
        while let Some(current) = cause {
            if let Some(auth) = current.downcast_ref::<kube::client::AuthError>() {
                return Self::Unreachable {
                    reason: format!("getting credentials: {}", provider_failure(auth)),
                };
            }
            if let Some(io) = current.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => {
                        return Self::Refused {
                            server: server.to_owned(),
                        };
                    }
                    io::ErrorKind::TimedOut => {
                        return Self::Unreachable {
                            reason: format!("dial tcp {server}: i/o timeout"),
                        };
                    }
                    _ => {}
                }
                // `source` of an io::Error does not return the error that it wraps.
                if let Some(wrapped) = io.get_ref() {
                    innermost = wrapped;
                    cause = Some(wrapped);
                    continue;
                }
            }
            innermost = current;
            cause = current.source();
        }
        let reason = plain_io(&redact(&innermost.to_string()));
        Self::Unreachable {
            reason: match reason.strip_prefix("invalid peer certificate: ") {
                Some(detail) => format!("tls: failed to verify certificate: {detail}"),
                None => reason,
            },
        }
    }
}

/// Whether the connection was reset, or closed before the whole response had arrived.
pub(crate) fn is_broken_connection(error: &kube::Error) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(current) = cause {
        if let Some(http) = current.downcast_ref::<hyper::Error>()
            && (http.is_incomplete_message() || http.is_closed() || http.is_canceled())
        {
            return true;
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            if matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            ) {
                return true;
            }
            if let Some(wrapped) = io.get_ref() {
                cause = Some(wrapped);
                continue;
            }
        }
        cause = current.source();
    }
    false
}

/// Why a request failed, for the log. kube's own messages may quote what it sent.
pub(crate) fn cause_of(error: &kube::Error, server: &str) -> String {
    match error {
        kube::Error::Api(status) => {
            let message = redact(&status.message);
            format!("HTTP {} {} {message}", status.code, status.reason)
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            "the response cannot be read".to_owned()
        }
        error => ClusterError::from_transport(error, server).to_string(),
    }
}

/// Why the `oidc` provider returned no token; kube runs no other provider. Its parser's
/// errors may quote a token, so they are not shown.
fn provider_failure(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    use kube::client::oidc_errors::{Error, RefreshError, RefreshInitError};
    let AuthError::Oidc(error) = error else {
        return "the auth provider failed".to_owned();
    };
    let reason = match error {
        Error::IdTokenMissing => "it has no id-token".to_owned(),
        Error::IdToken(_) => "its id-token is not a valid JSON Web Token".to_owned(),
        Error::RefreshInit(RefreshInitError::MissingField(field)) => {
            format!("its id-token has expired, and there is no {field} to get another one")
        }
        Error::RefreshInit(_) => {
            "its id-token has expired, and no connection can be set up to get another one"
                .to_owned()
        }
        Error::Refresh(RefreshError::RequestFailed(status)) => {
            format!("its id-token has expired, and the provider answered HTTP {status}")
        }
        Error::Refresh(RefreshError::HyperError(_) | RefreshError::HyperUtilError(_)) => {
            "its id-token has expired, and the provider cannot be reached".to_owned()
        }
        Error::Refresh(_) => {
            "its id-token has expired, and the provider gives no other one; log in again".to_owned()
        }
    };
    format!("the oidc auth provider: {reason}")
}

/// A system error in Go's form: without a capital and without the error number.
pub(crate) fn plain_io(text: &str) -> String {
    let text = match text.split_once(" (os error ") {
        Some((text, _)) => text,
        None => text,
    };
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // An abbreviation keeps its capitals.
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, reason: &str, message: &str) -> ClusterError {
        let status = kube::core::Status::failure(message, reason).with_code(code);
        ClusterError::from_kube(kube::Error::Api(status.boxed()), "GET /x", "h:1")
    }

    #[test]
    fn server_errors_have_the_wording_of_kubectl() {
        for (error, line, reason) in [
            (
                api(404, "NotFound", "deployments.apps \"nope\" not found"),
                "Error from server (NotFound): deployments.apps \"nope\" not found",
                "NotFound",
            ),
            (
                api(401, "Unauthorized", "Unauthorized"),
                "error: You must be logged in to the server (Unauthorized)",
                "Unauthorized",
            ),
            (
                api(409, "", ""),
                "Error from server: the server answered GET /x with 409",
                "Conflict",
            ),
        ] {
            assert_eq!(error.line(), line);
            assert_eq!(error.reason(), reason);
        }
    }

    #[test]
    fn refused_connection_is_found_in_wrapped_errors() {
        let io = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = kube::Error::Service(Box::new(io::Error::other(io)));
        let error = ClusterError::from_kube(error, "GET /x", "localhost:8080");
        assert_eq!(
            error.line(),
            "The connection to the server localhost:8080 was refused \
             - did you specify the right host or port?"
        );
    }

    #[test]
    fn other_failures_name_only_the_innermost_cause() {
        let inner = io::Error::other("invalid peer certificate: UnknownIssuer");
        let error = kube::Error::Service(Box::new(io::Error::other(inner)));
        assert_eq!(
            ClusterError::from_kube(error, "GET /x", "h:1").line(),
            "Unable to connect to the server: tls: failed to verify certificate: UnknownIssuer"
        );
    }
}
