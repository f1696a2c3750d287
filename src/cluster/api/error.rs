//! Errors between us and the API server, worded as in kubectl.

use std::time::Duration;

/// Why a cluster could not be read or written.
///
/// `Display` is the message alone; [`ClusterError::line`] is the whole line as
/// kubectl prints it. Neither repeats its cause.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// `--context` or the current context is not in any kubeconfig: a user error.
    #[error("context {0:?} does not exist")]
    UnknownContext(String),
    /// A cluster is not in any kubeconfig: a user error.
    #[error("no server found for cluster {0:?}")]
    UnknownCluster(String),
    /// A user is not in any kubeconfig: a user error.
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
    /// A flag or a field of the kubeconfig is invalid.
    #[error("{0}")]
    Configuration(String),
    /// Names and flags that cannot be combined.
    #[error("{0}")]
    Selection(&'static str),
    /// A name that cannot be part of a URL.
    #[error("invalid {what} {name:?}: {reason}")]
    InvalidName {
        /// `namespace` or `resource name`.
        what: &'static str,
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing listens at the server's address.
    #[error(
        "The connection to the server {server} was refused - did you specify the right host or port?"
    )]
    Refused {
        /// `host:port`.
        server: String,
    },
    /// The server cannot be reached or trusted, or there are no credentials.
    #[error("Unable to connect to the server: {reason}")]
    Unreachable {
        /// The innermost cause.
        reason: String,
    },
    /// The server took too long to respond.
    #[error(
        "Unable to connect to the server: context deadline exceeded \
         ({request} took longer than {} s)",
        limit.as_secs_f64()
    )]
    Timeout {
        /// The request: `GET /api/v1/pods`.
        request: String,
        /// `--request-timeout`, or the default.
        limit: Duration,
    },
    /// The server does not accept the credentials: they are wrong or expired.
    #[error("You must be logged in to the server ({message})")]
    Unauthorized {
        /// The server's own message.
        message: String,
    },
    /// The server rejected a request.
    #[error("{}", from_server(reason, message))]
    Api {
        /// The HTTP status.
        code: u16,
        /// `Forbidden`, `NotFound`…; empty if the server gives none.
        reason: String,
        /// The server's own message.
        message: String,
        /// `details.kind` of the response: the type that the server searched. It is
        /// missing if the server does not serve the path at all.
        kind: Option<String>,
    },
    /// A page in HTML: the response of a proxy, or of a server that is not an API server.
    #[error(
        "Unable to connect to the server: something answered in HTML ({request}: HTTP {code}), \
         such as a proxy or a log-in page; check the server's URL"
    )]
    Html {
        /// The request: `GET /api/v1/pods`.
        request: String,
        /// The HTTP status.
        code: u16,
    },
    /// A response that does not follow the API.
    #[error("the server's response to {request} cannot be read: {reason}")]
    Malformed {
        /// The request: `GET /api/v1/pods`.
        request: String,
        /// What is wrong with it.
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
    /// The line that kubectl prints. Client errors begin with `error: `.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Html { .. }
            | Self::Api { .. } => self.to_string(),
            _ => format!("error: {self}"),
        }
    }

    /// One machine-readable word: the API's reason, or a similar one of ours.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Api { code, reason, .. } if reason.is_empty() => http_reason(*code),
            Self::Api { reason, .. } => reason,
            Self::Unauthorized { .. } => "Unauthorized",
            Self::Refused { .. } | Self::Unreachable { .. } => "Unreachable",
            Self::Timeout { .. } => "Timeout",
            Self::Malformed { .. } | Self::Html { .. } => "Malformed",
            _ => "Invalid",
        }
    }

    /// Explains that the server rejected the request because no credentials were sent.
    pub(crate) fn without_credentials(mut self, server_url: &str) -> Self {
        if let Self::Unauthorized { message }
        | Self::Api {
            code: 403, message, ..
        } = &mut self
        {
            message.push_str(&format!(
                "; no credentials were sent, because the server {server_url} does not use https: \
                 use https://HOST:PORT"
            ));
        }
        self
    }

    /// Adds the delay that an overloaded server requests to its message.
    pub(crate) fn with_delay(mut self, delay: Option<Duration>) -> Self {
        if let (Self::Api { message, .. }, Some(delay)) = (&mut self, delay) {
            let seconds = delay.as_secs();
            message.push_str(&format!("; try again in {seconds} s"));
        }
        self
    }

    /// Whether the response came from something that is not an API server, so that every
    /// other request is likely to fail in the same way.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Html { .. })
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Api { code: 403, .. })
    }

    /// Whether the server does not accept the user's credentials, or denies access.
    #[must_use]
    pub fn is_access_denied(&self) -> bool {
        matches!(self, Self::Unauthorized { .. }) || self.is_forbidden()
    }

    /// Whether the user lacks the permission. An admission policy responds with the same
    /// code, but no permission helps against that.
    pub(crate) fn is_denied(&self, verb: &str) -> bool {
        match self {
            Self::Api { message, .. } => {
                self.is_forbidden() && message.contains(&format!(" cannot {verb}"))
            }
            _ => false,
        }
    }

    /// Whether the object was changed after it was read.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        // A name that already exists also has this code.
        matches!(self, Self::Api { code: 409, .. }) && self.reason() == "Conflict"
    }

    /// Whether an object of this name was created before.
    #[must_use]
    pub fn already_exists(&self) -> bool {
        matches!(self, Self::Api { code: 409, .. }) && self.reason() == "AlreadyExists"
    }

    /// Whether a patch's test failed, or the patched object is not valid: the server
    /// uses one code for both (422).
    #[must_use]
    pub fn is_unprocessable(&self) -> bool {
        matches!(self, Self::Api { code: 422, .. })
    }

    /// Whether the request may have taken effect although it failed: the connection
    /// broke, or the server failed while it handled the request.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Api { code, .. } => *code >= 500,
            // A proxy that refuses a request does not forward it.
            Self::Html { code, .. } => !(400..500).contains(code),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Malformed { .. } => true,
            _ => false,
        }
    }

    /// Whether the server does not have the object or the path.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { code: 404, .. })
    }

    /// Whether the server searched the type and has no object of this name.
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

    /// Whether the server does not serve the path. It did not search for the object, so
    /// the object may exist elsewhere.
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

    /// Whether a continue token has expired: `410 Gone`.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self, Self::Api { code: 410, .. })
    }

    /// Whether the request got no response. Every other request to this server is likely
    /// to fail in the same way.
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
