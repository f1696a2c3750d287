//! What can go wrong between us and the API server, in kubectl's words.

use std::time::Duration;

/// Why a cluster could not be read or written.
///
/// `Display` is the bare message; [`ClusterError::line`] is the whole line as
/// kubectl prints it. Neither repeats its causes.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// `--context` or the file's current context is in no kubeconfig: the user's
    /// fault.
    #[error("context {0:?} does not exist")]
    UnknownContext(String),
    /// A cluster is in no kubeconfig: the user's fault.
    #[error("no server found for cluster {0:?}")]
    UnknownCluster(String),
    /// A user is in no kubeconfig: the user's fault.
    #[error("auth info {0:?} does not exist")]
    UnknownUser(String),
    /// A kubeconfig cannot be read.
    #[error("error loading config file {path:?}: {reason}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A flag or a field of the kubeconfig makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// Names and flags that exclude each other.
    #[error("{0}")]
    Selection(&'static str),
    /// A name that cannot stand in a URL.
    #[error("invalid {what} {name:?}: {reason}")]
    InvalidName {
        /// `namespace` or `resource name`.
        what: &'static str,
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing listens there.
    #[error(
        "The connection to the server {server} was refused - did you specify the right host or port?"
    )]
    Refused {
        /// `host:port`.
        server: String,
    },
    /// The server cannot be reached or trusted, or no credentials can be had.
    #[error("Unable to connect to the server: {reason}")]
    Unreachable {
        /// The innermost cause.
        reason: String,
    },
    /// The server took too long to answer.
    #[error(
        "Unable to connect to the server: context deadline exceeded \
         ({request} took longer than {} s)",
        limit.as_secs_f64()
    )]
    Timeout {
        /// What was asked: `GET /api/v1/pods`.
        request: String,
        /// `--request-timeout`, or the default.
        limit: Duration,
    },
    /// The server does not know these credentials: they are wrong or expired.
    #[error("You must be logged in to the server ({message})")]
    Unauthorized {
        /// The server's word for it.
        message: String,
    },
    /// The server refused a request.
    #[error("{}", from_server(reason, message))]
    Api {
        /// The HTTP status.
        code: u16,
        /// `Forbidden`, `NotFound`…; empty where the server gives none.
        reason: String,
        /// The server's own message.
        message: String,
        /// `details.kind` of the answer: the type that the server looked in. It
        /// is missing where the server does not serve the path at all.
        kind: Option<String>,
    },
    /// An answer that is not what the API gives.
    #[error("the server's answer to {request} cannot be read: {reason}")]
    Malformed {
        /// What was asked: `GET /api/v1/pods`.
        request: String,
        /// What does not fit.
        reason: String,
    },
}

fn from_server(reason: &str, message: &str) -> String {
    match reason {
        "" | "Unknown" => format!("Error from server: {message}"),
        reason => format!("Error from server ({reason}): {message}"),
    }
}

impl ClusterError {
    /// The line that kubectl prints: client errors begin with `error: `.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Api { .. } => self.to_string(),
            _ => format!("error: {self}"),
        }
    }

    /// One word for machines: the API's reason, or a like one of ours.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Api { code, reason, .. } if reason.is_empty() => http_reason(*code),
            Self::Api { reason, .. } => reason,
            Self::Unauthorized { .. } => "Unauthorized",
            Self::Refused { .. } | Self::Unreachable { .. } => "Unreachable",
            Self::Timeout { .. } => "Timeout",
            Self::Malformed { .. } => "Malformed",
            _ => "Invalid",
        }
    }

    /// Says that the server refused us because it was shown nothing.
    pub(crate) fn without_credentials(mut self, server_url: &str) -> Self {
        if let Self::Unauthorized { message }
        | Self::Api {
            code: 403, message, ..
        } = &mut self
        {
            message.push_str(&format!(
                "; no credentials were sent, since the server {server_url} does not speak https: \
                 name it as https://HOST:PORT"
            ));
        }
        self
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Api { code: 403, .. })
    }

    /// Whether the user lacks the right to do this. A policy of admission answers
    /// with the same code, and no right helps against it.
    pub(crate) fn is_denied(&self, verb: &str) -> bool {
        match self {
            Self::Api { message, .. } => {
                self.is_forbidden() && message.contains(&format!(" cannot {verb}"))
            }
            _ => false,
        }
    }

    /// Whether somebody else wrote the object since it was read.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        // A name that is taken has this code too.
        matches!(self, Self::Api { code: 409, .. }) && self.reason() == "Conflict"
    }

    /// Whether the object is not what a patch tests for, or what it makes of it is
    /// not valid: the server tells them by one code.
    #[must_use]
    pub fn is_unprocessable(&self) -> bool {
        matches!(self, Self::Api { code: 422, .. })
    }

    /// Whether the request may have been carried out all the same: it broke off,
    /// or the server failed in the middle of it.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Api { code, .. } => *code >= 500,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Malformed { .. } => true,
            _ => false,
        }
    }

    /// Whether the server has no such object, or no such path at all.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { code: 404, .. })
    }

    /// Whether the server looked for an object and has none of this name.
    pub(crate) fn is_no_such_object(&self) -> bool {
        matches!(
            self,
            Self::Api {
                code: 404,
                kind: Some(_),
                ..
            }
        )
    }

    /// Whether the server has no such path: nothing was looked for, so that it
    /// tells nothing of an object.
    pub(crate) fn is_not_served(&self) -> bool {
        matches!(
            self,
            Self::Api {
                code: 404,
                kind: None,
                ..
            }
        )
    }

    /// A continue token that has grown too old, `410 Gone`.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self, Self::Api { code: 410, .. })
    }

    /// Whether the request never got an answer, which every other request to
    /// this server is likely to share.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Timeout { .. }
        )
    }

    /// Whether every other request will fail for the same reason.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. } | Self::Api { code: 400, .. }
        )
    }
}

pub(crate) fn http_reason(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    }
}
